"""Many repositories are pushed at once: caps hold, everybody has a turn, once each."""

import asyncio
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.courses import Course
from tests.support.kube import Kube
from tests.support.kube_cluster import KubeCluster, a_kube_cluster
from tests.support.standin.registry import Reference, Registry
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.xdist_group("outages"),
]

AT_ONCE: Final = 4
PER_PROJECT: Final = 3
AWAY: Final = 3.0
"""Seconds without an API server: longer than a build may be unknown (`watch.GRACE`)."""
SHARED_CLUSTER: Final = Path(__file__).parents[3] / "shared" / "cluster"
ENVIRONMENT: Final = "name: {0}\nchannels: [conda-forge]\ndependencies: [{0}]\n"
"""Each course has another meaning; the stand-in installs nothing for this kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Scripts that break parts of the test cluster."""

    script: Path

    async def tell(self, *words: str) -> None:
        process = await asyncio.create_subprocess_exec(
            self.script, *words, stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(60):
            assert await process.wait() == 0, words

    async def interrupt(self, part: str) -> None:
        """Kill a part, and bring it back after a while."""
        await self.tell("kill", part)
        try:
            await asyncio.sleep(AWAY)
        finally:
            await self.tell("start", part)


@pytest.fixture
def control(kube: Kube) -> Control:
    given = os.environ.get("RELAUNCH_TEST_CLUSTER")  # noqa: TID251 - what is here
    folder = Path(given) if given else SHARED_CLUSTER
    if not (folder / "ctl.sh").exists():
        pytest.skip(f"nothing breaks this cluster: no {folder / 'ctl.sh'}")
    told = subprocess.run(
        [folder / "kubeconfig"], capture_output=True, text=True, check=False
    )
    if Path(told.stdout.strip()) != kube.kubeconfig:
        pytest.skip(f"{folder} is another cluster than {kube.kubeconfig}")
    return Control(script=folder / "ctl.sh")


def followed(cluster: KubeCluster, sizes: Sequence[int]) -> list[Course]:
    """Follow repositories of several projects, one project after the other."""
    return [
        cluster.follow(f"course-{place}-{number}", project=project)
        for place, size in enumerate(sizes)
        for project in [a_project(cluster, place)]
        for number in range(size)
    ]


def a_project(cluster: KubeCluster, number: int) -> str:
    """Make a project; return its id."""
    body = {"name": f"project-{number}", "namespace": "ada"}
    return str(cluster.receiver.api("POST", "/projects", body)["id"])


def push(cluster: KubeCluster, courses: Sequence[Course]) -> None:
    """Define an environment in every repository, and deliver the pushes."""
    for course in courses:
        course.repo.commit({"environment.yml": ENVIRONMENT.format(course.name)})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(cluster.deliver, courses))


def listed(cluster: KubeCluster) -> Mapping[str, dict[str, Any]]:
    """Return all launchers by name."""
    found = cluster.receiver.api("GET", "/session_launchers")
    return {item["name"]: item for item in found}


async def are_calm(cluster: KubeCluster) -> bool:
    """Say whether nothing is being built or waits to be."""
    path = "/builds?limit=200"
    builds = await asyncio.to_thread(cluster.receiver.api, "GET", path)
    return all(build["status"] != "in_progress" for build in builds)


async def are_moved(cluster: KubeCluster, courses: Sequence[Course]) -> bool:
    found = await asyncio.to_thread(listed, cluster)
    every = [found[course.name] for course in courses]
    return all(entry["generation"] and not entry["outdated"] for entry in every)


def on_its_head(cluster: KubeCluster, kube: Kube, course: Course) -> bool:
    """Say whether a launcher starts from the image of its head, which is there."""
    build, *_ = cluster.builds(course)
    image = cluster.launcher(course)["environment"]["container_image"]
    reference = Reference.parse(image)
    registry = Registry(kube.registry)
    return (
        build["result"]["image"] == image
        and build["commit"] == course.repo.tip()
        and registry.manifest(reference.repository, reference.version) is not None
    )


async def built_at_once(
    cluster: KubeCluster, sizes: Sequence[int], *, within: float
) -> Sequence[Course]:
    """Push to repositories that nothing was built from; wait for their launchers."""
    courses = await asyncio.to_thread(followed, cluster, sizes)
    await eventually(partial(are_calm, cluster), "the first looks", 60)
    assert not cluster.jobs.jobs
    await asyncio.to_thread(push, cluster, courses)
    await eventually(
        partial(are_moved, cluster, courses), "every launcher to move", within
    )
    return courses


async def assert_each_was_built_once(
    cluster: KubeCluster, kube: Kube, courses: Sequence[Course]
) -> None:
    jobs = cluster.jobs.jobs.values()
    again = {key: n for key, n in Counter(job.key for job in jobs).items() if n > 1}
    assert again == {}
    assert len(jobs) == len(courses)
    assert {job.attempt for job in jobs} == {1}
    for course in courses:
        assert await asyncio.to_thread(on_its_head, cluster, kube, course), course.name


def caps(*, at_once: int, per_project: int) -> dict[str, str]:
    """Return the settings of a service with caps, and images that nobody tries."""
    return {
        "RELAUNCH_BUILD_MAX_CONCURRENT": str(at_once),
        "RELAUNCH_BUILD_MAX_PER_PROJECT": str(per_project),
        "RELAUNCH_KUBERNETES_SMOKE_TEST": "false",
    }


# Six builds of five seconds, two at once.
@pytest.mark.timeout(150, func_only=True)
async def test_six_repositories_of_three_projects_are_built_two_at_once(
    kube: Kube, tmp_path: Path
) -> None:
    settings = caps(at_once=2, per_project=1)
    async with a_kube_cluster(tmp_path, kube, **settings) as cluster:
        courses = await built_at_once(cluster, (2, 2, 2), within=90)

        await assert_each_was_built_once(cluster, kube, courses)
        assert cluster.jobs.most == 2
        assert set(cluster.jobs.most_of_project.values()) == {1}


@contextmanager
def told(what: str) -> Iterator[None]:
    """Print how long something took."""
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.0f} s")  # noqa: T201 - minutes, and whose


# Fifty builds, four at once, on a node of two cores.
@pytest.mark.crowd
@pytest.mark.timeout(1200, func_only=True)
async def test_fifty_repositories_are_built_once_each_although_the_api_server_dies(
    kube: Kube, control: Control, tmp_path: Path
) -> None:
    settings = caps(at_once=AT_ONCE, per_project=PER_PROJECT)
    async with (
        a_kube_cluster(tmp_path, kube, **settings) as cluster,
        asyncio.TaskGroup() as group,
    ):

        async def break_in_the_middle() -> None:
            await cluster.jobs.until_made(20)
            await control.interrupt("apiserver")

        with told("fifty repositories"):
            breaking = group.create_task(break_in_the_middle())
            courses = await built_at_once(cluster, (30, 10, 10), within=1000)

        assert breaking.done()
        assert "watch broke" in cluster.consumer.said()
        assert "Traceback" not in cluster.consumer.said()
        await assert_each_was_built_once(cluster, kube, courses)
        assert cluster.jobs.most == AT_ONCE
        assert max(cluster.jobs.most_of_project.values()) <= PER_PROJECT
        # Who came last, with little, is not behind who came first, with much.
        made = [job.project for job in cluster.jobs.jobs.values()]
        halfway = Counter(made[: len(made) // 2])
        assert min(halfway[project] for project in set(made)) >= 4, halfway
