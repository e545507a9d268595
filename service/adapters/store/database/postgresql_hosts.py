"""Connections to whichever of several PostgreSQL servers takes writes.

After a failover the address that was right is a standby, refuses, or swallows what is
sent to it. The driver tries hosts one after the other under one time limit, so a host
that swallows uses it up, and the promoted one is never reached.
"""

import asyncio
import socket
import sys
from contextlib import suppress
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from service.errors import PermanentError, ServiceError, TransientError

__all__ = ["PostgresHosts", "split_hosts"]

_CONNECT: Final = timedelta(seconds=5)
"""A standby that is promoted meanwhile is only seen by the next attempt."""

_HEAD_START: Final = timedelta(milliseconds=250)
"""How much later the next host is tried beside one that has not answered yet. A
receiver has two seconds for its whole transaction."""

_LOST_AFTER: Final = timedelta(seconds=10)
"""How long a server may leave unacknowledged what was sent, or be silent. Without a
limit a statement to a machine that is gone waits a quarter of an hour, and one that
was received there waits for ever."""

_SETTINGS: Final = {
    "application_name": "relaunch",
    # A process that hangs must not hold up the others for ever.
    "lock_timeout": "30s",
    "statement_timeout": "60s",
    # Nor must one that stands still, or whose machine is gone: the server would keep
    # its locks, for hours over TCP, and nobody could take its lease over.
    "idle_in_transaction_session_timeout": "10s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "4",
    "tcp_user_timeout": "10s",
}

_ATTRIBUTE: Final = "target_session_attrs"


class PostgresHosts:
    """Connect to the host that takes writes, the one of last time first.

    One per engine. A host that does not answer delays a connection by a moment, and
    only until another one was found.

    Args:
        url: A libpq URL; several hosts are divided by commas.
    """

    def __init__(self, url: str) -> None:
        self._urls = split_hosts(url)
        self._preferred = 0

    async def connect(self) -> asyncpg.Connection:
        """Open a connection.

        Raises:
            TransientError: No host takes writes now, or none answers.
            PermanentError: The URL is wrong, or each host refuses us.
        """
        first = self._preferred
        order = [*range(first, len(self._urls)), *range(first)]
        race = _Race()
        try:
            async with asyncio.TaskGroup() as group:
                attempts = [
                    group.create_task(race.attempt(self._urls[number], place))
                    for place, number in enumerate(order)
                ]
                await race.until_over(len(attempts))
                for attempt in attempts:
                    attempt.cancel()
        except BaseException:
            race.give_up()
            raise
        place, connection = race.result()
        self._preferred = order[place]
        return connection


class _Race:
    """Attempts to connect, each with a head start before the next one."""

    def __init__(self) -> None:
        self._won: tuple[int, asyncpg.Connection] | None = None
        self._failures: list[ServiceError] = []
        self._changed = asyncio.Condition()

    async def attempt(self, url: str, place: int) -> None:
        """Try one host, once those before it have failed or had their start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(place * _HEAD_START.total_seconds()):
                await self._until_failed(place)
        try:
            connection = await _connect(url)
        except ServiceError as exc:
            self._failures.append(exc)
        else:
            # Cancelled at this very moment, it would be nobody's.
            if self._won is None:
                self._won = place, connection
            else:
                connection.terminate()
        async with self._changed:
            self._changed.notify_all()

    async def until_over(self, count: int) -> None:
        """Return when a host was found, or all of so many failed."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._won is not None or len(self._failures) == count
            )

    def result(self) -> tuple[int, asyncpg.Connection]:
        """Return who won, or raise why nobody did."""
        if self._won is None:
            passing = [exc for exc in self._failures if isinstance(exc, TransientError)]
            # One host that may come back is reason enough to try again.
            raise [*passing, *self._failures][0]
        return self._won

    def give_up(self) -> None:
        """Close what was opened for nobody."""
        if self._won is not None:
            self._won[1].terminate()

    async def _until_failed(self, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._failures) >= count)


def split_hosts(url: str) -> tuple[str, ...]:
    """Return one URL for each host that a URL names before its database.

    Raises:
        PermanentError: It cannot be read; the message has no part of it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _unreadable() from None
    user, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return (url,)
    return tuple(
        urlunsplit(parts._replace(netloc=f"{user}{at}{host}"))
        for host in hosts.split(",")
    )


async def _connect(url: str) -> asyncpg.Connection:
    try:
        connection = await asyncpg.connect(
            url,
            timeout=_CONNECT.total_seconds(),
            server_settings=_SETTINGS,
            # Every process writes. Without it the first host that answers is taken,
            # a standby too.
            target_session_attrs=_attribute(url),
        )
        _limit_silence(connection)
    # asyncpg parses the URL by itself and raises for a bad percent-escape; `from None`,
    # since the traceback would carry the URL.
    except ValueError:
        # The parser's message may quote a part of the password.
        raise _unreadable() from None
    except asyncpg.TargetServerAttributeNotMatched as exc:
        raise TransientError(
            "PostgreSQL takes no writes there: the server is a standby"
        ) from exc
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InterfaceError,
    ) as exc:
        raise PermanentError(f"PostgreSQL refused us: {exc}") from exc
    except (OSError, TimeoutError, asyncpg.PostgresError) as exc:
        message = str(exc) or type(exc).__name__
        raise TransientError(f"PostgreSQL did not answer: {message}") from exc
    return connection


def _attribute(url: str) -> SessionAttribute | None:
    # What the URL says counts, and the driver reads it.
    is_given = _ATTRIBUTE in parse_qs(urlsplit(url).query)
    return None if is_given else SessionAttribute.read_write


def _unreadable() -> PermanentError:
    return PermanentError(
        "the PostgreSQL URL cannot be read; expected"
        " postgresql://user:password@host:port/name, percent-encoded"
    )


def _limit_silence(connection: asyncpg.Connection) -> None:
    """Notice a peer that is gone: https://man7.org/linux/man-pages/man7/tcp.7.html."""
    # The driver has no setting for it and shows the socket to nobody.
    end = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # noqa: SLF001
    if sys.platform != "linux" or end.family == socket.AF_UNIX:
        return
    seconds = round(_LOST_AFTER.total_seconds())
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds // 2)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
