"""A real `git push` to a forge whose hook points to a running `relaunch dev`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.forge import Vendor, a_forge
from tests.support.service import Service


@pytest.mark.parametrize("vendor", ["github", "gitlab"])
async def test_a_push_is_accepted_and_evaluated_by_the_running_service(
    tmp_path: Path, vendor: Vendor
) -> None:
    service = Service(tmp_path / "data", RELAUNCH_EVALUATION_DEBOUNCE="100ms")
    async with a_forge(tmp_path / "forge", vendor=vendor) as forge:
        repo = forge.create("uni/course", files={"README.md": "no definition yet\n"})
        await asyncio.to_thread(service.start)
        try:
            launcher = await asyncio.to_thread(service.follow, repo.url, "course")
            hook = await asyncio.to_thread(
                service.api,
                "POST",
                "/hooks",
                {"repository": repo.url, "forge": vendor, "paste": True},
            )
            where = f"{service.url}/webhooks/{vendor}/{hook['id']}"
            made = forge.hooks.add(where, repository=repo.number)
            is_signing = hook["secret"].startswith("whsec_")
            made.signing_token = hook["secret"] if is_signing else ""
            made.secret = "" if is_signing else hook["secret"]

            tip = await repo.push({"README.md": "still none\n"})
            await forge.settled()

            [delivery] = forge.deliveries
            assert (delivery.status, json.loads(delivery.answer)["status"]) == (
                202,
                "accepted",
            )
            await asyncio.to_thread(looked_at, service, launcher, tip)
        finally:
            await asyncio.to_thread(service.kill)


def looked_at(service: Service, launcher: dict[str, Any], tip: str) -> None:
    path = f"/sources/{launcher['source_id']}/evaluations"
    service.until(
        lambda: any(item.get("commit") == tip for item in service.api("GET", path)),
        "the pushed commit to be evaluated",
        15,
    )
