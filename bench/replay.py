"""How often a forge is asked for each push of a real history.

`python -m bench.replay REPO --way github` replays as `relaunch replay` does, at the
forge of our own making: its requests are counted there. `smart` and `http` are git's
own server, asked in this process and by git's command line.
"""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from service.adapters.clock import SystemClock
from service.adapters.git.history import open_history
from service.domain.evaluation.replay import ReplayAction, Report
from service.domain.repository import CommitSha
from tests.support.playing import replayed
from tests.support.ways import WAYS, MetByApi, Way, met

__all__ = ["describe", "main", "measure"]

MANY: Final = 1_000_000


async def measure(
    repo: str, way: Way, *, every: int, last: int
) -> tuple[Report, timedelta]:
    """Replay a repository the way it is met; return what came of it, and how long."""
    clock = SystemClock()
    with TemporaryDirectory(prefix="relaunch-bench-") as folder:
        async with met(Path(folder), way) as hosted:
            if isinstance(hosted, MetByApi):
                # Years of pushes in a minute would use up an hour's requests.
                day = clock.now() + timedelta(days=1)
                hosted.forge.limit(remaining=MANY, reset=int(day.timestamp()))
            hosted.git("fetch", "--quiet", repo, "HEAD:refs/heads/main")
            commits = (await _commits(repo, every))[-last - 1 :]
            began = clock.now()
            return await replayed(hosted, commits), clock.now() - began


async def _commits(repo: str, every: int) -> Sequence[CommitSha]:
    async with open_history(repo, environment={}) as history:
        return await history.commits(start=None, end=None, is_all=False, every=every)


def main() -> None:
    """Print one line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repo")
    parser.add_argument("--way", choices=(*WAYS, "http", "gitea"), action="append")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--last", type=int, default=MANY, help="pushes, from the end")
    given = parser.parse_args()
    for way in given.way or WAYS:
        repo = str(Path(given.repo).resolve())
        report, took = asyncio.run(
            measure(repo, way, every=given.every, last=given.last)
        )
        pushes = len(report.pushes)
        print(
            f"{way}: {describe(report)}, at most {_most(report)},"
            f" {took.total_seconds() / pushes * 1000:.0f} ms a push"
        )


def describe(report: Report) -> str:
    """Say what came of a history, and how many requests it took."""
    return (
        f"{len(report.pushes)} pushes, {report.changed} changed,"
        f" {report.missed} missed, {report.needless} needless,"
        f" {report.count(ReplayAction.BUILT)} builds,"
        f" {_mean(report, is_changed=True)} requests a changing push,"
        f" {_mean(report, is_changed=False)} any other"
    )


def _mean(report: Report, *, is_changed: bool) -> str:
    mean = report.requests_per_push(is_changed=is_changed)
    return "no" if mean is None else f"{mean:.2f}"


def _most(report: Report) -> str:
    """Return the highest counts of changing pushes and of others, with the commits."""
    most = []
    for is_changed in (True, False):
        pushes = [push for push in report.pushes if push.is_changed is is_changed]
        push = max(pushes, key=lambda push: push.requests, default=None)
        most.append(f"{push.requests} ({push.commit[:8]})" if push else "none")
    return " and ".join(most)


if __name__ == "__main__":
    main()
