"""What became of deliveries: asked of a receiver, as people ask."""

import asyncio
from typing import Any

from aiohttp import ClientSession

from tests.support.cluster import SHARED
from tests.support.courses import Course
from tests.support.service import Service
from tests.support.stream import eventually

__all__ = ["all_evaluated", "is_built", "told"]


async def told(service: Service, path: str) -> Any:
    return await asyncio.to_thread(service.api, "GET", path)


async def all_evaluated(service: Service, deliveries: list[str]) -> None:
    """Wait for it; what is still on its way to the consumers is not on record yet."""
    waiting = list(deliveries)
    headers = {"Authorization": f"Bearer {SHARED['RELAUNCH_TOKEN']}"}
    async with ClientSession(service.url, headers=headers) as session:

        async def none_waits() -> bool:
            while waiting:
                path = f"/api/relaunch/explanations?of={waiting[-1]}"
                async with session.get(path) as answer:
                    explanation = await answer.json()
                if answer.status == 404 or not explanation["evaluations"]:
                    return False
                waiting.pop()
            return True

        await eventually(none_waits, "every accepted delivery to be evaluated", 60)


async def is_built(receiver: Service, course: Course) -> bool:
    """Say whether the launcher starts from what the branch defines now."""
    launcher = await told(receiver, f"/session_launchers/{course.launcher['id']}")
    (evaluation, *_) = await told(
        receiver, f"/sources/{launcher['source_id']}/evaluations"
    ) or [{}]
    is_seen = evaluation.get("commit") == course.repo.tip()
    return bool(is_seen and launcher["generation"] and not launcher["outdated"])
