"""Follow the events of the embedded bus, from a position or from now on."""

import asyncio
from collections.abc import (
    AsyncIterator,
)
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from service.adapters.embedded_bus.commit_signal import (
    POLL,
    CommitSignal,
    wait_for_signal,
)
from service.adapters.embedded_bus.queue import Queue
from service.adapters.store import Database
from service.errors import TransientError
from service.events.envelope import Event
from service.ports.bus import StreamPosition
from service.ports.time import Clock

__all__ = ["RETENTION", "EventTail"]

log = structlog.get_logger(__name__)

RETENTION: Final = timedelta(days=1)
"""How long a repeated publication of an event is recognised."""

_PAGE: Final = 100


class EventTail:
    """Reads events in the order of their publication; the bus has one.

    Args:
        database: The database with the events.
        clock: Gives the time since which all events are kept.
        published: Notified after each publication of this process.
    """

    def __init__(
        self, database: Database, *, clock: Clock, published: CommitSignal
    ) -> None:
        self._database = database
        self._clock = clock
        self._published = published

    async def read(
        self, after: str | None = None
    ) -> AsyncIterator[Event | StreamPosition]:
        """Yield the position at which it starts, then every event after it."""
        start = await self._find_start(after)
        place = start.place
        yield StreamPosition(after=start.after, has_missed=start.has_missed)
        while True:
            # The signal is taken before the page is read, or an event in between would
            # wait for POLL.
            signal = self._published.next
            page = await self._page(place)
            place = page.place
            for event in page.events:
                yield event
            # After a full page more may stand there already, and no signal announces it
            # a second time.
            if len(page.events) < _PAGE:
                await wait_for_signal(signal, within=POLL)

    async def _find_start(self, after: str | None) -> "_Start":
        """Find the position of an event that is still kept, or of the newest."""
        while True:
            try:
                async with self._database.reading() as connection:
                    queue = Queue(connection)
                    # Older events are trimmed only once every role has handled them,
                    # so what remains of them has gaps.
                    kept_since = self._clock.now() - RETENTION
                    place = await queue.place_of(after, since=kept_since)
                    if place is not None:
                        return _Start(place=place, after=after or "")
                    place, newest = await queue.newest()
                    return _Start(
                        place=place, after=newest, has_missed=after is not None
                    )
            except TransientError as exc:
                log.warning("follower waits for the database", error=str(exc))
                await asyncio.sleep(POLL.total_seconds())

    async def _page(self, place: int) -> "_Page":
        """Read the events after a position."""
        try:
            async with self._database.reading() as connection:
                found = await Queue(connection).after(place, limit=_PAGE)
        except TransientError as exc:
            # An empty page at the same position: nothing is skipped meanwhile.
            log.warning("follower waits for the database", error=str(exc))
            return _Page(place=place, events=())
        return _Page(
            place=found[-1][0] if found else place,
            events=tuple(event for _, event in found),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """The position where a follower starts."""

    place: int
    after: str
    has_missed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A page of events, and the position of the last one."""

    place: int
    events: tuple[Event, ...]
