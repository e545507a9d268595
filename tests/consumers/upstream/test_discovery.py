"""Launchers of an upstream Renku are found, followed and forgotten with it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from consumers.upstream.discovery import LauncherDiscovery
from service.adapters.clock import SystemClock
from service.adapters.renku.access_tokens import FixedToken
from service.adapters.renku.builder import RenkuBuilder
from service.adapters.renku.client import RenkuClient
from service.adapters.renku.directory import RenkuDirectory
from service.adapters.renku.identity import RenkuIdentity
from service.adapters.store import SqlStore
from service.domain.building.build import Build, BuildState, EnvironmentId
from service.domain.hook import Secret
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.domain.repository import CommitSha
from service.domain.rights.caller import ProjectId
from service.domain.rights.grants import GrantRules
from service.domain.rights.project import Visibility
from service.domain.source import Source
from service.errors import TransientError
from service.metrics import Metrics
from service.ports.builder import Running
from service.ports.store import Store
from service.usecases.environments.changer import EnvironmentChanger
from service.usecases.environments.code import CodeEnvironments
from service.usecases.publish_events import EventRecorder
from service.usecases.rebuilds import RebuildRequester
from service.usecases.rights.repository_access import RepositoryAccess
from service.usecases.upstream.mirror import LauncherMirror
from service.usecases.upstream.parameters import ParameterHistory
from service.usecases.upstream.projects import ProjectMirror
from tests.adapters.renku.building import KeptLines, image_of, seen_of
from tests.support.clock import TurnedClock
from tests.support.databases import sqlite_database
from tests.support.ids import CountedIds
from tests.support.renku import Launcher as Renkus, Project, Renku, a_renku
from tests.support.repos import Repo
from tests.support.values import a_build, a_rebuild

URL = "https://forge.test/ada/course"


@dataclass(slots=True, kw_only=True)
class Found:
    """A project in Renku, and what discovery makes of it."""

    renku: Renku
    client: RenkuClient
    project: Project
    repo: Repo
    store: Store
    discovery: LauncherDiscovery

    async def launchers(self) -> Sequence[Launcher]:
        async with self.store.reading() as tx:
            return (await tx.launchers.list(project=self.project.id)).items

    async def launcher(self, id_: str) -> Launcher:
        async with self.store.reading() as tx:
            return await tx.launchers.get(LauncherId(id_))

    async def source(self, id_: str) -> Source:
        async with self.store.reading() as tx:
            return await tx.sources.get((await self._launcher(id_)).tracked_source)

    async def _launcher(self, id_: str) -> Launcher:
        return await self.launcher(id_)

    async def wanted(self, given: Renkus) -> tuple[RenkuBuilder, Build]:
        """Return a builder, and a build of a launcher's environment at the head."""
        builder = RenkuBuilder(
            client=self.client,
            store=self.store,
            clock=SystemClock(),
            logs=KeptLines(),
            poll=timedelta(milliseconds=10),
        )
        build = a_build(
            commit=CommitSha(self.repo.tip()),
            environment_id=EnvironmentId(given.environment.id),
        )
        async with self.store.transaction() as tx:
            await tx.builds.add(build)
        return builder, build

    async def noted(self) -> Sequence[str]:
        """Return the environments whose parameters are known."""
        async with self.store.reading() as tx:
            known = await tx.upstream_environments.of_project(
                ProjectId(self.project.id)
            )
        return [environment.id for environment in known]

    async def requested(self) -> int:
        """Count the evaluations that were asked for."""
        async with self.store.reading() as tx:
            spooled = await tx.outbox.peek(limit=100)
        names = [event.name for _, event in spooled]
        return sum(name.startswith("evaluation.requested") for name in names)


def _mirror(
    store: Store, clock: TurnedClock, directory: RenkuDirectory, url: str
) -> LauncherMirror:
    ids, builder = CountedIds(), RenkuIdentity(url)
    recorder = EventRecorder(
        clock=clock,
        ids=ids,
        metrics=Metrics(registry=CollectorRegistry()),
        builder=builder,
    )
    rebuilds = RebuildRequester(
        store=store, builder=builder, clock=clock, ids=ids, events=recorder
    )
    code = CodeEnvironments(
        builder=builder,
        clock=clock,
        ids=ids,
        allow_files=False,
        access=RepositoryAccess(clock=clock, rules=GrantRules.from_texts(())),
    )
    return LauncherMirror(
        store=store,
        parameters=ParameterHistory(store=store, directory=directory, clock=clock),
        code=code,
        changer=EnvironmentChanger(code=code, ids=ids, rebuilds=rebuilds),
        rebuilds=rebuilds,
        events=recorder,
    )


@asynccontextmanager
async def _found(
    folder: Path, projects: Sequence[str] = ("ada/course",)
) -> AsyncIterator[Found]:
    repo = Repo(folder / "course.git")
    repo.commit({"requirements.txt": "six==1.16.0\n"})
    clock = TurnedClock()
    async with (
        a_renku() as renku,
        sqlite_database(folder / "relaunch.db") as database,
        aiohttp.ClientSession() as session,
    ):
        tokens = FixedToken(Secret(renku.accounts.new_access()))
        client = RenkuClient(session=session, url=renku.url, tokens=tokens)
        store = SqlStore(database)
        directory = RenkuDirectory(client=client, projects=projects)
        yield Found(
            renku=renku,
            client=client,
            project=renku.add_project(),
            repo=repo,
            store=store,
            discovery=LauncherDiscovery(
                directory=directory,
                projects=ProjectMirror(store=store, clock=clock),
                mirror=_mirror(store, clock, directory, renku.url),
                clock=clock,
                interval=timedelta(minutes=1),
            ),
        )


@pytest.fixture
async def found(tmp_path: Path) -> AsyncIterator[Found]:
    async with _found(tmp_path) as opened:
        yield opened


async def test_a_launcher_is_found_with_its_ids_image_and_source(found: Found) -> None:
    given = found.renku.add_launcher(
        found.project,
        found.repo,
        url=URL,
        repository_revision="dev",
        context_dir="./a/",
    )
    image = found.renku.built(given.environment).image

    await found.discovery.round()

    launcher = await found.launcher(given.id)
    source = await found.source(given.id)
    assert launcher.environment_id == given.environment.id
    assert launcher.project_id == found.project.id
    assert (launcher.image, launcher.image_key) == (image, None)
    assert (launcher.builder, launcher.frontend) == ("python", "vscodium")
    assert launcher.repository == source.repository.url == URL
    assert (source.revision.to_text(), source.context_dir) == ("dev", "a")
    assert await found.requested() == 1


async def test_a_launcher_that_was_never_built_has_no_image(found: Found) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)

    await found.discovery.round()

    assert (await found.launcher(given.id)).image is None


async def test_nothing_changes_while_nothing_changes(found: Found) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)
    await found.discovery.round()
    before = await found.launcher(given.id)

    await found.discovery.round()

    assert await found.launcher(given.id) == before
    assert await found.requested() == 1


async def test_other_parameters_are_another_source_and_a_build(found: Found) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)
    await found.discovery.round()
    before = await found.source(given.id)

    given.environment.parameters["repository_revision"] = "dev"
    given.environment.parameters["frontend_variant"] = "jupyterlab"
    await found.discovery.round()

    launcher = await found.launcher(given.id)
    assert launcher.frontend == "jupyterlab"
    assert launcher.source_id != before.id
    async with found.store.reading() as tx:
        (rebuild,) = await tx.rebuilds.unfinished(environment=launcher.environment_id)
    assert rebuild.source_id == launcher.source_id


@pytest.mark.parametrize("variants", [["jupyterlab"], ["rstudio", "vscodium"]])
@pytest.mark.parametrize("has_ended", [False, True])
async def test_a_build_of_before_an_edit_is_not_taken_for_one_of_after(
    found: Found, *, variants: Sequence[str], has_ended: bool
) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)
    environment = given.environment
    await found.discovery.round()

    found.renku.start(environment)
    for variant in variants:  # the second time one that cannot be built here, and back
        environment.parameters["frontend_variant"] = variant
        await found.discovery.round()
    if has_ended:
        found.renku.end(environment).refresh()
    builder, build = await found.wanted(given)
    await builder.start(build)
    if not has_ended:
        found.renku.end(environment)
    seen = await seen_of(builder, build)
    ours = found.renku.end(environment)

    assert seen == Running()
    assert image_of(await seen_of(builder, build)).reference == ours.image
    assert len(environment.builds) == 2


async def test_an_edit_that_an_older_leader_took_over_is_in_doubt(found: Found) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)
    environment = given.environment
    await found.discovery.round()
    found.renku.start(environment)
    environment.parameters["frontend_variant"] = "jupyterlab"
    await found.discovery.round()
    async with found.store.transaction() as tx:  # as it would have left it
        await tx.upstream_environments.remove([EnvironmentId(environment.id)])

    await found.discovery.round()
    found.renku.end(environment).refresh()
    builder, build = await found.wanted(given)
    await builder.start(build)

    assert await seen_of(builder, build) == Running()
    assert len(environment.builds) == 2


async def test_a_build_of_after_an_edit_is_taken(found: Found) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)
    found.renku.built(given.environment)
    await found.discovery.round()

    given.environment.parameters["frontend_variant"] = "jupyterlab"
    await found.discovery.round()
    theirs = found.renku.built(given.environment)
    builder, build = await found.wanted(given)
    await builder.start(build)

    assert image_of(await seen_of(builder, build)).reference == theirs.image
    assert found.renku.posts() == 0


async def test_a_name_is_renkus_and_a_policy_ours(found: Found) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)
    await found.discovery.round()
    async with found.store.transaction() as tx:
        launcher = await tx.launchers.get(LauncherId(given.id))
        await tx.launchers.save(replace(launcher, policy=UpdatePolicy.MANUAL))

    given.name = "renamed"
    await found.discovery.round()

    launcher = await found.launcher(given.id)
    assert (launcher.name, launcher.policy) == ("renamed", UpdatePolicy.MANUAL)


async def test_launchers_may_share_a_name_as_in_renku(found: Found) -> None:
    for _ in range(2):
        found.renku.add_launcher(found.project, found.repo, url=URL).name = "same"

    await found.discovery.round()
    await found.discovery.round()

    assert [one.name for one in await found.launchers()] == ["same", "same"]


async def test_a_launcher_that_is_gone_goes_with_its_rebuilds(found: Found) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)
    await found.discovery.round()
    launcher = await found.launcher(given.id)
    rebuild = a_rebuild(
        environment_id=launcher.environment_id,
        launcher_id=launcher.id,
        source_id=launcher.source_id,
        state=BuildState.QUEUED,
    )
    async with found.store.transaction() as tx:
        await tx.rebuilds.add(rebuild)

    found.project.launchers.clear()
    await found.discovery.round()
    await found.discovery.round()

    assert list(await found.launchers()) == []
    assert await found.noted() == []
    async with found.store.reading() as tx:
        assert (await tx.rebuilds.get(rebuild.id)).state is BuildState.CANCELLED


async def test_one_list_that_lacks_a_launcher_removes_nothing(found: Found) -> None:
    for _ in range(2):
        found.renku.add_launcher(found.project, found.repo, url=URL)
    await found.discovery.round()
    there = list(found.project.launchers)
    before = list(await found.launchers())

    for shown in ([], there, there[:1], there):
        found.project.launchers[:] = shown
        await found.discovery.round()
        found.renku.is_away = True
        with pytest.raises(TransientError):  # no answer is no second list
            await found.discovery.round()
        found.renku.is_away = False

    assert list(await found.launchers()) == before
    assert len(await found.noted()) == 2


async def test_another_environment_of_a_launcher_is_followed(found: Found) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)
    await found.discovery.round()

    given.environment.id = found.renku.add_project("other").id  # any other id
    await found.discovery.round()

    launcher = await found.launcher(given.id)
    assert launcher.environment_id == given.environment.id


async def test_what_cannot_be_read_here_is_left_out_and_logged_once(
    found: Found,
) -> None:
    found.renku.add_launcher(
        found.project,
        found.repo,
        url=URL,
        builder_variant="r",
        frontend_variant="rstudio",
    )
    found.renku.add_launcher(found.project, found.repo, url="git@forge.test:a/b.git")
    found.renku.add_launcher(found.project, found.repo, url="file:///etc")
    found.renku.add_launcher(found.project, found.repo, url=URL, context_dir="a/../..")
    good = found.renku.add_launcher(found.project, found.repo, url=URL)

    with capture_logs() as logged:
        await found.discovery.round()
        await found.discovery.round()

    assert [one.id for one in await found.launchers()] == [good.id]
    events = [line["event"] for line in logged]
    assert events.count("launcher not followed") == 4


async def test_a_project_that_was_deleted_hides_no_other(tmp_path: Path) -> None:
    async with _found(tmp_path, projects=["ada/gone", "ada/course"]) as found:
        given = found.renku.add_launcher(found.project, found.repo, url=URL)

        await found.discovery.round()

        assert [one.id for one in await found.launchers()] == [given.id]


async def test_an_image_that_a_person_had_built_is_taken_over(found: Found) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)
    await found.discovery.round()

    image = found.renku.built(given.environment).image
    await found.discovery.round()

    assert (await found.launcher(given.id)).image == image


async def test_an_image_is_not_taken_over_while_another_is_built(found: Found) -> None:
    given = found.renku.add_launcher(found.project, found.repo, url=URL)
    await found.discovery.round()
    rebuild = a_rebuild(
        environment_id=EnvironmentId(given.environment.id),
        launcher_id=given.id,
        state=BuildState.QUEUED,
    )
    async with found.store.transaction() as tx:
        await tx.rebuilds.add(rebuild)

    found.renku.built(given.environment)
    await found.discovery.round()

    assert (await found.launcher(given.id)).image is None


async def test_a_project_is_as_in_renku(found: Found) -> None:
    found.renku.add_launcher(found.project, found.repo, url=URL)
    await found.discovery.round()
    found.project.is_private = False
    await found.discovery.round()

    async with found.store.reading() as tx:
        project = await tx.projects.get(ProjectId(found.project.id))
    assert (project.namespace, project.slug) == ("ada", "course")
    assert project.visibility is Visibility.PUBLIC
    assert [link.url for link in project.repositories] == [URL]


async def test_an_outage_or_lost_rights_forget_nobody(found: Found) -> None:
    found.renku.add_launcher(found.project, found.repo, url=URL)
    await found.discovery.round()

    found.renku.is_away = True
    with pytest.raises(TransientError, match="502"):
        await found.discovery.round()
    found.renku.is_away = False
    found.renku.may_read = False
    await found.discovery.round()

    assert len(await found.launchers()) == 1
