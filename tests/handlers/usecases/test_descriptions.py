"""Explanations, previews and descriptions, made without an HTTP application."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from handlers.usecases.build_descriptions import BuildDescriber
from handlers.usecases.explain.report import Explainer
from handlers.usecases.launcher_overview import gather_overviews
from handlers.usecases.preview import PushPreviewer
from service.domain.building.build import EnvironmentId
from service.domain.building.waiting import Limits
from service.domain.launcher import Launcher, LauncherId, RebuildSchedule
from service.domain.push import Push
from service.domain.repository import Ref
from service.domain.rights.caller import OPERATOR
from service.errors import NotFoundError
from service.usecases.platform.probe_limit import ProbeLimit
from service.usecases.rights.authorize import Authorizer
from tests.support.repos import Repo
from tests.support.sandbox import SANDBOX
from tests.support.statements import sent_statements
from tests.support.world import World


@pytest.fixture
def describer(world: World) -> BuildDescriber:
    return BuildDescriber(
        clock=world.clock,
        limits=Limits(caps=world.caps, attempts=3),
        builder=world.builder,
    )


async def test_a_launcher_is_explained_while_it_builds_and_when_it_is_built(
    world: World, repo: Repo, describer: BuildDescriber
) -> None:
    explainer = Explainer(
        store=world.store,
        clock=world.clock,
        describer=describer,
        authorizer=Authorizer(store=world.store),
    )
    launcher = await world.follow(repo.repository, name="course")
    await world.settle()
    building = await explainer.explain("course", OPERATOR)
    world.builder.succeed()
    await world.settle()

    built = await explainer.explain(launcher, OPERATOR)

    assert (building.about, built.about) == ("launcher", "launcher")
    assert built.evaluations[-1].builds[0].serves
    assert not building.evaluations[-1].builds[0].serves
    with pytest.raises(NotFoundError):
        await explainer.explain("nobody", OPERATOR)


async def test_a_push_is_previewed_and_nothing_is_written(
    world: World, repo: Repo, describer: BuildDescriber
) -> None:
    previewer = PushPreviewer(
        store=world.store,
        remote=world.remote,
        anonymous_remote=world.anonymous_remote,
        sandbox=SANDBOX,
        builder=world.builder,
        authorizer=Authorizer(store=world.store),
        clock=world.clock,
        limit=ProbeLimit(),
    )
    launcher = await world.follow(repo.repository)
    await world.settle()
    world.builder.succeed()
    await world.settle()
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    push = Push(
        repository=repo.repository,
        ref=Ref("refs/heads/main"),
        before="",
        after="",
        default_branch="main",
    )

    (source,) = await previewer.preview(push, OPERATOR)

    (preview,) = source.launchers
    assert (source.verdict, source.commit) == ("changed", repo.tip())
    assert (preview.launcher_id, preview.action) == (launcher, "build")
    async with world.store.reading() as tx:
        launchers = await tx.launchers.list()
        (shown,) = await describer.describe_launchers(tx, launchers)
    assert not shown.outdated
    assert len(await world.evaluations(launcher)) == 1


async def test_a_page_of_launchers_takes_as_many_statements_however_many_they_are(
    world: World, repo: Repo, describer: BuildDescriber
) -> None:
    first = await world.follow(repo.repository)
    await world.settle()
    world.builder.succeed()
    await world.settle()
    launcher = replace(await world.launcher(first), schedule=RebuildSchedule.WEEKLY)
    pages = [
        [
            replace(
                launcher,
                id=LauncherId(f"{first}-{number}"),
                environment_id=EnvironmentId(f"environment-{number}"),
            )
            for number in range(count)
        ]
        for count in (1, 20)
    ]

    async def statements(page: Sequence[Launcher]) -> int:
        with sent_statements() as seen:
            async with world.store.reading() as tx:
                shown = await describer.describe_launchers(tx, page)
                await gather_overviews(tx, page, describer)
        assert all(each.next_rebuild_at for each in shown)
        return len(seen)

    assert await statements(pages[0]) == await statements(pages[1])


async def test_a_list_of_launchers_does_not_read_how_long_builds_took(
    world: World, repo: Repo, describer: BuildDescriber
) -> None:
    """It says what builds wait for, and not for how long."""
    launcher = await world.follow(repo.repository)
    await world.settle()
    page = [await world.launcher(launcher)]

    with sent_statements("FROM builds") as seen:
        async with world.store.reading() as tx:
            (shown,) = await describer.describe_launchers(tx, page)

    assert shown.latest_build
    assert len(seen) == 1  # those that are under way
