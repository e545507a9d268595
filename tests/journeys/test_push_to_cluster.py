"""A push becomes a Job of a real cluster, and launchers start from its image."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.courses import Course
from tests.support.kube import Kube, KubectlError
from tests.support.kube_cluster import KubeCluster, a_kube_cluster
from tests.support.standin.registry import Reference, Registry
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    # Two processes start, and a build has seven containers of half a second each.
    pytest.mark.timeout(150, func_only=True),
]

BUILT_WITHIN: Final = 60.0
STOPPED_WITHIN: Final = 5.0
"""Seconds from the answer of the REST API to a Job that is gone."""


@pytest.fixture
async def cluster(kube: Kube, tmp_path: Path) -> AsyncIterator[KubeCluster]:
    async with a_kube_cluster(tmp_path, kube) as cluster:
        yield cluster


async def newest(cluster: KubeCluster, course: Course) -> dict[str, Any]:
    builds = await asyncio.to_thread(cluster.builds, course)
    return builds[0]


async def is_built(cluster: KubeCluster, course: Course) -> bool:
    build = await newest(cluster, course)
    assert build["state"] != "failed" or build.get("commit") != course.repo.tip(), build
    return bool(build["state"] == "succeeded")


async def has_run(cluster: KubeCluster, course: Course) -> bool:
    """Say whether a build of the head runs, and said something."""
    build = await newest(cluster, course)
    if build["state"] != "running" or build["commit"] != course.repo.tip():
        return False
    logs = await asyncio.to_thread(
        cluster.receiver.api, "GET", f"/builds/{build['id']}/logs"
    )
    return "begun" in logs.get("build", "")


async def verdicts(cluster: KubeCluster, delivery: str) -> list[str]:
    """Return what was made of a delivery; nothing before it was looked into."""
    try:
        explanation = await asyncio.to_thread(
            cluster.receiver.api, "GET", f"/explanations?of={delivery}"
        )
    except AssertionError:
        return []  # it is on its way
    return [
        evaluation["evaluation"]["verdict"] for evaluation in explanation["evaluations"]
    ]


def relaunch(cluster: KubeCluster, *arguments: str) -> str:
    command = [sys.executable, "-m", "service.cli", "--url", cluster.receiver.url]
    done = subprocess.run(
        [*command, *arguments],
        env=cluster.receiver.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


async def test_a_push_becomes_a_job_an_image_and_the_launchers_image(
    cluster: KubeCluster, kube: Kube
) -> None:
    follow = partial(cluster.follow, "course", frontend="jupyterlab")
    course = await asyncio.to_thread(follow)
    commit = course.push(1)
    await asyncio.to_thread(cluster.deliver, course)
    await eventually(partial(is_built, cluster, course), "the image", BUILT_WITHIN)
    build = await newest(cluster, course)
    image = build["result"]["image"]

    assert [job.attempt for job in cluster.jobs.jobs.values()] == [1]
    assert build["result"]["repository_git_commit_sha"] == commit
    assert build["packages"] == 1

    reference = Reference.parse(image)
    assert reference.version.startswith("sha256:")
    manifest = await asyncio.to_thread(
        Registry(kube.registry).manifest, reference.repository, reference.version
    )
    assert manifest is not None

    await eventually(partial(starts_from, cluster, course, image), "a move", 10)

    logs = await asyncio.to_thread(
        cluster.receiver.api, "GET", f"/builds/{build['id']}/logs"
    )
    assert "Successfully installed course-1.0" in logs["build"]
    assert reference.version in logs["export"]
    assert "/cnb/process/jupyterlab" in logs["smoke"]
    assert "answers with 200" in logs["smoke"]
    said = await asyncio.to_thread(relaunch, cluster, "logs", "course")
    assert "Successfully installed course-1.0" in said

    # The same definition once more: looked at, and nothing is built.
    course.repo.commit({"README.md": "of no consequence"})
    receipt = await asyncio.to_thread(cluster.deliver, course)

    async def is_judged() -> bool:
        return bool(await verdicts(cluster, receipt["delivery"]))

    await eventually(is_judged, "the second push to be judged", 20)
    assert await verdicts(cluster, receipt["delivery"]) == ["unchanged"]
    assert await newest(cluster, course) == build
    assert len(cluster.jobs.jobs) == 1
    assert await starts_from(cluster, course, image)


async def starts_from(cluster: KubeCluster, course: Course, image: str) -> bool:
    launcher = await asyncio.to_thread(cluster.launcher, course)
    is_on_it: bool = launcher["environment"]["container_image"] == image
    return is_on_it


async def waits_for(cluster: KubeCluster, course: Course, words: str) -> bool:
    build = await newest(cluster, course)
    if build.get("commit") != course.repo.tip():
        return False  # what was there before the push
    assert build["state"] in {"queued", "running"}, build
    return words in build.get("waiting", {}).get("message", "")


async def test_a_build_that_a_quota_keeps_out_says_so_and_goes_on_by_itself(
    cluster: KubeCluster, kube: Kube
) -> None:
    course = await asyncio.to_thread(cluster.follow, "crowded")
    await kube.kubectl("create", "quota", "none", "--hard=pods=0")
    await kube.until("quota", "none", "{.status}", "used")
    try:
        course.push(1)
        await asyncio.to_thread(cluster.deliver, course)
        full = partial(waits_for, cluster, course, "the quota none of its namespace")
        await eventually(full, "the reason", 40)
        build = await newest(cluster, course)
        said = [
            await asyncio.to_thread(relaunch, cluster, *command)
            for command in (
                ("builds", "crowded"),
                ("launcher", "show", "crowded"),
                ("explain", build["id"]),
            )
        ]
    finally:
        await kube.delete("quota", "none")
    await eventually(partial(is_built, cluster, course), "the image", BUILT_WITHIN)

    assert build["waiting"]["failure"]["kind"] == "not_admitted"
    for text in said:
        assert "because the quota none" in " ".join(text.split()), text
    assert [job.attempt for job in cluster.jobs.jobs.values()] == [1]


async def test_a_build_that_is_cancelled_loses_its_job_within_seconds(
    cluster: KubeCluster, kube: Kube
) -> None:
    course = await asyncio.to_thread(cluster.follow, "slow")
    # A build sees what counts, and of an installed project everything does.
    course.repo.commit(
        {
            "requirements.txt": ".\n",
            "pyproject.toml": '[project]\nname = "slow"\nversion = "1"\n',
            ".standin": "build say begun\nbuild sleep 600\n",
        }
    )
    await asyncio.to_thread(cluster.deliver, course)
    await eventually(partial(has_run, cluster, course), "the build to run", 40)
    build = await newest(cluster, course)
    ((name, _),) = cluster.jobs.jobs.items()

    path = f"/builds/{build['id']}"
    change = {"status": "cancelled"}
    told = await asyncio.to_thread(cluster.receiver.api, "PATCH", path, change)
    began = time.monotonic()
    async with asyncio.timeout(30):
        await cluster.jobs.until_none()
    took = time.monotonic() - began

    assert (told["status"], told["state"]) == ("cancelled", "cancelled")
    assert took < STOPPED_WITHIN
    with pytest.raises(KubectlError, match="NotFound"):
        await kube.get("job", name)
    assert (await newest(cluster, course))["state"] == "cancelled"
    launcher = await asyncio.to_thread(cluster.launcher, course)
    assert launcher["generation"] == 0
