"""What failed for want of a setting is tried at once when settings were corrected."""

from datetime import timedelta

import pytest

from consumers.loops.wakeup import Wakeup
from consumers.settings_change import PAGE, SettingsChange
from service.domain.building.build import BuildState, EnvironmentId, RebuildId
from service.domain.building.failure import Failure, FailureClass
from service.domain.launcher import LauncherId
from service.domain.source import SourceId
from tests.support.clock import NOW
from tests.support.repos import Repo
from tests.support.values import a_launcher, a_rebuild, a_source
from tests.support.world import World

OTHERS = [
    failure_class for failure_class in FailureClass if failure_class.depends_on_settings
]
FINAL = [
    failure_class
    for failure_class in FailureClass
    if not failure_class.depends_on_settings
]
MISSING = Failure(
    kind=FailureClass.MISSING_RESOURCE, message="the Secret push is not there"
)


def change(world: World, settings: str) -> SettingsChange:
    """Return the consumer of a process with some settings."""
    return SettingsChange(
        store=world.store,
        builder=world.builder,
        clock=world.clock,
        wakeup=Wakeup(clock=world.clock),
        transitions=world.transitions,
        reconciliation=world.reconciliation,
        fingerprint=settings,
    )


async def start(world: World, settings: str) -> None:
    """Begin to lead, with some settings."""
    await change(world, settings).compare()
    await world.scheduler.schedule()
    await world.settle()


async def failed(world: World, repo: Repo, kind: FailureClass) -> LauncherId:
    """Follow a repository whose build failed as often as it is tried in a row."""
    launcher = await world.follow(repo.repository)
    await world.settle()
    while world.builder.running:
        world.builder.fail(kind)
        await world.settle()
        await world.later(120 if len(world.builder.started) < 3 else 1)
        if not kind.is_transient:
            break
    await world.later(20)
    return launcher


async def unreadable(world: World, name: str, *, launchers: int) -> SourceId:
    """Add a repository that could not be read when these launchers were added."""
    async with world.store.transaction() as tx:
        source = await tx.sources.find_or_add(
            a_source(id=SourceId(name), context_dir=name)
        )
        for number in range(launchers):
            launcher = a_launcher(
                id=LauncherId(f"{name}-{number}"),
                name=f"{name}-{number}",
                environment_id=EnvironmentId(f"{name}-{number}"),
                source_id=source.id,
            )
            await tx.launchers.add(launcher)
            await tx.rebuilds.add(
                a_rebuild(
                    id=RebuildId(f"{name}-{number:05}"),
                    environment_id=launcher.environment_id,
                    launcher_id=launcher.id,
                    source_id=source.id,
                    plan=None,
                    state=BuildState.FAILED,
                    reason=FailureClass.CLONE_FAILED.word,
                    completed_at=NOW,
                )
            )
    return source.id


def words(kinds: list[FailureClass]) -> list[object]:
    return [pytest.param(kind, id=kind.word) for kind in kinds]


@pytest.mark.parametrize("kind", words(OTHERS))
async def test_what_an_operator_can_mend_is_tried_at_once(
    world: World, repo: Repo, kind: FailureClass
) -> None:
    await start(world, "wrong")
    await failed(world, repo, kind)
    for _ in range(4):  # once more by itself, so that the next wait is a long one
        await world.later(60)
        if world.builder.running:
            world.builder.fail(kind)
            await world.settle()
    tried = len(world.builder.started)

    await start(world, "wrong")
    assert world.builder.running == []
    await start(world, "right")

    assert len(world.builder.running) == 1
    assert len(world.builder.started) == tried + 1


@pytest.mark.parametrize("kind", words(FINAL))
async def test_what_the_definition_does_wrong_is_not_tried_again(
    world: World, repo: Repo, kind: FailureClass
) -> None:
    await start(world, "one")
    await failed(world, repo, kind)

    await start(world, "other")
    await world.later(3600)

    assert world.builder.running == []


async def test_what_a_person_called_off_stays_so(world: World, repo: Repo) -> None:
    await start(world, "one")
    launcher = await world.follow(repo.repository)
    await world.settle()
    await world.cancel((await world.rebuilds(launcher))[0].id)
    await world.later(20)

    await start(world, "other")

    assert world.builder.running == []


async def test_a_build_that_waits_for_what_is_not_there_begins_anew(
    world: World, repo: Repo
) -> None:
    await start(world, "names push")
    await world.follow(repo.repository)
    await world.settle()
    (build,) = world.builder.running
    world.builder.hinder(MISSING)
    await world.watcher.watch()

    await start(world, "names pull")

    assert world.builder.cancelled == [build]
    assert world.builder.started == [build, build]
    assert world.builder.running == [build]


async def test_a_build_that_runs_goes_on(world: World, repo: Repo) -> None:
    await start(world, "one")
    await world.follow(repo.repository)
    await world.settle()

    await start(world, "other")

    assert world.builder.cancelled == []
    assert len(world.builder.started) == 1


async def test_a_repository_that_could_not_be_read_is_looked_at_again(
    world: World, repo: Repo
) -> None:
    await start(world, "without a token")
    away = repo.path.rename(repo.path.with_name("away.git"))
    launcher = await world.follow(repo.repository)
    await world.settle()
    assert (await world.rebuilds(launcher))[0].reason == "clone_failed"
    away.rename(repo.path)
    world.clock.advance(timedelta(minutes=1))

    await start(world, "with one")

    assert len(world.builder.running) == 1


async def test_every_repository_that_could_not_be_read_is_evaluated(
    world: World,
) -> None:
    await start(world, "without a token")
    # More launchers than one page holds, and another repository on the next one.
    unread = [
        await unreadable(world, "course", launchers=PAGE + 1),
        await unreadable(world, "private", launchers=1),
    ]

    await change(world, "with one").compare()

    async with world.store.reading() as tx:
        asked = [
            source for source in unread if await tx.evaluation_queue.requests(source)
        ]
    assert asked == unread
