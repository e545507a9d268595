"""Whoever names repositories has few of them read at once, by whatever route."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from service.domain.repository import Repository
from service.domain.rights.caller import User, UserId
from service.domain.source import Access
from service.usecases.platform.probe_limit import PROBES_AT_ONCE
from tests.handlers.test_simulations import payload
from tests.support.api import Api, serving
from tests.support.browsing import browsing
from tests.support.githttp import GitForge, git_forge
from tests.support.memory import MemoryBus
from tests.support.repos import Repo
from tests.support.rights import token_of
from tests.support.smart import smart_remote
from tests.support.world import World

Ask = Callable[[Api, GitForge, str], Coroutine[Any, Any, object]]


async def look_up(api: Api, forge: GitForge, token: str) -> object:
    headers = {"Authorization": f"Bearer {token}"}
    path = f"/api/data/repository?url={forge.url}/owner/name.git"
    return await api.bare("GET", path, headers=headers)


async def fill_the_form(api: Api, forge: GitForge, token: str) -> object:
    async with browsing(api) as person:
        await person.sign_in(token)
        return await person.get(f"/create?url={forge.url}/owner/name.git")


async def simulate(api: Api, forge: GitForge, token: str) -> object:
    del token
    repository = {
        "id": 7,
        "full_name": "owner/name",
        "clone_url": f"{forge.url}/owner/name.git",
        "default_branch": "main",
    }
    body = payload(Repo(forge.root / "owner/name.git"), repository=repository)
    order = {"forge": "github", "body": body}
    return await api.call("POST", "/simulations", order)


@pytest.mark.parametrize("ask", [look_up, fill_the_form, simulate])
async def test_few_are_read_at_once_whoever_asks(
    world: World, tmp_path: Path, ask: Ask
) -> None:
    root = tmp_path / "forge"
    Repo(root / "owner/name.git").commit({"requirements.txt": "six\n"})
    token = await token_of(world, User(id=UserId("eve"), username="eve"))
    async with (
        smart_remote() as remote,
        git_forge(root) as forge,
        asyncio.TaskGroup() as group,
    ):
        world.anonymous_remote = remote
        repository = Repository.from_url(f"{forge.url}/owner/name.git")
        await world.follow(repository, access=Access.ANONYMOUS)
        forge.faults.hangs = True
        async with serving(world, MemoryBus()) as api:
            asking = [
                group.create_task(ask(api, forge, token))
                for _ in range(2 * PROBES_AT_ONCE)
            ]
            while len(forge.seen) < PROBES_AT_ONCE:  # noqa: ASYNC110 - it may be slow
                await asyncio.sleep(0.01)
            # Time for the others to come, if they were let.
            await asyncio.sleep(0.3)
            read = len(forge.seen)
            for task in asking:
                task.cancel()

    assert read == PROBES_AT_ONCE
