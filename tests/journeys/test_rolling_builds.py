"""A build that one version started ends under the other one, in both directions."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.test_rolling_upgrade import Versions, side_by_side, started
from tests.support.githttp import git_forge
from tests.support.kube import Kube
from tests.support.kube_cluster import build_settings
from tests.support.repos import Repo
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.outage,
    pytest.mark.kubernetes,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.xdist_group("outages"),
    pytest.mark.timeout(300),
]

ENDED = 90.0
FILES = {
    "requirements.txt": ".\n",
    "pyproject.toml": '[project]\nname = "slow"\nversion = "1"\n',
    ".standin": "detect sleep 1\nbuild sleep 6\n",
}


async def jobs_of(kube: Kube) -> list[str]:
    """Return the names of builds' Jobs, with the number of the attempt at the end."""
    listed = json.loads(await kube.kubectl("get", "jobs", "-o", "json"))["items"]
    names = [str(job["metadata"]["name"]) for job in listed]
    return sorted(name for name in names if "smoke" not in name)


async def taken_over(
    versions: Versions, kube: Kube, path: str, hand_over: Callable[[], object]
) -> str:
    """Wait for a Job, have the other version lead, and return the launcher's image."""

    async def is_running() -> bool:
        return bool(await jobs_of(kube))

    await eventually(is_running, "a Job", ENDED)
    started_first = await jobs_of(kube)
    await asyncio.to_thread(hand_over)

    async def is_over() -> bool:
        found = await jobs_of(kube)
        assert found in (started_first, []), "it was begun again"
        launcher = await asyncio.to_thread(versions.receiver.api, "GET", path)
        return not found and bool(launcher["generation"]) and not launcher["outdated"]

    await eventually(is_over, "the image", ENDED)
    launcher = await asyncio.to_thread(versions.receiver.api, "GET", path)
    return str(launcher["environment"]["container_image"])


async def test_the_other_version_watches_a_build_to_its_end(
    kube: Kube, tmp_path: Path
) -> None:
    async with (
        git_forge(tmp_path / "forge", host=kube.host) as forge,
        side_by_side(tmp_path, **build_settings(kube)) as versions,
    ):
        repo = Repo(forge.root / "slow.git")
        repo.commit(FILES)
        url = f"{forge.url}/slow.git"
        versions.migrate()
        await asyncio.to_thread(started, versions.receiver, versions.consumer)
        launcher = await asyncio.to_thread(versions.receiver.follow, url, "slow")
        path = f"/session_launchers/{launcher['id']}"

        # The old one leads, and hangs: its lease ends, and the new one leads.
        old = versions.old_consumer.pid
        first = await taken_over(
            versions, kube, path, lambda: os.kill(old, signal.SIGSTOP)
        )
        os.kill(old, signal.SIGCONT)
        repo.commit({**FILES, "requirements.txt": ".\nsix\n"})
        named = {"repository": url, "forge": "github"}
        hook = await asyncio.to_thread(versions.receiver.api, "POST", "/hooks", named)
        deliver = versions.receiver.deliver
        await asyncio.to_thread(deliver, hook, "refs/heads/main", repo.tip())
        # It begins the build; then the old one leads again.
        second = await taken_over(versions, kube, path, versions.consumer.stop)

        assert "@sha256:" in first
        assert "@sha256:" in second
        assert first != second
