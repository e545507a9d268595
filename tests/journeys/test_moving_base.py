"""The tag of the builder image moves, and launchers are rebuilt with what it is now."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.journeys.test_push_to_cluster import newest
from tests.support.courses import Course
from tests.support.kube import Kube
from tests.support.kube_cluster import KubeCluster, a_kube_cluster
from tests.support.standin.registry import Reference, Registry, digest_of
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.timeout(300, func_only=True),
]

ROUND = 60.0
"""Seconds until those whose turn it is are looked for again."""


class Tag:
    """A tag in the registry of the cluster that names the stand-in builder."""

    def __init__(self, kube: Kube) -> None:
        self.repository = f"{kube.namespace}-builder"
        self.name = f"{kube.registry}/{self.repository}:1"
        self.registry = Registry(kube.registry)
        self._source = Reference.parse(f"{kube.registry}/{kube.standin}")
        found = self.registry.manifest(self._source.repository, self._source.version)
        assert found is not None
        self._manifest = found.json()
        for part in (self._manifest["config"], *self._manifest["layers"]):
            blob = part["digest"]
            self.registry.mount(self.repository, blob, source=self._source.repository)

    def move(self, note: str) -> str:
        """Have the tag name other bytes that build the same; return their digest."""
        raw = json.dumps(self._manifest | {"annotations": {"note": note}}).encode()
        self.registry.push_manifest(self.repository, "1", raw)
        return f"{self.name.rpartition(':')[0]}@{digest_of(raw)}"


@pytest.fixture
def tag(kube: Kube) -> Tag:
    return Tag(kube)


@pytest.fixture
async def cluster(kube: Kube, tag: Tag, tmp_path: Path) -> AsyncIterator[KubeCluster]:
    tag.move("first")
    settings = {
        "RELAUNCH_KUBERNETES_BUILDER_IMAGE": tag.name,
        "RELAUNCH_KUBERNETES_BASE_CHECK_INTERVAL": "2s",
        "RELAUNCH_BUILD_MAX_BACKGROUND_PER_HOUR": "3600",
    }
    async with a_kube_cluster(tmp_path, kube, **settings) as cluster:
        yield cluster


async def is_moved_on(cluster: KubeCluster, course: Course, before: str) -> bool:
    launcher = await asyncio.to_thread(cluster.launcher, course)
    image: str = launcher["environment"]["container_image"]
    return image not in {before, "image:unknown-at-the-moment"}


async def test_a_tag_that_moves_rebuilds_who_was_built_with_what_it_was(
    cluster: KubeCluster, tag: Tag
) -> None:
    courses = [
        await asyncio.to_thread(cluster.follow, name) for name in ("one", "other")
    ]
    first = await asyncio.to_thread(tag.move, "before the first build")
    await asyncio.sleep(
        2 * 2 + 5
    )  # it is asked for every two seconds, and told in five
    for number, course in enumerate(courses, start=1):
        course.push(number)
        await asyncio.to_thread(cluster.deliver, course)
    for course in courses:
        await eventually(partial(is_moved_on, cluster, course, ""), "an image", 120)
    before = [await asyncio.to_thread(cluster.launcher, item) for item in courses]
    built = dict(cluster.jobs.jobs)

    second = await asyncio.to_thread(tag.move, "after it")
    for course, launcher in zip(courses, before, strict=True):
        image = launcher["environment"]["container_image"]
        moved = partial(is_moved_on, cluster, course, image)
        await eventually(moved, "an image of the new builder", ROUND + 90)

    rebuilt = [job for name, job in cluster.jobs.jobs.items() if name not in built]
    assert {first in job.images for job in built.values()} == {True}
    assert {second in job.images for job in rebuilt} == {True}
    assert {job.key for job in rebuilt}.isdisjoint({job.key for job in built.values()})
    assert len(rebuilt) == len(courses)
    for job in (*built.values(), *rebuilt):
        assert tag.name not in job.images
    for course in courses:
        assert (await newest(cluster, course))["reason"] == "base_changed"
