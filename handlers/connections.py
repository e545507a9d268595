"""Limit how long a connection may take to send a request, and how many there may be.

A client that sends its headers byte by byte (slowloris) costs a file descriptor and
nothing else, so it is stopped by a deadline; and because thousands of them can come
within that deadline, the number of connections is limited, too. When it is reached, one
makes room for the next: whose request has taken a while already, else the one that has
been idle for longest, else the one whose request began first. Requests under way are
never closed.

https://www.rfc-editor.org/rfc/rfc9110#status.408
"""

import asyncio
import resource
from contextlib import suppress
from datetime import timedelta
from typing import Final, Protocol

import structlog

__all__ = [
    "HEADER_DEADLINE",
    "MAX_HEAD",
    "ClientConnection",
    "Connections",
    "max_connections",
]

log = structlog.get_logger(__name__)

HEADER_DEADLINE: Final = timedelta(seconds=10)
"""How long request line and headers may take, from the connection or the first byte.
Forges give up a delivery after ten seconds altogether."""

MAX_HEAD: Final = 64 * 1024
"""Bytes of request line and headers together; forges and their proxies send 4,000."""

_KEPT_FREE: Final = 384
"""File descriptors: for database, broker, files and children; and for twice the
backlog, which is accepted at once, before anything is closed for it."""
_FEWEST: Final = 32
_LOOK_AGAIN: Final = 0.01
"""Seconds."""
_PROMPT: Final = 1.0
"""Seconds: a request that is sent in one go is whole by then."""


def max_connections() -> int:
    """Return how many connections this process may hold: half of its descriptors."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = 1 << 20
    return max(_FEWEST, min(files // 2, files - _KEPT_FREE))


class ClientConnection(Protocol):
    """One connection of a client, as far as it is limited here."""

    def force_close(self) -> None:
        """Close it at once, without an answer."""
        ...


class Connections:
    """Keep the connections that have no request under way, and close the slow ones.

    Args:
        loop: Gives the time, and calls back at a deadline.
        most: How many connections there may be.
        deadline: How long a request's head may take.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        most: int,
        deadline: timedelta = HEADER_DEADLINE,
    ) -> None:
        self._loop = loop
        self._most = most
        self._seconds = deadline.total_seconds()
        self._all: set[ClientConnection] = set()
        # Both in the order in which they came there, so that the first is the oldest.
        self._incomplete: dict[ClientConnection, float] = {}
        self._idle: dict[ClientConnection, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def open(self, connection: ClientConnection) -> None:
        """Note a new connection; its request has to come before the deadline."""
        if len(self._all) >= self._most:
            self._close_one()
        self._all.add(connection)
        self.wait(connection)

    def wait(self, connection: ClientConnection) -> None:
        """Note that a request has begun to come, unless that was noted before."""
        if connection in self._incomplete:
            return
        self._idle.pop(connection, None)
        self._incomplete[connection] = self._loop.time() + self._seconds
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._close_slow)

    def begin(self, connection: ClientConnection) -> None:
        """Note that the head of a request is whole."""
        self._incomplete.pop(connection, None)
        self._idle.pop(connection, None)

    def rest(self, connection: ClientConnection) -> None:
        """Note that a request is answered and that the next one may come."""
        if connection in self._all and connection not in self._incomplete:
            self._idle[connection] = None

    def close(self, connection: ClientConnection) -> None:
        """Forget a connection that is closed."""
        self._all.discard(connection)
        self.begin(connection)

    async def until_heads_are_whole(self, *, at_most: timedelta) -> None:
        """Wait for requests of those who connected and have sent none yet."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most.total_seconds()):
                while self._incomplete:  # noqa: ASYNC110 - at a stop alone
                    await asyncio.sleep(_LOOK_AGAIN)

    def _close_one(self) -> None:
        """Make room for one more, where somebody has no request under way."""
        slow = next(iter(self._incomplete), None)
        is_late = slow is not None and (
            self._incomplete[slow] - self._seconds < self._loop.time() - _PROMPT
        )
        idle = next(iter(self._idle), None)
        chosen = slow if is_late or idle is None else idle
        if chosen is None:
            log.warning("more requests at once than planned for", most=self._most)
            return
        self.close(chosen)
        chosen.force_close()

    def _close_slow(self) -> None:
        now, closed = self._loop.time(), 0
        self._timer = None
        while self._incomplete:
            oldest, until = next(iter(self._incomplete.items()))
            if until > now:
                self._timer = self._loop.call_at(until, self._close_slow)
                break
            self.close(oldest)
            oldest.force_close()
            closed += 1
        if closed:
            log.info("connections closed without a request", count=closed)
