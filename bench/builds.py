"""What a build in Kubernetes costs beside the build: `make bench-builds`.

    created     from the 202 to the Job, one push at a time and all of them at once
    settled     from the Job's end to the launcher that starts from its image
    memory      of a consumer that has thousands of finished Jobs in sight

For `created` no pod finds a node, so that builds take nothing of the machine.
"""

import argparse
import asyncio
import re
import tempfile
import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench.finished_jobs import finish_jobs
from bench.report import Figures, machine, print_figures
from service.domain.evaluation.queue import CACHE_STALENESS
from tests.support.courses import Course
from tests.support.kube import Kube, a_namespace
from tests.support.kube_cluster import KubeCluster, a_kube_cluster
from tests.support.service import Service
from tests.support.stream import eventually

__all__ = ["a_bench", "main", "parsed"]

EVERY: Final = 1.0
"""Seconds between pushes that do not meet."""
SETTLED: Final = 12
"""Builds, one after the other."""
PATIENCE: Final = 300.0
STEADY: Final = 15.0
"""Seconds after which a consumer has listed everything and let go of the pages."""
ENVIRONMENT: Final = "name: {0}\nchannels: [conda-forge]\ndependencies: [{0}]\n"
"""The stand-in builder installs nothing for this kind."""
USUAL: Final = {
    "RELAUNCH_EVALUATION_DEBOUNCE": "2s",
    "RELAUNCH_BUILD_MAX_CONCURRENT": "1000",
    "RELAUNCH_BUILD_MAX_PER_PROJECT": "1000",
    "RELAUNCH_KUBERNETES_SMOKE_TEST": "false",
}
NOWHERE: Final = {"RELAUNCH_KUBERNETES_NODE_SELECTOR": '{"bench": "nowhere"}'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where things are measured, and how much."""

    kube: Kube
    folder: Path
    pushes: int
    finished: int

    @property
    def parts(self) -> Mapping[str, Callable[[], Coroutine[None, None, Figures]]]:
        """What can be measured."""
        return {
            "created": self.created,
            "settled": self.settled,
            "memory": self.memory,
        }

    async def created(self) -> Figures:
        """Push to some repositories in turn, then to others at once."""
        async with self._cluster("created", **NOWHERE) as cluster:
            every = await _followed(cluster, 2 * self.pushes)
            calm, crowd = every[: self.pushes], every[self.pushes :]
            sent = await _push(cluster, calm, every=EVERY)
            await _made(cluster, len(calm))
            one_a_second = _shares(_waits(cluster, sent))
            sent = await _push(cluster, crowd, every=0.0)
            await _made(cluster, len(every))
            moments = sorted(job.at for job in cluster.jobs.jobs.values())[len(calm) :]
            rate = (len(moments) - 1) / (moments[-1] - moments[0])
            return {
                "created, one a second": one_a_second,
                "created, all at once": _shares(_waits(cluster, sent)),
                "Jobs created per second, all at once": f"{rate:.1f}",
            }

    async def settled(self) -> Figures:
        """Build for real, one after the other."""
        async with self._cluster("settled") as cluster:
            waits = []
            for course in await _followed(cluster, SETTLED):
                await _push(cluster, [course], every=0.0)
                await eventually(partial(_is_moved, cluster, course), "it", PATIENCE)
                moved_at = time.monotonic()
                waits.append(moved_at - max(cluster.jobs.ended_at.values()))
            return {"settled": _shares(waits)}

    async def memory(self) -> Figures:
        """Start a consumer that sees nothing, and one that sees much."""
        empty = await self._resident("empty")
        began = time.monotonic()
        await finish_jobs(self.kube, self.finished)
        took = time.monotonic() - began
        return {
            "memory, no Job": empty,
            "finished Jobs made": f"{self.finished} in {took:.0f} s",
            "memory, finished Jobs": await self._resident("full"),
        }

    async def _resident(self, name: str) -> str:
        async with self._cluster(name) as cluster:
            await eventually(partial(_leads, cluster.consumer), "a leader", 60)
            await asyncio.sleep(STEADY)
            return _memory(cluster.consumer)

    @asynccontextmanager
    async def _cluster(self, name: str, **more: str) -> AsyncIterator[KubeCluster]:
        folder = self.folder / name
        folder.mkdir()
        async with a_kube_cluster(folder, self.kube, **USUAL, **more) as cluster:
            yield cluster


async def _followed(cluster: KubeCluster, count: int) -> Sequence[Course]:
    """Follow repositories, and wait until each was looked at for the first time."""
    courses = [
        await asyncio.to_thread(cluster.follow, f"course-{number}")
        for number in range(count)
    ]
    for course in courses:
        files = {"environment.yml": ENVIRONMENT.format(course.name)}
        course.repo.commit(files, branch="next", parents=[course.repo.tip()])
    await eventually(partial(_are_calm, cluster, count), "the first looks", PATIENCE)
    # Every new source is looked at once more, which would come before some pushes.
    await asyncio.sleep(2 * CACHE_STALENESS.total_seconds())
    return courses


async def _are_calm(cluster: KubeCluster, count: int) -> bool:
    path = f"/builds?limit={count}"
    builds = await asyncio.to_thread(cluster.receiver.api, "GET", path)
    return all(build["status"] != "in_progress" for build in builds)


async def _push(
    cluster: KubeCluster, courses: Sequence[Course], *, every: float
) -> Mapping[str, float]:
    """Deliver a push for each; return the moment of each 202, by repository."""
    sent: dict[str, float] = {}
    began = time.monotonic()
    for number, course in enumerate(courses):
        course.repo.point("refs/heads/main", course.repo.tip("refs/heads/next"))
        await asyncio.sleep(max(0.0, began + number * every - time.monotonic()))
        await asyncio.to_thread(cluster.deliver, course)
        sent[course.hook["repository"]] = time.monotonic()
    return sent


async def _made(cluster: KubeCluster, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        await cluster.jobs.until_made(count)


def _waits(cluster: KubeCluster, sent: Mapping[str, float]) -> Sequence[float]:
    made = {job.repository: job.at for job in cluster.jobs.jobs.values()}
    return [made[repository] - at for repository, at in sent.items()]


async def _is_moved(cluster: KubeCluster, course: Course) -> bool:
    launcher = await asyncio.to_thread(cluster.launcher, course)
    return bool(launcher["generation"])


async def _leads(consumer: Service) -> bool:
    return "leading" in consumer.said()


def _shares(seconds: Sequence[float]) -> str:
    """Say the median, p99 and the longest of some waits."""
    values = sorted(seconds)
    median, late = (values[int(len(values) * number)] for number in (0.5, 0.99))
    return (
        f"p50 {median:.2f} s, p99 {late:.2f} s, max {values[-1]:.2f} s, n {len(values)}"
    )


def _memory(service: Service) -> str:
    """Say what a process takes, and took at most."""
    status = Path(f"/proc/{service.pid}/status").read_text()
    found = dict(re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", status))
    now, most = (int(found[name]) / 1024 for name in ("VmRSS", "VmHWM"))
    return f"{now:.0f} MB, at most {most:.0f} MB"


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options; of the command line where none are given."""
    parser = argparse.ArgumentParser(prog="make bench-builds", description=__doc__)
    parser.add_argument("--only", default="", help="how a part begins")
    parser.add_argument("--pushes", type=int, default=60, help="of each kind")
    parser.add_argument("--finished", type=int, default=5000, help="Jobs in sight")
    return parser.parse_args(arguments)


@contextmanager
def a_bench(options: argparse.Namespace) -> Iterator[Bench]:
    """Take a namespace of the cluster."""
    with a_namespace() as kube, tempfile.TemporaryDirectory() as folder:
        yield Bench(
            kube=kube,
            folder=Path(folder),
            pushes=options.pushes,
            finished=options.finished,
        )


def main() -> None:
    """Run the bench; print what was measured."""
    options = parsed()
    print(machine())
    with a_bench(options) as bench:
        for name, measure in bench.parts.items():
            if name.startswith(options.only):
                print_figures(asyncio.run(measure()))
    print(machine())


if __name__ == "__main__":
    main()
