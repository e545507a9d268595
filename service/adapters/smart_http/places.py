"""Which requests run at once: no host keeps the others waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from service.adapters.forge_api.http import MAX_CONNECTIONS
from service.errors import BusyError

__all__ = ["SMALL_OF_HOST", "HostPlaces", "PackPlaces"]

AT_ONCE: Final = 8
"""Packs that are held at once."""
AT_ONCE_OF_HOST: Final = 2
"""Packs of one host: a server that trickles leaves most places to others."""
SMALL_OF_HOST: Final = MAX_CONNECTIONS - AT_ONCE_OF_HOST
"""Small answers of one host. With the packs as many as it has connections: who has a
place does not wait for one, and the time of its answer is the server's alone."""
HOST_WAIT: Final = timedelta(seconds=10)
"""How long one may wait for others of its own host. Short, since an evaluation that
waits keeps another one from its turn; it is tried again, and nobody is told of it."""
WAIT: Final = timedelta(seconds=90)
"""How long one may wait for other hosts. By then the slowest of them were given up, as
RELAUNCH_REMOTE_DEADLINE is 60 seconds unless it is set: rather late than refused."""


class HostPlaces:
    """Places at each host for those who ask it.

    Args:
        at_once: How many may ask one host.
        wait: How long one may wait for others of its host.
    """

    def __init__(self, at_once: int, *, wait: timedelta = HOST_WAIT) -> None:
        self._at_once = at_once
        self._wait = wait
        # Forgotten when nobody uses them: anybody may name any number of hosts.
        self._of_hosts: WeakValueDictionary[str, asyncio.Semaphore] = (
            WeakValueDictionary()
        )

    @asynccontextmanager
    async def place(self, url: str) -> AsyncIterator[None]:
        """Wait for a place at a URL's host, and hold it within the block.

        Raises:
            BusyError: There was none in time.
        """
        host = urlsplit(url).netloc
        of_host = self._of_hosts.setdefault(host, asyncio.Semaphore(self._at_once))
        trouble = f"too many repositories of {host} are read at once"
        async with _held(of_host, self._wait, trouble):
            yield


class PackPlaces:
    """Places for those who read a pack; few of them for one host.

    Args:
        host_wait: How long one may wait for others of its host.
        wait: How long one may wait for all others.
    """

    def __init__(
        self, *, host_wait: timedelta = HOST_WAIT, wait: timedelta = WAIT
    ) -> None:
        self._wait = wait
        self._places = asyncio.Semaphore(AT_ONCE)
        self._of_hosts = HostPlaces(AT_ONCE_OF_HOST, wait=host_wait)

    @asynccontextmanager
    async def place(self, url: str) -> AsyncIterator[None]:
        """Wait for a place for a pack of a URL's host, and hold it within the block.

        Raises:
            BusyError: There was none in time.
        """
        host = urlsplit(url).netloc
        trouble = f"{host} was not asked yet: other git servers answer too slowly"
        # Its host's first: who waits for a slow host holds nothing that others wait
        # for.
        async with (
            self._of_hosts.place(url),
            _held(self._places, self._wait, trouble),
        ):
            yield


@asynccontextmanager
async def _held(
    places: asyncio.Semaphore, wait: timedelta, trouble: str
) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(wait.total_seconds()):
            await places.acquire()
    except TimeoutError as exc:
        raise BusyError(trouble) from exc
    try:
        yield
    finally:
        places.release()
