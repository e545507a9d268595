"""A small plot of how long builds took, as numbers for a picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from service.domain.building.build import BuildState, Rebuild

__all__ = ["Bar", "plot_durations", "plot_lengths"]

HEIGHT: Final = 48.0
WIDTH: Final = 10.0
GAP: Final = 4.0
_LEAST: Final = 2.0
"""What took no time is seen all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One build: its place, its height, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    state: str
    took: timedelta


def plot_durations(durations: Sequence[tuple[Rebuild, timedelta]]) -> Sequence[Bar]:
    """Return a bar for each rebuild, the longest as high as the plot."""
    bars = plot_lengths([took for _, took in durations])
    return [
        replace(bar, state=rebuild.state.value)
        for bar, (rebuild, _) in zip(bars, durations, strict=True)
    ]


def plot_lengths(lengths: Sequence[timedelta]) -> Sequence[Bar]:
    """Return a bar for each build that succeeded, the longest as high as the plot."""
    longest = max(lengths, default=timedelta())
    bars = []
    for index, took in enumerate(lengths):
        share = took / longest if longest else 0.0
        height = max(_LEAST, share * HEIGHT)
        bars.append(
            Bar(
                x=index * (WIDTH + GAP),
                y=round(HEIGHT - height, 1),
                width=WIDTH,
                height=round(height, 1),
                state=BuildState.SUCCEEDED.value,
                took=took,
            )
        )
    return bars
