"""What a launcher wants is a level: whoever is behind is brought forward."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.domain.building.build import BuildState, RebuildId
from service.domain.launcher import LauncherId
from tests.support.outages import AwayRemote
from tests.support.repos import Repo
from tests.support.world import World, a_world


@dataclass(kw_only=True)
class Outage:
    world: World
    remote: AwayRemote
    repo: Repo


@pytest.fixture
async def outage(tmp_path: Path, repo: Repo) -> AsyncIterator[Outage]:
    remote = AwayRemote(environment={}, allow_files=True)
    async with a_world(tmp_path, remote=remote) as world:
        yield Outage(world=world, remote=remote, repo=repo)


async def followed(world: World, repo: Repo) -> LauncherId:
    """Follow a repository; return once its first image is there and all is quiet."""
    launcher = await world.follow(repo.repository)
    await world.settle()
    world.builder.succeed()
    await world.settle()
    await world.later(30)
    await world.later(30)
    return launcher


async def calmed(world: World) -> None:
    """Let builds succeed and time pass until nothing is left to do."""
    for _ in range(8):
        for build in world.builder.running:
            world.builder.succeed(build)
        await world.later(400)


async def is_current(world: World, launcher: LauncherId, repo: Repo) -> bool:
    """Say whether the launcher's image was built from the file at the head."""
    it = await world.launcher(launcher)
    rebuilds = await world.rebuilds(launcher)
    made = next((r for r in rebuilds if r.image and r.image == it.image), None)
    if made is None or made.plan is None or it.image_key != it.wanted_key:
        return False
    built = repo.git("show", f"{made.plan.commit}:requirements.txt")
    return built == repo.git("show", "refs/heads/main:requirements.txt")


STEPS = {
    "rebuild-cancel-push": "rcp",
    "rebuild-push-cancel": "rpc",
    "push-rebuild-cancel": "prc",
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
async def test_a_push_beside_a_cancelled_rebuild_is_built(
    world: World, repo: Repo, steps: str
) -> None:
    """All three within the quiet time, before anybody looked."""
    launcher = await followed(world, repo)
    requested = RebuildId("")
    for step in steps:
        if step == "r":
            requested = await world.request_rebuild(launcher)
        elif step == "c":
            await world.cancel(requested)
        else:
            repo.commit({"requirements.txt": "six==1.17.0\n"})
            await world.push(repo.repository)
    await calmed(world)

    assert await is_current(world, launcher, repo)


async def test_a_push_that_waits_with_a_rebuild_that_failed_is_built(
    outage: Outage,
) -> None:
    world, repo = outage.world, outage.repo
    launcher = await followed(world, repo)
    outage.remote.is_away = True
    requested = await world.request_rebuild(launcher)
    await world.settle()
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await world.push(repo.repository)
    for _ in range(8):
        await world.later(400)
    rebuilds = {rebuild.id: rebuild for rebuild in await world.rebuilds(launcher)}
    outage.remote.is_away = False
    await calmed(world)

    assert rebuilds[requested].state is BuildState.FAILED
    assert await is_current(world, launcher, repo)


async def test_a_launcher_that_was_added_during_an_outage_gets_an_image(
    outage: Outage,
) -> None:
    world, repo = outage.world, outage.repo
    outage.remote.is_away = True
    launcher = await world.follow(repo.repository)
    for _ in range(8):
        await world.later(400)
    (requested,) = await world.rebuilds(launcher)
    outage.remote.is_away = False
    await calmed(world)

    assert requested.state is BuildState.FAILED
    assert await is_current(world, launcher, repo)
