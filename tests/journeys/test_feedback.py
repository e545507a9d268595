"""The whole service beside a forge: what a person sees on their commit."""

import asyncio
import json
from pathlib import Path

from service.domain.commit_status import CONTEXT
from tests.support.forge import a_forge
from tests.support.service import Service


async def test_a_commit_is_told_how_its_environment_fares(tmp_path: Path) -> None:
    async with a_forge(tmp_path, vendor="github") as forge:
        repo = forge.create("uni/course", files={"README.md": "nothing to install\n"})
        service = Service(
            tmp_path / "data",
            RELAUNCH_FORGE_TOKENS=f"{forge.host}={forge.token}",
            RELAUNCH_FORGE_KINDS=json.dumps({forge.host: "github"}),
            RELAUNCH_FORGE_COMMIT_STATUS="true",
        )
        try:
            # In threads: the forge answers on this loop.
            await asyncio.to_thread(service.start)
            await asyncio.to_thread(service.follow, repo.url, "course")
            await asyncio.to_thread(
                service.until, lambda: bool(repo.statuses), "a status", 20
            )
        finally:
            await asyncio.to_thread(service.kill)

    (said,) = repo.statuses
    assert (said["sha"], said["state"]) == (repo.tip(), "failure")
    assert said["context"] == CONTEXT
    assert said["description"].startswith("no_definition: ")
    assert said["target_url"] is None  # nobody else could open it
    assert forge.token not in service.log.read_text()
