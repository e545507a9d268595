"""Resolve names that strangers chose, apart from all other names.

Event loops resolve names in a few threads, uvloop at most two at a time. Two names
whose name server does not answer would keep all others waiting: those of other
repositories, and of the database and the broker when they are connected to again.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Final

from service.errors import BusyError

__all__ = ["MOST_NAMES", "resolve_name"]

MOST_NAMES: Final = 64
"""Names that are resolved at once; four times as many as evaluations run at once, since
a look-up that is given up goes on for as long as the system tries."""

_places: Final = threading.BoundedSemaphore(MOST_NAMES)


async def resolve_name(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses of a host.

    Raises:
        BusyError: Too many other names are being resolved.
        OSError: The name cannot be resolved now.
        UnicodeError: It is no name.
    """
    if not _places.acquire(blocking=False):
        raise BusyError(
            f"{host} is not resolved: {MOST_NAMES} other names are waited for"
        )
    loop = asyncio.get_running_loop()
    found: asyncio.Future[tuple[str, ...]] = loop.create_future()
    # A daemon: no name server that hangs keeps this process from its end.
    threading.Thread(
        target=_resolve, args=(host, port, loop, found), name="names", daemon=True
    ).start()
    return await found


def _resolve(
    host: str,
    port: int,
    loop: asyncio.AbstractEventLoop,
    found: "asyncio.Future[tuple[str, ...]]",
) -> None:
    error: Exception | None = None
    addresses: tuple[str, ...] = ()
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = tuple(dict.fromkeys(str(row[4][0]) for row in rows))
    except Exception as exc:  # noqa: BLE001 - raised to whoever asked
        error = exc
    finally:
        _places.release()

    def give() -> None:
        if found.done():  # nobody waits any more
            return
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)

    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(give)
