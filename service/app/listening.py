"""The address that a role listens on, and how other processes find it."""

import errno
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from handlers.server import BACKLOG, open_server
from service.adapters.address_file import find_address
from service.errors import PermanentError
from service.settings import Settings

__all__ = ["CONSUMERS_ADDRESSES", "Bound", "bind", "serving"]

CONSUMERS_ADDRESSES: Final = ("127.0.0.1:8081", "127.0.0.1:0")
"""Where a consumer's health is by default: receivers of the same machine have
another default, and further consumers any free port."""

SHUTDOWN_SECONDS: Final = 10.0
"""How long requests under way may take once the process is asked to stop."""

_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not listened on here
"""Where this machine reaches what listens on every address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """An address that is ours: connections wait until they are served."""

    sockets: Sequence[socket.socket]
    settings: Settings
    """With the port that was taken, where any free one was wanted."""
    url: str
    """Where this machine reaches it."""


@contextmanager
def bind(settings: Settings, *, addresses: Sequence[str] = ()) -> Iterator[Bound]:
    """Take an address for the block.

    Args:
        settings: The address stands in them.
        addresses: Others, for a role that has defaults of its own: the first that no
            other program listens on.

    Raises:
        PermanentError: It cannot be listened on.
    """
    with ExitStack() as stack:
        # Bound before anything is served: a taken port fails the start with a sentence,
        # and a port of 0 is known before the address is written down.
        sockets, host = _take(addresses or [settings.listen], settings, stack)
        taken = sockets[0].getsockname()[1]
        reached = _ANY.get(host.strip("[]"), host.strip("[]"))
        reached = f"[{reached}]" if ":" in reached else reached
        own = {} if addresses else {"listen": f"{host}:{taken}"}
        yield Bound(
            sockets=sockets,
            settings=settings.model_copy(update=own),
            url=f"http://{reached}:{taken}",
        )


def _take(
    addresses: Sequence[str], settings: Settings, stack: ExitStack
) -> tuple[list[socket.socket], str]:
    """Listen on the first address that is free; return what host it names."""
    *_, last = addresses
    for wanted in addresses:
        host, _, port = wanted.rpartition(":")
        try:
            return _open(host.strip("[]"), int(port), stack), host
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE or wanted == last:
                raise PermanentError(_refusal(wanted, exc, settings)) from exc
    raise AssertionError("there is no address")


def _open(host: str, port: int, stack: ExitStack) -> list[socket.socket]:
    """Listen on every address of a host, on one port."""
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    # `localhost` has an IPv4 and an IPv6 address. Listening on one of them only fails
    # for clients that try the other, depending on their resolver.
    for family, place in dict.fromkeys((pair[0], pair[4][0]) for pair in found):
        opened = stack.enter_context(
            socket.create_server((str(place), port), family=family, backlog=BACKLOG)
        )
        sockets.append(opened)
        # A free port is chosen once.
        port = opened.getsockname()[1]
    return sockets


def _refusal(wanted: str, exc: OSError, settings: Settings) -> str:
    why = exc.strerror or str(exc)
    if exc.errno == errno.EADDRINUSE:
        why = "another program listens there"
        if find_address(settings.data) == f"http://{wanted}":
            why = f"a relaunch service does, over the same data folder {settings.data}"
    return (
        f"cannot listen on {wanted}: {why}; choose another address with --listen or "
        "RELAUNCH_LISTEN (port 0 takes any free one)"
    )


@asynccontextmanager
async def serving(bound: Bound, application: web.Application) -> AsyncIterator[None]:
    """Serve an application at an address during the block."""
    async with open_server(
        application, sockets=bound.sockets, shutdown_seconds=SHUTDOWN_SECONDS
    ):
        yield
