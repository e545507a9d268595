"""What goes wrong with a broker, in our words."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aio_pika import exceptions as amqp
from aiormq.exceptions import ChannelAccessRefused, ConnectionNotAllowed
from pamqp.exceptions import PAMQPException

from service.adapters.cancellation import count_cancellations
from service.errors import PermanentError, ServiceError, TransientError

__all__ = ["leave_quietly", "translate_errors", "translate_failure"]

LOST: Final = (
    amqp.AMQPError,
    EOFError,
    OSError,
    PAMQPException,
    RuntimeError,  # the library's "connection is closed"; asyncio's "transport closed"
    StopAsyncIteration,  # the library's "hung up before the first frame"
)
"""What the library raises when a connection, a channel or a call ends badly, beside a
bare `Exception`."""

REFUSED: Final = (
    amqp.AuthenticationError,
    amqp.ProbableAuthenticationError,
    ChannelAccessRefused,
    ConnectionNotAllowed,
)

NO_VHOST: Final = re.compile(
    r"Expected .{0,200}OpenOk.{0,200}, got .{0,200}Connection\.Close"
)
"""How the library reports that the vhost is unknown or not for this user; it keeps the
broker's own words to itself."""

INEQUIVALENT: Final = re.compile(
    r"inequivalent arg '(?P<argument>[^']{1,255})' for (?P<kind>\w+) "
    r"'(?P<name>[^']{1,255})'.{0,500}: received (?P<expected>.{1,500})"
    r" but current is (?P<seen>.+)",
    re.DOTALL,
)
QUOTED: Final = re.compile(r"^(?:the value )?'(?P<value>.*?)'(?: of type '\w+')?$")


def translate_failure(exc: BaseException, *, operation: str) -> ServiceError:
    """Return whether what the library raised will pass."""
    if isinstance(exc, amqp.ChannelPreconditionFailed):
        return PermanentError(f"{operation}: {_mismatch(str(exc))}")
    if isinstance(exc, amqp.ChannelNotFoundEntity):
        return PermanentError(f"{operation}: {exc}")
    if isinstance(exc, amqp.InvalidFrameError) and NO_VHOST.search(str(exc)):
        return PermanentError(
            f"{operation}: there is no such vhost, or not for this user"
        )
    if isinstance(exc, REFUSED):
        return PermanentError(f"{operation}: the broker refuses it: {exc}")
    return TransientError(f"{operation}: {str(exc) or type(exc).__name__}")


@contextmanager
def translate_errors(operation: str) -> Iterator[None]:
    """Raise what the library raises inside as our errors.

    The library waits with `asyncio.wait_for`, which before Python 3.12 forgets that it
    was cancelled when its answer comes at the same moment
    (https://github.com/python/cpython/issues/86296); whoever called us must not go on
    then, or nothing ends it any more.
    """
    before = count_cancellations()
    try:
        yield
    except asyncio.CancelledError as exc:
        # The library cancels futures of a closing connection; nobody cancelled us.
        if count_cancellations() > before:
            raise
        raise TransientError(f"{operation}: the connection was closed") from exc
    except Exception as exc:
        if not _is_of_library(exc):
            raise
        if count_cancellations() > before:
            raise asyncio.CancelledError from exc
        raise translate_failure(exc, operation=operation) from exc
    if count_cancellations() > before:
        raise asyncio.CancelledError


@contextmanager
def leave_quietly() -> Iterator[None]:
    """Drop what the library raises while something of it is closed.

    Who is cancelled meanwhile is cancelled, and nobody else: see `translate_errors`.
    """
    before = count_cancellations()
    try:
        yield
    except asyncio.CancelledError:
        # Of a future that the library cancelled; the task would end without a trace.
        if count_cancellations() > before:
            raise
    except Exception as exc:
        if not _is_of_library(exc):
            raise
    if count_cancellations() > before:
        raise asyncio.CancelledError


def _is_of_library(exc: Exception) -> bool:
    # When a channel ends for no reason that it knows, the library fails whoever waits
    # on it with the class `Exception` itself (aiormq.base.FutureStore.reject_all).
    return type(exc) is Exception or isinstance(exc, LOST)


def _mismatch(text: str) -> str:
    match = INEQUIVALENT.search(text)
    if match is None:
        return text
    return (
        f"{match['kind']} {match['name']} has {match['argument']} "
        f"{_value(match['seen'])}; expected {_value(match['expected'])}"
    )


def _value(text: str) -> str:
    match = QUOTED.match(text.strip())
    return match["value"] if match else text.strip()
