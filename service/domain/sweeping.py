"""When a source is asked for its head without anybody having said that it moved.

Deliveries get lost. A sweep finds what they should have told, and asks the less often
the longer nothing was missing: its interval grows while nothing moves, stays when a
push told of what moved, and begins anew when a delivery was lost.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, assert_never

from service.domain.evaluation import RefGone
from service.domain.fingerprint import RULES_VERSION
from service.domain.repository import Repository
from service.domain.source import Head, Source, SourceId

__all__ = [
    "Beat",
    "Finding",
    "Rhythm",
    "Turn",
    "compare",
    "first_beat",
    "grouped",
    "next_beat",
]

GROWTH: Final = 1.5
"""From a quarter of an hour to six hours in eight quiet rounds, within a day."""
SPREAD: Final = (0.75, 0.95)
"""Of an interval: turns drift apart, and none comes later than its interval says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often sources are asked."""

    first: timedelta = timedelta(minutes=15)
    """The interval of a new source, and of one whose delivery was lost."""
    longest: timedelta = timedelta(hours=6)
    """What the interval grows to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """When a source is asked next."""

    source_id: SourceId
    interval: timedelta
    due_at: datetime
    generation: int
    """The source's when it was last asked: a higher one now means that it was looked
    at in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A source, as a sweep finds it."""

    source: Source
    beat: Beat | None
    """None until it has one."""
    is_unknown: bool
    """Whether the last look could not see it."""
    is_asked_for: bool
    """Whether a look at it is on the agenda already."""


class Finding(Enum):
    """What asking for a head brought."""

    QUIET = "quiet"
    """It is where it was, and nobody looked meanwhile."""
    TOLD = "told"
    """It moved, and somebody told."""
    LOST = "lost"
    """It moved, and nobody told."""
    UNSEEN = "unseen"
    """The remote refused; a look will say why."""
    SILENT = "silent"
    """The remote did not answer."""

    @property
    def needs_look(self) -> bool:
        """Say whether somebody has to look."""
        return self in {Finding.LOST, Finding.UNSEEN}


def compare(turn: Turn, head: Head | RefGone) -> Finding:
    """Say what a source's head means, compared with what was seen there last."""
    if turn.is_asked_for:
        return Finding.TOLD
    seen = turn.source.seen
    if seen is None or seen.rules != RULES_VERSION:
        return Finding.LOST
    there = (head.commit, head.ref) if isinstance(head, Head) else (None, None)
    was = (seen.commit, seen.ref if seen.commit else None)
    if there != was:
        return Finding.LOST
    if turn.is_unknown:
        return Finding.UNSEEN
    is_looked_at = turn.beat is None or turn.beat.generation != turn.source.generation
    return Finding.TOLD if is_looked_at else Finding.QUIET


def first_beat(source: Source, *, now: datetime, rhythm: Rhythm, chance: float) -> Beat:
    """Give a source its first turn, anywhere in the first interval.

    Args:
        source: One without a beat.
        now: The present.
        rhythm: How often sources are asked.
        chance: Anything from 0 to 1; spreads what begins together.
    """
    return Beat(
        source_id=source.id,
        interval=rhythm.first,
        due_at=now + rhythm.first * chance,
        generation=source.generation,
    )


def next_beat(
    turn: Turn, finding: Finding, *, now: datetime, rhythm: Rhythm, chance: float
) -> Beat:
    """Say when a source is asked again.

    Args:
        turn: The turn it just had.
        finding: What that brought.
        now: The present.
        rhythm: How often sources are asked.
        chance: Anything from 0 to 1; keeps turns from falling together.
    """
    beat = turn.beat or first_beat(turn.source, now=now, rhythm=rhythm, chance=chance)
    interval = min(_interval(beat.interval, finding, rhythm), rhythm.longest)
    earliest, latest = SPREAD
    # One that did not answer is not left for hours.
    wait = rhythm.first if finding is Finding.SILENT else interval
    return replace(
        beat,
        interval=interval,
        due_at=now + wait * (earliest + (latest - earliest) * chance),
        generation=turn.source.generation,
    )


def _interval(last: timedelta, finding: Finding, rhythm: Rhythm) -> timedelta:
    match finding:
        case Finding.QUIET | Finding.UNSEEN:
            return max(last * GROWTH, rhythm.first)
        case Finding.TOLD | Finding.SILENT:
            return max(last, rhythm.first)
        case Finding.LOST:
            return rhythm.first
        case _:
            assert_never(finding)


def grouped(turns: Iterable[Turn]) -> Sequence[tuple[Repository, Sequence[Turn]]]:
    """Put the turns of one repository together: one question answers them all."""
    groups: defaultdict[tuple[str, int | str], list[Turn]] = defaultdict(list)
    for turn in turns:
        repository = turn.source.repository
        groups[repository.host, repository.number or repository.label].append(turn)
    return [(turns[0].source.repository, turns) for turns in groups.values()]
