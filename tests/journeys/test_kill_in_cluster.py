"""A consumer is killed in each phase of a build in a cluster, and another goes on."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.test_cluster import leader_of
from tests.support.broker import broker_url
from tests.support.cluster import a_cluster
from tests.support.courses import Course
from tests.support.githttp import git_forge
from tests.support.job_watch import job_watch
from tests.support.kube import Kube
from tests.support.kube_cluster import KubeCluster, build_settings
from tests.support.service import Service
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.outage,
    pytest.mark.kubernetes,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.xdist_group("outages"),
    pytest.mark.timeout(240, func_only=True),
]

RECOVERED = 15.0
"""Seconds from a kill, or from what the builder did afterwards, to what follows."""
TRIAL = 8.0
SLOW = "detect sleep 1\nbuild sleep 4\n"
"""So that a phase is seen while it runs."""


@pytest.fixture
async def cluster(kube: Kube, tmp_path: Path) -> AsyncIterator[KubeCluster]:
    """A receiver and two consumers, of which one leads."""
    async with (
        git_forge(tmp_path / "forge", host=kube.host) as forge,
        a_cluster(tmp_path, bus=broker_url()) as processes,
        job_watch(kube, repositories=forge.url) as jobs,
    ):
        processes.variables |= build_settings(kube)
        receiver = processes.receiver("one")
        consumers = [processes.consumer(name) for name in ("one", "two")]
        for process in processes.processes:
            await asyncio.to_thread(process.launch)
        for process in processes.processes:
            answers = process.answers
            await asyncio.to_thread(process.until, answers, "an answer", 60)
        cluster = KubeCluster(
            kube=kube, forge=forge, jobs=jobs, receiver=receiver, consumer=consumers[0]
        )
        cluster.others.append(consumers[1])
        yield cluster


def consumers_of(cluster: KubeCluster) -> list[Service]:
    return [cluster.consumer, *cluster.others]


async def the_leader(cluster: KubeCluster) -> Service:
    async def is_there() -> bool:
        return leader_of(consumers_of(cluster)) is not None

    await eventually(is_there, "somebody to lead", 30)
    found = leader_of(consumers_of(cluster))
    assert found is not None
    return found


async def push(cluster: KubeCluster, course: Course, note: str) -> str:
    """Push what is built slowly; return the delivery."""
    course.repo.commit(
        {
            "requirements.txt": ".\n",
            "pyproject.toml": '[project]\nname = "slow"\nversion = "1"\n',
            ".standin": SLOW,
            "note": note,
        }
    )
    receipt = await asyncio.to_thread(cluster.deliver, course)
    return str(receipt["delivery"])


async def is_in(cluster: KubeCluster, phase: str, known: set[str]) -> bool:
    """Say whether a phase of the build that is new runs, or ran."""
    for name in set(cluster.jobs.jobs) - known:
        pod = await cluster.kube.pod_of(name)
        status = (pod or {}).get("status", {})
        found = [
            item
            for kind in ("initContainerStatuses", "containerStatuses")
            for item in status.get(kind, ())
        ]
        for item in found:
            if item["name"] == phase and item["state"].keys() & {
                "running",
                "terminated",
            }:
                return True
    return False


async def built(cluster: KubeCluster, course: Course) -> dict[str, Any] | None:
    for build in await asyncio.to_thread(cluster.builds, course):
        is_over = build["state"] in {"succeeded", "failed"}
        if is_over and build.get("commit") == course.repo.tip():
            return build
    return None


async def kill_in(cluster: KubeCluster, course: Course, phase: str) -> None:
    """Kill the leader while a phase runs; see who goes on, and when."""
    leader = await the_leader(cluster)
    known = set(cluster.jobs.jobs)
    await push(cluster, course, phase)
    reached = partial(is_in, cluster, phase, known)
    await eventually(reached, f"the {phase} phase", 60)

    await asyncio.to_thread(leader.kill)
    killed_at = time.monotonic()
    (survivor,) = (
        service for service in consumers_of(cluster) if service is not leader
    )

    async def leads() -> bool:
        return leader_of([survivor]) is survivor

    async def is_over() -> bool:
        return await built(cluster, course) is not None

    await eventually(leads, "another to lead", RECOVERED)
    led_after = time.monotonic() - killed_at
    await eventually(is_over, "the end of the build", 60)
    over_at = time.monotonic()
    build = await built(cluster, course)
    made = [job for name, job in cluster.jobs.jobs.items() if name not in known]
    ended_at = max(killed_at, *(cluster.jobs.ended_at[job.name] for job in made))
    print(  # noqa: T201 - the figures are what this is about
        f"{phase}: led after {led_after:.1f} s, settled {over_at - ended_at:.1f} s "
        "after the later of kill and Job"
    )
    assert build is not None
    assert build["state"] == "succeeded", build
    assert [job.attempt for job in made] == [1]
    # The image is tried in a Job of its own before the build is over.
    assert over_at - ended_at < RECOVERED + TRIAL
    await relaunch(leader)


async def relaunch(process: Service) -> None:
    await asyncio.to_thread(process.launch)
    await asyncio.to_thread(process.until, process.answers, "an answer", 60)


async def test_a_leader_that_is_killed_while_a_phase_runs_is_replaced_in_seconds(
    cluster: KubeCluster,
) -> None:
    course = await asyncio.to_thread(cluster.follow, "slow")
    for phase in ("clone", "build", "export"):
        await kill_in(cluster, course, phase)


async def test_a_push_right_before_a_kill_is_looked_at_in_seconds(
    cluster: KubeCluster,
) -> None:
    course = await asyncio.to_thread(cluster.follow, "slow")

    async def is_quiet() -> bool:
        builds = await asyncio.to_thread(cluster.builds, course)
        return all(build["status"] != "in_progress" for build in builds)

    await eventually(is_quiet, "the first look", 30)
    leader = await the_leader(cluster)
    slowest = 0.0
    for number in range(2):
        delivery = await push(cluster, course, str(number))
        await asyncio.sleep(0.3)  # it is being looked at, or about to be
        await asyncio.to_thread(leader.kill)
        killed_at = time.monotonic()
        looked_at = partial(is_looked_at, cluster, delivery)
        await eventually(looked_at, "the look", RECOVERED)
        slowest = max(slowest, time.monotonic() - killed_at)
        await relaunch(leader)
        leader = await the_leader(cluster)
    print(f"looked at after {slowest:.1f} s at most")  # noqa: T201


async def is_looked_at(cluster: KubeCluster, delivery: str) -> bool:
    path = f"/explanations?of={delivery}"
    try:
        explanation = await asyncio.to_thread(cluster.receiver.api, "GET", path)
    except AssertionError:
        return False  # it is on its way
    return bool(explanation["evaluations"])
