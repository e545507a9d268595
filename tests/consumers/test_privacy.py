"""A private repository's image is nobody else's, also when it turns so later."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.domain.building.build import BuildState
from service.domain.building.failure import Failure, FailureClass
from service.domain.launcher import LauncherId
from service.events.envelope import data_of
from service.events.models import LauncherUpdated
from tests.support.apis import an_api
from tests.support.forge import Forge, a_forge
from tests.support.forge.repositories import HostedRepo
from tests.support.world import World, a_world

FILES = {"requirements.txt": "six==1.16.0\n"}


@dataclass(kw_only=True)
class Course:
    world: World
    forge: Forge
    hosted: HostedRepo

    async def follow(self, hosted: HostedRepo | None = None) -> LauncherId:
        """Follow a repository; return once its image is there."""
        followed = (hosted or self.hosted).repository
        launcher = await self.world.follow(followed, name=f"n-{followed.path}")
        await self.world.settle()
        await self.build()
        return launcher

    async def build(self) -> str:
        """Let what runs succeed, if anything does."""
        (image,) = [
            self.world.builder.succeed(build_id)
            for build_id in self.world.builder.running
        ]
        await self.world.settle()
        return image

    async def look(self) -> None:
        await self.world.push(self.hosted.repository)
        await self.world.later(60)


@pytest.fixture
async def course(tmp_path: Path) -> AsyncIterator[Course]:
    async with (
        a_forge(tmp_path, vendor="github") as forge,
        an_api(forge) as remote,
        a_world(tmp_path, remote=remote) as world,
    ):
        hosted = forge.create("owner/course", files=FILES)
        yield Course(world=world, forge=forge, hosted=hosted)


async def test_a_private_repository_shares_no_image_with_a_public_one(
    course: Course,
) -> None:
    secret = course.forge.create("owner/secret", files=FILES, visibility="private")
    open_ = await course.follow()
    closed = await course.follow(secret)

    one, other = [
        await course.world.launcher(launcher_id) for launcher_id in (open_, closed)
    ]

    assert one.image_key != other.image_key
    assert one.image != other.image


async def test_two_private_repositories_share_no_image(course: Course) -> None:
    made = [
        course.forge.create(f"owner/{name}", files=FILES, visibility="private")
        for name in ("one", "two")
    ]
    launchers = [await course.follow(repo) for repo in made]

    one, other = [await course.world.launcher(launcher) for launcher in launchers]

    assert one.image_key != other.image_key


async def test_launchers_of_one_private_repository_share_their_image(
    course: Course,
) -> None:
    course.forge.set_visibility(course.hosted, "private")
    first = await course.follow()
    second = await course.world.follow(course.hosted.repository, name="second")
    await course.world.settle()

    one, other = [
        await course.world.launcher(launcher_id) for launcher_id in (first, second)
    ]

    assert one.image is not None
    assert one.image == other.image


async def test_who_turns_private_is_built_anew_and_who_turns_back_returns(
    course: Course,
) -> None:
    launcher = await course.follow()
    open_ = (await course.world.launcher(launcher)).image

    course.forge.set_visibility(course.hosted, "private")
    await course.look()
    evaluation = (await course.world.evaluations(launcher))[0]
    closed = await course.build()

    assert "The repository is private now" in evaluation.comparison.message
    assert (await course.world.launcher(launcher)).image == closed != open_

    course.forge.set_visibility(course.hosted, "public")
    await course.look()
    evaluation = (await course.world.evaluations(launcher))[0]

    assert "The repository is public now" in evaluation.comparison.message
    assert not course.world.builder.running
    assert (await course.world.launcher(launcher)).image == open_


async def test_a_rename_of_a_private_repository_builds_nothing(course: Course) -> None:
    course.forge.set_visibility(course.hosted, "private")
    launcher = await course.follow()
    image = (await course.world.launcher(launcher)).image

    course.forge.rename(course.hosted, "owner/renamed")
    await course.look()

    assert not course.world.builder.running
    assert (await course.world.launcher(launcher)).image == image


async def test_a_refused_build_fails_with_its_sentence_and_is_tried_again(
    course: Course,
) -> None:
    course.world.builder.refuses = Failure(
        kind=FailureClass.PRIVATE_REFUSED, message="private ones are not enabled"
    )
    launcher = await course.world.follow(course.hosted.repository)
    await course.world.settle()
    (refused,) = await course.world.rebuilds(launcher)
    course.world.builder.refuses = None
    await course.world.later(90)
    image = await course.build()

    assert refused.state is BuildState.FAILED
    assert refused.failure is not None
    assert refused.failure.message == "private ones are not enabled"
    assert (await course.world.launcher(launcher)).image == image


async def test_who_starts_sessions_is_told_the_secret_to_pull_with(
    course: Course,
) -> None:
    await course.world.follow(course.hosted.repository)
    await course.world.settle()
    builder = course.world.builder
    image = builder.succeed()
    builder.pull_secrets[image] = "its-secret"
    await course.world.settle()

    (told,) = [
        data
        for data in map(data_of, course.world.events)
        if isinstance(data, LauncherUpdated)
    ]

    assert (told.image, told.image_pull_secret) == (image, "its-secret")
