"""Which requests for packs run at once: no host keeps the others waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from service.errors import TransientError

__all__ = ["PackPlaces"]

AT_ONCE: Final = 8
"""Packs that are held at once."""
AT_ONCE_OF_HOST: Final = 2
"""Packs of one host. Half of the evaluations that a consumer does at once by default:
a server that trickles its answers leaves the other half, and most places, to others."""
HOST_WAIT: Final = timedelta(seconds=10)
"""How long one may wait for others of its own host. Short, since an evaluation that
waits keeps another one from its turn; it is tried again."""
WAIT: Final = timedelta(seconds=90)
"""How long one may wait for other hosts. By then the slowest of them were given up, as
RELAUNCH_REMOTE_DEADLINE is 60 seconds unless it is set: rather late than refused."""


class PackPlaces:
    """Places for those who read a pack; few of them for one host.

    Args:
        host_wait: How long one may wait for others of its host.
        wait: How long one may wait for all others.
    """

    def __init__(
        self, *, host_wait: timedelta = HOST_WAIT, wait: timedelta = WAIT
    ) -> None:
        self._host_wait = host_wait
        self._wait = wait
        self._places = asyncio.Semaphore(AT_ONCE)
        # Forgotten when nobody uses them: anybody may name any number of hosts.
        self._of_hosts: WeakValueDictionary[str, asyncio.Semaphore] = (
            WeakValueDictionary()
        )

    @asynccontextmanager
    async def place(self, url: str) -> AsyncIterator[None]:
        """Wait for a place for a pack of a URL's host, and hold it within the block.

        Raises:
            TransientError: There was none in time.
        """
        host = urlsplit(url).netloc
        of_host = self._of_hosts.setdefault(host, asyncio.Semaphore(AT_ONCE_OF_HOST))
        async with AsyncExitStack() as stack:
            # Its host's first: who waits for a slow host holds nothing that others
            # wait for.
            try:
                async with asyncio.timeout(self._host_wait.total_seconds()):
                    await stack.enter_async_context(of_host)
            except TimeoutError as exc:
                raise TransientError(
                    f"too many repositories of {host} are read at once"
                ) from exc
            try:
                async with asyncio.timeout(self._wait.total_seconds()):
                    await stack.enter_async_context(self._places)
            except TimeoutError as exc:
                raise TransientError(
                    f"{host} was not asked yet: other git servers answer too slowly"
                ) from exc
            yield
