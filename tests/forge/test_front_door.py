"""A real `git push` to a forge reaches relaunch, is proved, and is tracked."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.domain.hook import Hook, HookId, Proof, Reach
from service.domain.repository import Repository
from tests.support.deliveries import SECRETS, a_hook
from tests.support.forge import Forge, HostedRepo, Vendor, a_forge
from tests.support.front_door import FrontDoor, front_door
from tests.support.repos import MovedFrom

VENDORS: dict[Proof, Vendor] = {
    Proof.HMAC: "github",
    Proof.SECRET_TOKEN: "gitlab",
    Proof.SIGNING_TOKEN: "gitlab",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A forge, a repository there, and relaunch with a hook for it."""

    forge: Forge
    repo: HostedRepo
    door: FrontDoor
    hook: Hook

    async def answers(self) -> list[tuple[int, Any]]:
        await self.forge.settled()
        said = self.forge.deliveries
        return [
            (delivery.status, json.loads(delivery.answer)["status"])
            for delivery in said
        ]

    def point(self, hook: Hook, **where: Any) -> None:
        """Make a hook at the forge as its owner does by hand."""
        secret = hook.secrets[0].reveal()
        is_signing = hook.proof is Proof.SIGNING_TOKEN
        path = f"/webhooks/{hook.forge.value}/{hook.id}"
        self.forge.hooks.add(
            f"http://127.0.0.1:{self.door.port}{path}",
            secret="" if is_signing else secret,
            signing_token=secret if is_signing else "",
            **where,
        )


@pytest.fixture(params=list(VENDORS), ids=lambda item: item.value)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        door = await stack.enter_async_context(front_door(tmp_path))
        vendor = VENDORS[request.param]
        forge = await stack.enter_async_context(
            a_forge(tmp_path / "forge", vendor=vendor, clock=door.clock)
        )
        repo = forge.create("uni/course", files={"requirements.txt": "numpy\n"})
        hook = await door.add_hook(a_hook(request.param, repository=repo.repository))
        place = Place(forge=forge, repo=repo, door=door, hook=hook)
        place.point(hook, repository=repo.number)
        await door.track("main", repo.repository)
        yield place


async def test_a_push_is_accepted_and_tracked(here: Place) -> None:
    before = here.repo.tip()

    after = await here.repo.push({"requirements.txt": "scipy\n"})

    assert await here.answers() == [(202, "accepted")]
    [push] = here.door.pushes
    assert (push.before, push.after) == (before, after)
    assert push.ref == "refs/heads/main"


async def test_a_branch_that_nobody_tracks_is_ignored(here: Place) -> None:
    await here.repo.push({"requirements.txt": "scipy\n"}, branch="feature/main")

    assert await here.answers() == [(202, "ignored")]
    assert here.door.pushes == []


@pytest.mark.parametrize("way", ["rename", "force back", "delete"])
async def test_pushes_that_hide_what_changed_are_accepted(
    here: Place, way: str
) -> None:
    old = here.repo.tip()
    await here.repo.push({"env.txt": MovedFrom("requirements.txt")})
    if way == "force back":
        here.repo.work.point("refs/heads/main", old)
        await here.repo.push_refs("refs/heads/main", force=True)
    if way == "delete":
        here.repo.make_default("other")
        await here.repo.push_refs(":refs/heads/main")

    assert set(await here.answers()) == {(202, "accepted")}


async def test_a_push_that_came_twice_counts_once(here: Place) -> None:
    here.forge.faults.copies = 2

    after = await here.repo.push({"requirements.txt": "scipy\n"})
    await here.forge.settled()

    assert [push.after for push in here.door.pushes] == [after]


async def test_a_hook_with_another_secret_is_refused(here: Place) -> None:
    hook = here.forge.hooks[0]
    hook.secret, hook.signing_token = "wrong" * bool(hook.secret), ""

    await here.repo.push({"requirements.txt": "scipy\n"})
    await here.forge.settled()

    assert [delivery.status for delivery in here.forge.deliveries] == [401]
    assert here.door.pushes == []


async def test_a_hook_of_an_owner_serves_its_repositories(here: Place) -> None:
    here.forge.hooks.remove(here.forge.hooks[0])
    owner = a_hook(
        here.hook.proof,
        id=HookId("owner"),
        repository=Repository.from_url(f"{here.forge.url}/uni"),
        reach=Reach.OWNER,
        secrets=(SECRETS[here.hook.proof],),
    )
    here.point(await here.door.add_hook(owner), owner="uni")

    after = await here.repo.push({"requirements.txt": "scipy\n"})

    assert await here.answers() == [(202, "accepted")]
    assert [push.after for push in here.door.pushes] == [after]
