"""What was measured, for people."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median
from typing import Final

from bench.load import Result
from bench.startup import Start

__all__ = [
    "Figures",
    "Run",
    "machine",
    "peak_of",
    "print_figures",
    "report",
    "start_report",
]

Figures = Mapping[str, str]
"""What was measured, by its name."""

_HEAD: Final = (
    f"{'':24}{'per s':>8}{'(each round)':>20}{'p50':>8}{'p99':>8}{'p99.9':>8}"
    f"{'CPU ms':>8}{'broker':>8}{'MB':>6}"
)
SETTLED: Final = 60.0
"""Seconds after which memory has to be flat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One load on one subject."""

    subject: str
    result: Result
    cost: float
    """Processor seconds of the server."""
    broker_cost: float
    """Those of the broker."""
    memory: Sequence[tuple[float, float]]
    """Seconds since the beginning, resident MB."""


def machine() -> str:
    """Say where this was measured, and how busy it was already."""
    model = Path("/proc/cpuinfo").read_text().partition("model name")[2]
    name = model.partition(":")[2].partition("\n")[0].strip()
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    return f"{os.cpu_count()} cores, {name}; load before: {load}"


def print_figures(figures: Figures) -> None:
    """Print a line for each figure."""
    for name, value in figures.items():
        print(f"{name}: {value}", flush=True)


def peak_of(subject: str, runs: Sequence[Run]) -> float:
    """Return the median of a subject's deliveries per second."""
    return median(run.result.per_second for run in runs if run.subject == subject)


def report(title: str, runs: Sequence[Run]) -> str:
    """Write a table: medians over the rounds."""
    names = dict.fromkeys(run.subject for run in runs)
    lines = [
        f"\n{title}; medians of the rounds, latency in ms from the intended time",
        _HEAD,
        *(_line(name, [run for run in runs if run.subject == name]) for name in names),
    ]
    return "\n".join((*lines, *_ratios(runs), *_notes(runs)))


def _line(name: str, runs: Sequence[Run]) -> str:
    rounds = "/".join(f"{run.result.per_second:.0f}" for run in runs[:3])
    shares = "".join(
        f"{median(run.result.milliseconds[share] for run in runs):8.1f}"
        for share in ("p50", "p99", "p99.9")
    )
    cost = median(1000 * run.cost / max(1, run.result.served) for run in runs)
    broker = median(1000 * run.broker_cost / max(1, run.result.served) for run in runs)
    most = max(mb for run in runs for _, mb in run.memory)
    speed = f"{peak_of(name, runs):8.0f}{rounds:>20}"
    return f"{name:24}{speed}{shares}{cost:8.2f}{broker:8.2f}{most:6.0f}"


def _ratios(runs: Sequence[Run]) -> Sequence[str]:
    """Compare neighbours: of each round, then the median of that."""
    pairs = (("tracked", "baseline, publish"), ("untracked", "baseline, verify"))
    return [
        f"{ours} / {theirs}: {_ratio(runs, ours, theirs):.2f}"
        for ours, theirs in pairs
        if {ours, theirs} <= {run.subject for run in runs}
    ]


def _ratio(runs: Sequence[Run], ours: str, theirs: str) -> float:
    mine = [run.result.per_second for run in runs if run.subject == ours]
    other = [run.result.per_second for run in runs if run.subject == theirs]
    return median(a / b for a, b in zip(mine, other, strict=True))


def _notes(runs: Sequence[Run]) -> Sequence[str]:
    notes = [
        f"NOT 202: {item.subject}: {item.result.refused}"
        for item in runs
        if item.result.refused
    ]
    for run in runs:
        late = [(at, mb) for at, mb in run.memory if at >= SETTLED]
        if len(late) > 1:
            slope = linear_regression(*zip(*late, strict=True)).slope * 60
            notes.append(f"memory after {SETTLED:.0f} s: {slope:+.2f} MB per minute")
    return notes


def start_report(start: Start) -> str:
    """Write how a receiver starts."""
    heavy = ", ".join(f"{name} {ms:.0f}" for name, ms in start.heaviest)
    unwanted = ", ".join(start.unwanted) or "none"
    return (
        f"start of a receiver: {start.seconds:.2f} s (median of {start.times}), "
        f"{start.modules} modules; unwanted: {unwanted}\n"
        f"heaviest imports, ms with all they import: {heavy}"
    )
