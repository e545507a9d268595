"""The sweep: when the head of a source is polled although no delivery came.

Deliveries get lost. The sweep finds the pushes that they should have announced, and
polls less often the longer none was lost: the interval of a source grows while its head
stays, is kept when a delivery announced the change, and is reset when one was lost.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, assert_never

from service.domain.evaluation.comparison import RefMissing
from service.domain.fingerprint import RULES_VERSION
from service.domain.repository import Repository
from service.domain.source import Access, Head, Source, SourceId

__all__ = [
    "PollItem",
    "PollPolicy",
    "PollResult",
    "PollState",
    "SweepTimes",
    "compare_heads",
    "first_poll",
    "group_by_repository",
    "next_poll",
]

GROWTH: Final = 1.5
"""From a quarter of an hour to six hours in eight polls, within a day."""
SPREAD: Final = (0.75, 0.95)
"""Jitter, as a part of the interval: polls drift apart, and none is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """How often sources are polled."""

    first: timedelta = timedelta(minutes=15)
    """The interval of a new source, and of one whose delivery was lost."""
    longest: timedelta = timedelta(hours=6)
    """The upper limit of the interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollState:
    """When a source is polled next."""

    source_id: SourceId
    interval: timedelta
    due_at: datetime
    generation: int
    """The source's generation at its last poll: a higher one now means that it was
    evaluated in between."""
    polled_at: datetime | None = None
    """The last poll; None before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepTimes:
    """When the sweep has polled, and when it does so next."""

    last_at: datetime | None
    """None before the first poll."""
    next_at: datetime | None
    """In the past where polls are late; None where nothing is tracked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollItem:
    """A source that is due for a poll, with its state."""

    source: Source
    state: PollState | None
    """None before its first poll."""
    is_unknown: bool
    """Whether the last evaluation could not read it."""
    is_asked_for: bool
    """Whether an evaluation of it is queued already."""


class PollResult(Enum):
    """The result of polling a head."""

    QUIET = "quiet"
    """The head is unchanged, and no evaluation ran meanwhile."""
    ANNOUNCED = "announced"
    """The head changed, and a delivery or a person announced it."""
    LOST = "lost"
    """The head changed, and no delivery announced it."""
    UNSEEN = "unseen"
    """The remote refused; an evaluation records why."""
    SILENT = "silent"
    """The remote did not answer."""

    @property
    def needs_look(self) -> bool:
        """Return whether the source has to be evaluated."""
        return self in {PollResult.LOST, PollResult.UNSEEN}


def compare_heads(turn: PollItem, head: Head | RefMissing) -> PollResult:
    """Compare the head of a source with what was last seen there."""
    # A delivery may have come while the heads were read: no delivery was lost, and
    # shortening the interval would be wrong.
    if turn.is_asked_for:
        return PollResult.ANNOUNCED
    seen = turn.source.seen
    # After an upgrade with new rules every source is evaluated once by this, at the
    # sweep's own pace.
    if seen is None or seen.rules != RULES_VERSION:
        return PollResult.LOST
    current = (head.commit, head.ref) if isinstance(head, Head) else (None, None)
    if current != (seen.commit, seen.ref if seen.commit else None):
        return PollResult.LOST
    if isinstance(head, Head) and head.is_private not in {None, seen.is_private}:
        return PollResult.LOST  # no push announces a change of visibility
    if turn.is_unknown:
        return PollResult.UNSEEN
    must_evaluate = (
        turn.state is None or turn.state.generation != turn.source.generation
    )
    return PollResult.ANNOUNCED if must_evaluate else PollResult.QUIET


def first_poll(
    source: Source, *, now: datetime, poll_policy: PollPolicy, chance: float
) -> PollState:
    """Schedule the first poll of a source, at random within the first interval.

    Args:
        source: A source that was never polled.
        now: The present.
        poll_policy: How often sources are polled.
        chance: A random number from 0 to 1; spreads sources that are created together.
    """
    return PollState(
        source_id=source.id,
        interval=poll_policy.first,
        due_at=now + poll_policy.first * chance,
        generation=source.generation,
    )


def next_poll(
    turn: PollItem,
    finding: PollResult,
    *,
    now: datetime,
    poll_policy: PollPolicy,
    chance: float,
) -> PollState:
    """Schedule the next poll of a source.

    Args:
        turn: The poll that has just ended.
        finding: Its result.
        now: The present.
        poll_policy: How often sources are polled.
        chance: A random number from 0 to 1, for the jitter.
    """
    state = turn.state or first_poll(
        turn.source, now=now, poll_policy=poll_policy, chance=chance
    )
    interval = min(_interval(state.interval, finding, poll_policy), poll_policy.longest)
    earliest, latest = SPREAD
    # The state of a silent remote is not known: poll again after the first interval,
    # not after hours.
    wait = poll_policy.first if finding is PollResult.SILENT else interval
    return replace(
        state,
        interval=interval,
        due_at=now + wait * (earliest + (latest - earliest) * chance),
        generation=turn.source.generation,
        polled_at=now,
    )


def _interval(
    last: timedelta, finding: PollResult, poll_policy: PollPolicy
) -> timedelta:
    match finding:
        case PollResult.QUIET | PollResult.UNSEEN:
            # Also `UNSEEN`: a repository that is gone for good must not be polled every
            # quarter of an hour for ever.
            return max(last * GROWTH, poll_policy.first)
        case PollResult.ANNOUNCED | PollResult.SILENT:
            return max(last, poll_policy.first)
        case PollResult.LOST:
            return poll_policy.first
        case _:
            assert_never(finding)


def group_by_repository(
    turns: Iterable[PollItem],
) -> Sequence[tuple[Repository, Sequence[PollItem]]]:
    """Group polls by repository and access: one request reads the heads of all refs."""
    groups: defaultdict[tuple[str, int | str, Access], list[PollItem]]
    groups = defaultdict(list)
    for turn in turns:
        repository, access = turn.source.repository, turn.source.access
        # By number where known: two paths of one renamed repository are one request.
        name = repository.number or repository.label
        groups[repository.host, name, access].append(turn)
    return [(turns[0].source.repository, turns) for turns in groups.values()]
