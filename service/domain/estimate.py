"""When a build should be done, judged by how long the latest ones took."""

import heapq
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median

__all__ = ["expected_end", "usual"]


def usual(durations: Sequence[timedelta]) -> timedelta | None:
    """Return how long builds usually take; None when none has ended yet."""
    if not durations:
        return None
    return timedelta(seconds=median(it.total_seconds() for it in durations))


def expected_end(
    *,
    place: int,
    asked_at: datetime,
    running_since: Iterable[datetime],
    takes: timedelta,
) -> datetime:
    """Say when a build should be done.

    As many run at once as do now: where something waits, every slot is taken. The
    instant may have passed, since builds take longer than usual.

    Args:
        place: In the queue, 1 being next; 0 for a build that runs since `asked_at`.
        asked_at: When it was asked for, or began to run.
        running_since: When the running builds began.
        takes: How long a build usually takes.
    """
    if place < 1:
        return asked_at + takes
    slots = [since + takes for since in running_since] or [asked_at]
    heapq.heapify(slots)
    for _ in range(place - 1):
        heapq.heapreplace(slots, slots[0] + takes)
    return slots[0] + takes
