"""relaunch itself runs in pods, installed by the chart, and is upgraded in traffic."""

import asyncio
import urllib.error
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.courses import Course
from tests.support.installed import Installed, installed
from tests.support.kube import Kube, KubectlError, a_namespace
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.helm,
    # Four pods start once or three times, and one build has seven containers.
    pytest.mark.timeout(420, func_only=True),
]

MOVED_WITHIN: Final = 120.0
"""Seconds from a delivery to the launcher's new image, a killed pod in between."""
PAUSE: Final = 0.2
"""Seconds between two deliveries of the stream."""


@pytest.fixture
def kube() -> Iterator[Kube]:
    """Give each test a namespace: Helm takes over nothing that others applied."""
    with a_namespace() as namespace:
        yield namespace


@pytest.fixture
async def release(kube: Kube, tmp_path: Path) -> AsyncIterator[Installed]:
    async with installed(tmp_path, kube) as release:
        yield release


async def moved(release: Installed, course: Course, before: str) -> str:
    """Wait until the launcher has another image than before; return it."""

    async def has_moved() -> bool:
        try:
            return await asyncio.to_thread(release.image, course) not in {"", before}
        except (urllib.error.URLError, AssertionError):
            return False  # the pod of the API is the killed one

    await eventually(has_moved, f"the image after {before!r}", MOVED_WITHIN)
    return await asyncio.to_thread(release.image, course)


async def deliver(release: Installed, course: Course) -> int:
    """Send a push until a receiver takes it; return how many errors there were."""
    for failures in range(50):
        try:
            await asyncio.to_thread(release.deliver, course)
        except (OSError, AssertionError):
            await asyncio.sleep(PAUSE)
        else:
            return failures
    raise AssertionError("no receiver took the delivery")


async def start(release: Installed) -> Course:
    """Install, and follow a repository; the delivery of its first push was taken."""
    await release.apply("install")
    await release.find_services()
    course = await asyncio.to_thread(release.follow, "course")
    course.push(1)
    assert await deliver(release, course) == 0
    return course


async def test_a_push_comes_through_although_a_pod_of_each_role_dies(
    release: Installed,
) -> None:
    course = await start(release)
    assert "receivers 200" in await release.helm_run("test", "relaunch", "--logs")
    image = await moved(release, course, "")

    # They die at once, without a word, right after the push was taken.
    course.push(2)
    await deliver(release, course)
    roles = ("receivers", "api", "consumers")
    killed = {part: await release.kill(part) for part in roles}

    await moved(release, course, image)
    for part, pod in killed.items():
        assert pod not in await release.pods(part)


async def test_no_delivery_fails_while_pods_are_replaced_forward_and_back(
    release: Installed,
) -> None:
    course = await start(release)
    await moved(release, course, "")

    upgrade = release.apply("upgrade", settings={"log": {"level": "debug"}})
    assert await in_traffic(release, course, upgrade) == 0
    course.push(2)
    rollback = release.helm_run("rollback", "relaunch", "--wait", "--timeout", "180s")
    image = await asyncio.to_thread(release.image, course)
    assert await in_traffic(release, course, rollback) == 0

    await moved(release, course, image)


async def test_an_uninstalled_release_leaves_what_is_not_the_charts(
    release: Installed,
) -> None:
    await release.apply("install")

    await release.helm_run("uninstall", "relaunch", "--wait")

    left = await release.kube.kubectl("get", "deployments,services,jobs", "-o", "name")
    assert left == ""
    # The namespace of builds holds the registry's Secret.
    await release.kube.get("namespace", release.values["builds"]["namespace"])
    await release.kube.get("secret", "relaunch")
    with pytest.raises(KubectlError, match="NotFound"):
        await release.kube.get("configmap", "relaunch-settings")


async def in_traffic(
    release: Installed, course: Course, change: Coroutine[None, None, object]
) -> int:
    """Deliver one push after the other while something changes; count the errors."""
    failures = 0
    async with asyncio.TaskGroup() as group:
        task = group.create_task(change)
        while not task.done():
            failures += await deliver(release, course)
            await asyncio.sleep(PAUSE)
    return failures
