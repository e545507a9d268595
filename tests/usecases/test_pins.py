"""Launchers pinned to an image, and rolled back to an earlier one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.domain.building.build import BuildState, Package, RebuildId
from service.domain.launcher import LauncherId, UpdatePolicy
from service.errors import ConflictError, InvalidRequestError, NotFoundError
from service.usecases.updates.compare_images import compare_images
from service.usecases.updates.pins import LauncherPinner
from tests.support.repos import Repo
from tests.support.world import World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def pinner(world: World) -> LauncherPinner:
    return LauncherPinner(
        store=world.store,
        clock=world.clock,
        events=world.recorder,
        rebuilds=world.rebuild_requester,
    )


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "course.git")
    made.commit({"requirements.txt": "six==1.15.0\n"})
    return made


async def built(world: World, repo: Repo) -> LauncherId:
    launcher = await world.follow(repo.repository)
    await finish(world)
    return launcher


async def finish(world: World) -> None:
    await world.settle()
    world.builder.succeed()
    await world.settle()


async def push(world: World, repo: Repo, version: str) -> None:
    repo.commit({"requirements.txt": f"six=={version}\n"})
    await world.push(repo.repository)
    await world.later(5)


async def test_a_pinned_launcher_stays_and_catches_up_once_it_is_unpinned(
    world: World, repo: Repo, pinner: LauncherPinner
) -> None:
    launcher = await built(world, repo)
    pinned = await pinner.pin(launcher)

    await push(world, repo, "1.16.0")
    await world.later(3600)
    stayed = await world.launcher(launcher)
    assert not world.builder.running
    free = await pinner.unpin(launcher)
    await finish(world)

    assert stayed.image == pinned.image
    assert stayed.wanted_key != stayed.image_key
    assert free.pinned_at is None
    caught_up = await world.launcher(launcher)
    assert caught_up.image_key == stayed.wanted_key
    assert await pinner.unpin(launcher) == caught_up


async def test_what_a_person_has_built_is_offered_to_a_pinned_launcher(
    world: World, repo: Repo, pinner: LauncherPinner
) -> None:
    launcher = await built(world, repo)
    pinned = await pinner.pin(launcher)
    repo.commit({"requirements.txt": "six==1.16.0\n"})

    await world.request_rebuild(launcher)
    await finish(world)

    offered = await world.launcher(launcher)
    assert offered.image == pinned.image
    assert offered.has_offer
    await pinner.unpin(launcher)
    await world.settle()
    assert (await world.launcher(launcher)).image == offered.available_image


async def test_a_launcher_goes_back_step_by_step_and_forward_when_unpinned(
    world: World, repo: Repo, pinner: LauncherPinner
) -> None:
    launcher = await built(world, repo)
    images = [(await world.launcher(launcher)).image]
    for version in ("1.16.0", "1.17.0"):
        await push(world, repo, version)
        await finish(world)
        images.append((await world.launcher(launcher)).image)
    choices = await pinner.earlier_images(launcher)

    first = await pinner.roll_back(launcher)
    second = await pinner.roll_back(launcher)
    with pytest.raises(ConflictError, match="no earlier image"):
        await pinner.roll_back(launcher)
    await world.later(3600)
    stayed = await world.launcher(launcher)
    await pinner.unpin(launcher)
    await world.later(60)
    await world.later(60)

    assert len(set(images)) == 3
    assert [rebuild.image for rebuild in choices] == [images[1], images[0]]
    assert (first.image, second.image, stayed.image) == (
        images[1],
        images[0],
        images[0],
    )
    assert first.pinned_at is not None
    moved = await world.launcher(launcher)
    assert moved.image == images[2]
    assert len(world.builder.started) == 3  # nothing was built anew for it
    assert moved.generation > second.generation > first.generation


async def test_a_build_that_the_launcher_cannot_start_from_is_refused_by_reason(
    world: World, repo: Repo, pinner: LauncherPinner
) -> None:
    launcher = await built(world, repo)
    other = await world.follow(repo.repository, name="other", frontend="ttyd")
    await world.settle()
    (mine,) = await world.rebuilds(launcher)
    (running,) = await world.rebuilds(other)

    with pytest.raises(NotFoundError, match="none of session launcher"):
        await pinner.roll_back(launcher, running.id)
    with pytest.raises(NotFoundError, match="none of session launcher"):
        await pinner.roll_back(launcher, RebuildId("0" * 26))
    with pytest.raises(InvalidRequestError, match="has status running"):
        await pinner.roll_back(other, running.id)
    with pytest.raises(ConflictError, match="no image yet"):
        await pinner.pin(other)
    await world.edit(launcher, frontend="ttyd")
    with pytest.raises(InvalidRequestError, match="built with the frontend none"):
        await pinner.roll_back(launcher, mine.id)
    await world.edit(launcher, source_id=None)
    with pytest.raises(InvalidRequestError, match="starts from a ready image"):
        await pinner.pin(launcher)


async def test_a_manual_launcher_that_is_pinned_is_offered_only_what_was_asked_for(
    world: World, repo: Repo, pinner: LauncherPinner
) -> None:
    launcher = await built(world, repo)
    await world.edit(launcher, policy=UpdatePolicy.MANUAL)
    pinned = await pinner.pin(launcher)

    await push(world, repo, "1.16.0")

    assert await pinner.pin(launcher) == replace(
        pinned,
        wanted_key=(await world.launcher(launcher)).wanted_key,
        wanted_generation=2,
    )
    assert all(
        rebuild.state is BuildState.SUCCEEDED
        for rebuild in await world.rebuilds(launcher)
    )


async def test_two_images_differ_by_their_packages(world: World, repo: Repo) -> None:
    world.builder.packages = (
        Package(name="numpy", version="2.0.0"),
        Package(name="six", version="1.15.0"),
        Package(name="zstd", version="1.5", manager="conda"),
    )
    launcher = await built(world, repo)
    world.builder.packages = (
        Package(name="numpy", version="2.1.0"),
        Package(name="rich", version="14.0.0"),
        Package(name="zstd", version="1.5", manager="conda"),
    )
    await push(world, repo, "1.16.0")
    await finish(world)

    new, old = await world.rebuilds(launcher)
    async with world.store.reading() as tx:
        difference = await compare_images(tx, new)
        back = await compare_images(tx, old, new)
        with pytest.raises(InvalidRequestError, match="no earlier image"):
            await compare_images(tx, old)

    assert difference.before == old
    assert difference.packages is not None
    assert back.packages is not None
    (changed,) = difference.packages.changed
    assert (changed.before, changed.after) == ("2.0.0", "2.1.0")
    assert [change.name for change in difference.packages.added] == ["rich"]
    assert [change.name for change in back.packages.added] == ["six"]


async def test_an_image_that_was_removed_is_none_to_go_back_to(
    world: World, repo: Repo, pinner: LauncherPinner
) -> None:
    launcher = await built(world, repo)
    await push(world, repo, "1.16.0")
    await finish(world)
    (earlier,) = await pinner.earlier_images(launcher)
    assert earlier.build_id is not None
    async with world.store.transaction() as tx:
        await tx.retention.mark_removed(earlier.build_id, world.clock.now())

    assert await pinner.earlier_images(launcher) == []
    with pytest.raises(ConflictError, match="was removed"):
        await pinner.roll_back(launcher, earlier.id)
    with pytest.raises(ConflictError, match="no earlier image"):
        await pinner.roll_back(launcher)
