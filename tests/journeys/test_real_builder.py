"""One push, from the webhook to the launcher, with a builder image that is not ours."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from service.adapters.kubernetes.oci.references import ImageReference
from tests.journeys.test_push_to_cluster import newest, starts_from, verdicts
from tests.support.courses import Course
from tests.support.kube import Kube
from tests.support.kube_cluster import KubeCluster, a_kube_cluster
from tests.support.real_builder import PATIENCE, RealBuilder, real_builder
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.real_builder,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.timeout(3 * PATIENCE.total_seconds(), func_only=True),
]

WITHIN = PATIENCE.total_seconds()


async def is_built(cluster: KubeCluster, course: Course, real: RealBuilder) -> bool:
    build = await newest(cluster, course)
    if build["state"] == "failed" and build.get("commit") == course.repo.tip():
        path = f"/builds/{build['id']}/logs"
        logs = await asyncio.to_thread(cluster.receiver.api, "GET", path)
        said = "\n".join(f"[{phase}] {text}" for phase, text in logs.items())
        raise AssertionError(f"{build}\n{said}\n{real.needs}")
    return bool(build["state"] == "succeeded")


async def test_a_push_is_built_by_a_real_builder_and_moves_the_launcher(
    kube: Kube, tmp_path: Path
) -> None:
    real = await real_builder(kube)
    async with a_kube_cluster(tmp_path, kube, **real.settings()) as cluster:
        course = await asyncio.to_thread(cluster.follow, "real")
        commit = course.push(1)
        await asyncio.to_thread(cluster.deliver, course)
        built = partial(is_built, cluster, course, real)
        await eventually(built, "the image", WITHIN)
        build = await newest(cluster, course)
        image = build["result"]["image"]

        assert build["result"]["repository_git_commit_sha"] == commit, real.needs
        assert ImageReference.from_text(image).version.startswith("sha256:")
        assert build["packages"] >= 1, real.needs
        await eventually(partial(starts_from, cluster, course, image), "a move", 30)

        # The same definition once more: looked at, and nothing is built.
        course.repo.commit({"README.md": "of no consequence"})
        receipt = await asyncio.to_thread(cluster.deliver, course)

        async def is_judged() -> bool:
            return bool(await verdicts(cluster, receipt["delivery"]))

        await eventually(is_judged, "the second push to be judged", 60)
        assert await verdicts(cluster, receipt["delivery"]) == ["unchanged"]
        assert len(cluster.jobs.jobs) == 1

        # Another one: built again, and the launcher moves on.
        course.push(2)
        await asyncio.to_thread(cluster.deliver, course)

        async def has_moved() -> bool:
            await is_built(cluster, course, real)
            return not await starts_from(cluster, course, image)

        await eventually(has_moved, "the second image", WITHIN)
