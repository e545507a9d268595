"""Whose turn it is: looks, sweeps, and what one process alone may do."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from service.domain.agenda import Appointment, Look, Pace
from service.domain.source import SourceId
from service.domain.sweeping import Beat, Turn

__all__ = [
    "Agenda",
    "Leases",
    "Sweeps",
]


class Agenda(Protocol):
    """Which sources are to be looked at. Asks are durable; looks are claimed."""

    async def ask(self, look: Look, *, pace: Pace) -> None:
        """Note an ask and make the source's appointment by `domain.agenda.due`."""
        ...

    async def claim(self, *, now: datetime, lease: timedelta) -> Appointment | None:
        """Take the longest due appointment that nobody holds, for a lease.

        A lease that ran out counts as not held: whoever had it died.
        """
        ...

    async def renew(
        self, source: SourceId, *, held_until: datetime, lease: timedelta
    ) -> bool:
        """Extend a claim that ends at a moment; say whether it was still held.

        Args:
            source: Whose appointment was claimed.
            held_until: When the claim ends, as who took it knows.
            lease: How much later it ends from now on.
        """
        ...

    async def next_due(self) -> datetime | None:
        """Return when the next unclaimed appointment is due or lease runs out."""
        ...

    async def asks(self, source: SourceId) -> Sequence[tuple[int, Look]]:
        """Return the source's open asks, each with its place, oldest first."""
        ...

    async def settle(
        self, source: SourceId, *, places: Iterable[int], now: datetime, pace: Pace
    ) -> None:
        """Forget asks that a look answered, and give the appointment back.

        When other asks came meanwhile the source stays on the agenda, due after
        `pace.quiet`, with its attempts counted anew. `now` is kept as the time of
        the last look.
        """
        ...

    async def postpone(
        self, source: SourceId, *, until: datetime, trouble: str = ""
    ) -> None:
        """Give the appointment back unanswered, due later; its attempts count up.

        What the trouble was is kept with it until the source was looked at.
        """
        ...

    async def pending(self, sources: Iterable[SourceId]) -> Sequence[Appointment]:
        """Return the appointments of these sources that have one, in one query."""
        ...


class Sweeps(Protocol):
    """When sources are asked for their heads without anybody having told."""

    async def turns(self, *, now: datetime, per_host: int) -> Sequence[Turn]:
        """Return whose turn it is: the sources that were due first at each host.

        Only sources that some launcher follows. Those of the same repositories come
        with them, due or not, and so do sources that have no beat yet.

        Args:
            now: The present.
            per_host: How many due sources of one host are returned, at most.
        """
        ...

    async def save(self, beats: Iterable[Beat]) -> None: ...


class Leases(Protocol):
    """Who does what only one process may do."""

    async def take(
        self, name: str, *, owner: str, now: datetime, length: timedelta
    ) -> bool:
        """Take or renew a lease until `now` plus its length; say whether it is ours.

        It is not while somebody else holds one that has not run out.
        """
        ...

    async def release(self, name: str, *, owner: str) -> None:
        """Give a lease up, if it is the owner's."""
        ...
