"""Estimates of when a build ends, from the durations of recent builds."""

import heapq
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median

__all__ = ["estimate_duration", "estimate_end"]


def estimate_duration(durations: Sequence[timedelta]) -> timedelta | None:
    """Return the median duration of builds; None when none has ended yet."""
    if not durations:
        return None
    return timedelta(seconds=median(duration.total_seconds() for duration in durations))


def estimate_end(
    *,
    position: int,
    requested_at: datetime,
    running_since: Iterable[datetime],
    takes: timedelta,
) -> datetime:
    """Estimate when a build ends.

    Assumes that as many builds run at once as run now: while one waits, every slot is
    taken. The instant may lie in the past when builds take longer than usual.

    Args:
        position: The position in the queue, 1 being next; 0 for a running build.
        requested_at: When the build was requested, or when it started.
        running_since: When each of the running builds started.
        takes: The usual duration of a build.
    """
    if position < 1:
        return requested_at + takes
    # A heap of the instants at which slots become free: each build ahead takes the
    # earliest one and gives it back `takes` later.
    slots = [since + takes for since in running_since] or [requested_at]
    heapq.heapify(slots)
    for _ in range(position - 1):
        heapq.heapreplace(slots, slots[0] + takes)
    return slots[0] + takes
