"""An operator corrects a setting and starts anew; what it kept out is built at once."""

import asyncio
import time
from functools import partial
from pathlib import Path

import pytest

from tests.journeys.test_push_to_cluster import newest, waits_for
from tests.support.courses import Course
from tests.support.kube import Kube
from tests.support.kube_cluster import KubeCluster, a_kube_cluster
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.timeout(200, func_only=True),
]

ACCOUNT = "RELAUNCH_KUBERNETES_SERVICE_ACCOUNT"
STARTED_WITHIN = 20.0
"""Seconds from the start with the right setting to the Job that has it."""


async def is_built(cluster: KubeCluster, course: Course) -> bool:
    build = await newest(cluster, course)
    return bool(build["state"] == "succeeded" and build["commit"] == course.repo.tip())


async def test_a_wrong_service_account_is_corrected_and_the_build_begins_anew(
    kube: Kube, tmp_path: Path
) -> None:
    async with a_kube_cluster(tmp_path, kube, **{ACCOUNT: "misspelt"}) as cluster:
        course = await asyncio.to_thread(cluster.follow, "course")
        course.push(1)
        await asyncio.to_thread(cluster.deliver, course)
        absent = partial(waits_for, cluster, course, "ServiceAccount misspelt")
        await eventually(absent, "the reason", 60)
        build = await newest(cluster, course)

        await asyncio.to_thread(cluster.consumer.stop)
        cluster.consumer.set(ACCOUNT, "default")
        await asyncio.to_thread(cluster.consumer.launch)
        answers = cluster.consumer.answers
        await asyncio.to_thread(cluster.consumer.until, answers, "an answer", 60)
        began = time.monotonic()
        built = partial(is_built, cluster, course)
        await eventually(built, "the image", STARTED_WITHIN + 60)
        took = time.monotonic() - began

    print(f"built {took:.1f} s after the start with the right setting")  # noqa: T201
    assert build["waiting"]["failure"]["kind"] == "missing_resource"
    assert "settings changed" in cluster.consumer.said()
