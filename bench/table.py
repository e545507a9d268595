"""Every line of the aims, one part after the other, each with its method.

What needs a cluster is said as skipped, by name, where there is none. A history is any
repository on this machine; this one where none is named. Twenty to thirty minutes.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from bench import builds, ingest, judged, replay, road
from bench.loop import run
from bench.report import Figures, machine
from service.logs import configure
from service.settings.serving import LogSettings
from tests.support.ways import Way

__all__ = ["main"]

WAITING: Final = 100_000
"""Messages that nobody consumes."""
WAYS: Final[Sequence[Way]] = ("github", "gitlab", "smart")
LAST: Final = 100
"""Pushes of each history."""

Part = Callable[[argparse.Namespace], Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table."""

    title: str
    aim: str
    part: str
    figures: Sequence[str] = ()
    """How the names of its figures begin; all of the part where there are none."""


TABLE: Final = (
    Line(
        title="202 to Job, one push a second",
        aim="p50 0.10 s, p99 0.3 s",
        part="builds created",
        figures=("created, one a second",),
    ),
    Line(
        title="202 to Job, 60 repositories at once",
        aim="p50 1.5 s, p99 3 s",
        part="builds created",
        figures=("created, all at once",),
    ),
    Line(
        title="Jobs created a second, a crowd",
        aim="20",
        part="builds created",
        figures=("Jobs created",),
    ),
    Line(
        title="the same to a builder that answers in 35 ms, one a second",
        aim="p50 0.10 s, p99 0.3 s",
        part="road calm",
    ),
    Line(
        title="the same, 60 repositories at once",
        aim="p50 1.5 s, p99 3 s; 20 a second",
        part="road crowd",
    ),
    Line(
        title="pushes judged a second, unchanged",
        aim="100, and times n with n consumers",
        part="judged",
    ),
    Line(
        title="requests a push, and rebuilds without a change",
        aim="1.2 that changes, 1 any other, 0 needless",
        part="replay",
    ),
    Line(
        title="one source, 2,000 launchers",
        aim="verdict 2 s, all moved 5 s",
        part="road course",
    ),
    Line(
        title="pushes of one ref, taken a second",
        aim="4,000, flat with 100,000 waiting",
        part="ingest",
    ),
    Line(
        title="consumer with 5,000 finished Jobs in sight",
        aim="150 MB",
        part="builds memory",
        figures=("memory",),
    ),
    Line(
        title="what running builds cost a consumer",
        aim="flat, 500 on one consumer",
        part="road running",
    ),
)


def main() -> None:
    """Run every part; print the table, a line as soon as it is known."""
    parser = argparse.ArgumentParser(prog="make bench-all", description=__doc__)
    parser.add_argument("--only", default="", help="how the name of a part begins")
    parser.add_argument("--history", action="append", help="a repository to replay")
    parser.add_argument("--small", action="store_true", help="a tenth of everything")
    options = parser.parse_args()
    configure(LogSettings(level="error"), stream=sys.stderr)
    print(machine())
    known: dict[str, Figures | str] = {}
    for line in TABLE:
        if line.part.startswith(options.only):
            if line.part not in known:
                known[line.part] = _measured(line.part, options)
            print(_written(line, known[line.part]), flush=True)
    print(machine())


def _measured(part: str, options: argparse.Namespace) -> Figures | str:
    """Return the figures of a part; why there are none where it was skipped."""
    try:
        return _PARTS[part](options)
    except pytest.skip.Exception as exc:
        return f"skipped: {exc.msg}"


def _written(line: Line, found: Figures | str) -> str:
    head = f"\n{line.title} (aim: {line.aim})\n    method: bench.{line.part}"
    if isinstance(found, str):
        return f"{head}\n    {found}"
    figures = [
        f"    {name}: {value}"
        for name, value in found.items()
        if not line.figures or name.startswith(tuple(line.figures))
    ]
    return "\n".join((head, *figures))


def _of_builds(name: str, options: argparse.Namespace) -> Figures:
    few = ("--pushes", "6", "--finished", "500") if options.small else ()
    with builds.a_bench(builds.parsed(few)) as bench:
        return asyncio.run(bench.parts[name]())


def _of_road(name: str, options: argparse.Namespace) -> Figures:
    few = ("--pushes", "6", "--running", "50", "--launchers", "200")
    given = road.parsed(few if options.small else ())
    return run(road.PARTS[name](given))


def _of_judged(options: argparse.Namespace) -> Figures:
    few = ("--pushes", "50", "--processes", "2") if options.small else ()
    return asyncio.run(judged.measure(judged.parsed(few)))


def _of_ingest(options: argparse.Namespace) -> Figures:
    few = ("--rounds", "1", "--waiting", "1000")
    given = few if options.small else ("--waiting", str(WAITING))
    return ingest.peaks_of(ingest.parsed((*given, "--only", "one ref")))


def _of_replay(options: argparse.Namespace) -> Figures:
    last = LAST // 10 if options.small else LAST
    figures = {}
    for history in options.history or [str(Path(__file__).parent.parent)]:
        for way in WAYS:
            report, _ = asyncio.run(replay.measure(history, way, every=1, last=last))
            figures[f"{Path(history).name}, {way}"] = replay.describe(report)
    return figures


_PARTS: Final[Mapping[str, Part]] = {
    "builds created": partial(_of_builds, "created"),
    "builds memory": partial(_of_builds, "memory"),
    "road calm": partial(_of_road, "calm"),
    "road crowd": partial(_of_road, "crowd"),
    "road course": partial(_of_road, "course"),
    "road running": partial(_of_road, "running"),
    "judged": _of_judged,
    "ingest": _of_ingest,
    "replay": _of_replay,
}


if __name__ == "__main__":
    main()
