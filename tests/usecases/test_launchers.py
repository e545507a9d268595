"""Launchers and rebuilds, edited without an HTTP application."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.domain.building.build import BuildState
from service.domain.launcher import UpdatePolicy
from service.domain.push import Trigger
from service.domain.rights.grants import NO_RULES
from service.domain.source import SourceId
from service.errors import ConflictError, InvalidRequestError, NotFoundError
from service.usecases.launcher_commands import LauncherChange, NewLauncher
from service.usecases.launchers import LauncherEditor
from service.usecases.rebuilds import RebuildRequester
from service.usecases.rights.repository_access import RepositoryAccess
from tests.support.repos import Repo
from tests.support.rights import add_project
from tests.support.world import World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as opened:
        await add_project(opened, "project-1")
        yield opened


@pytest.fixture
def rebuilds(world: World) -> RebuildRequester:
    return world.rebuild_requester


@pytest.fixture
def editor(world: World, rebuilds: RebuildRequester) -> LauncherEditor:
    return LauncherEditor(
        store=world.store,
        builder=world.builder,
        clock=world.clock,
        ids=world.ids,
        events=world.recorder,
        rebuilds=rebuilds,
        allow_files=True,
        access=RepositoryAccess(clock=world.clock, rules=NO_RULES),
    )


@pytest.fixture
def new(tmp_path: Path) -> NewLauncher:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "six==1.16.0\n"})
    return NewLauncher(
        may_grant=True,
        name="notebooks",
        project_id="project-1",
        repository=repo.url,
        builder="python",
        frontend="none",
        platform="linux/amd64",
        description="A course",
    )


async def test_a_new_launcher_is_built_and_a_change_keeps_what_it_leaves_unset(
    world: World, editor: LauncherEditor, new: NewLauncher
) -> None:
    launcher, source = await editor.add(new)
    await world.settle()
    world.builder.succeed()
    await world.settle()

    changed, followed = await editor.change(
        launcher.id, LauncherChange(name="renamed", disk_storage=5)
    )
    reset, _ = await editor.change(launcher.id, LauncherChange(description=None))

    assert (followed and followed.id) == (source and source.id)
    assert changed.image is not None
    assert (changed.name, changed.disk_storage) == ("renamed", 5)
    assert changed.description == "A course"
    assert reset == dataclasses.replace(changed, description=None)
    (rebuild,) = await world.rebuilds(launcher.id)
    assert rebuild.state is BuildState.SUCCEEDED


async def test_another_frontend_supersedes_what_builds(
    world: World, editor: LauncherEditor, new: NewLauncher
) -> None:
    launcher, _ = await editor.add(new)
    await world.settle()

    await editor.change(launcher.id, LauncherChange(frontend="ttyd"))

    newest, first = await world.rebuilds(launcher.id)
    assert first.state is BuildState.SUPERSEDED
    assert newest.state is BuildState.QUEUED


async def test_one_rebuild_at_a_time_until_it_is_cancelled(
    world: World,
    editor: LauncherEditor,
    rebuilds: RebuildRequester,
    new: NewLauncher,
) -> None:
    launcher, _ = await editor.add(dataclasses.replace(new, policy=UpdatePolicy.MANUAL))
    (first,) = await world.rebuilds(launcher.id)
    with pytest.raises(ConflictError, match="already has a build"):
        await rebuilds.request(launcher.environment_id)

    cancelled = await rebuilds.cancel(first.id)
    again = await rebuilds.cancel(first.id)
    second = await rebuilds.request(launcher.environment_id)

    assert cancelled.state is again.state is BuildState.CANCELLED
    assert second.is_fresh
    assert second.state is BuildState.QUEUED


async def test_a_requested_evaluation_is_made_and_an_unknown_source_refused(
    world: World,
    editor: LauncherEditor,
    rebuilds: RebuildRequester,
    new: NewLauncher,
) -> None:
    launcher, _ = await editor.add(new)
    await world.settle()

    await rebuilds.request_evaluation(launcher.tracked_source)
    await world.later(60)

    newest, first = await world.evaluations(launcher.id)
    assert (newest.trigger, first.trigger) == (Trigger.MANUAL, Trigger.LAUNCHER)
    with pytest.raises(NotFoundError):
        await rebuilds.request_evaluation(SourceId("nowhere"))


async def test_what_may_not_be_followed_or_built_is_refused(
    world: World, editor: LauncherEditor, new: NewLauncher
) -> None:
    for wrong, reason in (
        (dataclasses.replace(new, builder="r", frontend="ttyd"), "not compatible"),
        (dataclasses.replace(new, repository="nonsense"), "nonsense"),
    ):
        with pytest.raises(InvalidRequestError, match=reason):
            await editor.add(wrong)

    async with world.store.reading() as tx:
        assert not await tx.launchers.list()
