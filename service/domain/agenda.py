"""Which sources are to be looked at, and when.

Asking is cheap and may be done a thousand times; looking costs a request to a forge.
The first ask is answered at once; asks that follow closely wait for a quiet moment,
but never longer than patience lasts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from service.domain.delivery import DeliveryId
from service.domain.push import Evidence
from service.domain.source import SourceId

__all__ = [
    "GIVEN_UP_AFTER",
    "UNAWARE",
    "Appointment",
    "Look",
    "Pace",
    "due",
    "once_more",
]

GIVEN_UP_AFTER: Final = 6
"""After so many looks in vain, rebuilds that a person waits for are failed."""

UNAWARE: Final = timedelta(seconds=10)
"""How long somebody may still take pushes for untracked that a new source follows:
what receivers remember for two seconds, a transaction that commits late, and clocks
that differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How asks are gathered."""

    quiet: timedelta = timedelta(seconds=2)
    """How long nobody must have asked before a source is looked at again."""
    patience: timedelta = timedelta(seconds=30)
    """How long asks may push a look away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Somebody asks that a source be looked at."""

    source_id: SourceId
    evidence: Evidence
    delivery_id: DeliveryId | None = None
    rebuild_ids: tuple[str, ...] = ()
    """Rebuilds without a plan that wait for what the look finds."""
    traceparent: str | None = None
    """The trace it belongs to: https://www.w3.org/TR/trace-context/."""
    suggested_number: int | None = None
    """What a delivery says the repository's number is, where another is known."""
    asked_at: datetime

    @property
    def is_urgent(self) -> bool:
        """Say whether a person waits for it."""
        return self.evidence in {Evidence.MANUAL, Evidence.LAUNCHER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A source that is to be looked at: all open asks together."""

    source_id: SourceId
    first_asked_at: datetime
    due_at: datetime
    attempts: int = 0
    """How many looks in a row could not see anything."""
    trouble: str = ""
    """Why the last of them could not."""


def once_more(*, created_at: datetime, started_at: datetime) -> datetime | None:
    """Say when a source is to be looked at again although nobody asked.

    Receivers do not read the sources for every push, so a push that comes right after
    a source was made may be taken for untracked. A look that begins once everybody
    must know of the source sees what such a push brought; earlier ones may not.

    Args:
        created_at: When the source was made.
        started_at: When the look began that has just ended.
    """
    everybody_knows = created_at + UNAWARE
    return everybody_knows if started_at < everybody_knows else None


def due(
    asked: Look,
    *,
    pending: Appointment | None,
    looked_at: datetime | None,
    pace: Pace,
) -> datetime:
    """Say when a source is to be looked at, now that somebody asked.

    Args:
        asked: The new ask.
        pending: What was agreed before it; None when nothing was. One whose first ask
            lies ahead waits for no quiet and makes nobody wait.
        looked_at: When the source was last looked at.
        pace: How asks are gathered.
    """
    now = asked.asked_at
    if asked.is_urgent:
        return min(now, pending.due_at) if pending else now
    if pending is None or pending.first_asked_at > now:
        is_calm = looked_at is None or now - looked_at >= pace.quiet
        return now if is_calm else now + pace.quiet
    if pending.attempts or pending.due_at <= now:
        return pending.due_at
    return min(pending.first_asked_at + pace.patience, now + pace.quiet)
