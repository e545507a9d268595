"""What an upstream promises: a stand-in of Renku, and relaunch's own API as Renku's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest

from service.adapters.clock import UlidIds
from service.adapters.renku.access_tokens import FixedToken
from service.adapters.renku.answers import BuildAnswer, parse
from service.adapters.renku.client import RenkuClient
from service.adapters.renku.directory import RenkuDirectory
from service.adapters.renku.errors import UpstreamRefusedError
from service.adapters.renku.logs import read_log
from service.adapters.store import SqlStore, key_file, open_database
from service.domain.building.build import EnvironmentId
from service.domain.building.environment import READY_IMAGE, EnvironmentKind
from service.domain.hook import Secret
from service.domain.launcher import LauncherId
from service.domain.rights.project import DEFAULT_PROJECT
from service.errors import ConflictError, PermanentError
from service.ports.upstream import UpstreamLauncher
from tests.support.githttp import git_forge
from tests.support.patience import Patience
from tests.support.renku import a_renku
from tests.support.repos import Repo
from tests.support.service import Service
from tests.support.values import a_launcher

pytestmark = [pytest.mark.xdist_group("upstream")]

WAIT = 60.0
"""Seconds of a calm machine for a build; a real one makes an empty environment."""


@dataclass(slots=True, kw_only=True)
class Ground:
    """An upstream with one launcher, for which nothing is built at present."""

    client: RenkuClient
    stranger: RenkuClient
    """With a token that nobody issued."""
    project: str
    repo: Repo
    url: str
    """Of the repository."""
    end: Callable[[], Awaitable[None]]
    """Has the running build end."""
    add: Callable[[int], Awaitable[None]]
    """Adds so many launchers."""

    @property
    def directory(self) -> RenkuDirectory:
        return RenkuDirectory(client=self.client, projects=[self.project])

    async def launcher(self) -> UpstreamLauncher:
        (project,) = await self.directory.projects()
        (launcher,) = await self.directory.launchers(project.id)
        return launcher

    async def start(self) -> BuildAnswer:
        environment = (await self.launcher()).environment_id
        answer = await self.client.post("environments", environment, "builds")
        return parse(BuildAnswer, answer, what="a build")

    async def build(self, id_: str) -> BuildAnswer:
        return parse(BuildAnswer, await self.client.get("builds", id_), what="a build")

    async def cancel(self, id_: str) -> None:
        await self.client.patch("builds", id_, body={"status": "cancelled"})


def _client(session: aiohttp.ClientSession, url: str, token: str) -> RenkuClient:
    return RenkuClient(session=session, url=url, tokens=FixedToken(Secret(token)))


@asynccontextmanager
async def _renku(_folder: Path, repo: Repo, url: str) -> AsyncIterator[Ground]:
    async with a_renku() as renku, aiohttp.ClientSession() as session:
        project = renku.add_project()
        launcher = renku.add_launcher(project, repo, url=url, frontend_variant="none")

        async def end() -> None:
            renku.end(launcher.environment)

        async def add(number: int) -> None:
            for _ in range(number):
                renku.add_launcher(project, repo, url=url)

        yield Ground(
            client=_client(session, renku.url, renku.accounts.new_access()),
            stranger=_client(session, renku.url, "unknown"),
            project=project.id,
            repo=repo,
            url=url,
            end=end,
            add=add,
        )


@asynccontextmanager
async def _relaunch(folder: Path, repo: Repo, url: str) -> AsyncIterator[Ground]:
    token = "a-token-of-relaunch"
    service = Service(folder / "data", RELAUNCH_TOKEN=token)
    # In threads: the forge answers on this loop.
    try:
        await asyncio.to_thread(service.start)
        await asyncio.to_thread(service.follow, url, "launcher 1")
        async with aiohttp.ClientSession() as session:

            async def end() -> None:
                """Builds end by themselves here."""

            async def add(number: int) -> None:
                # Rows: a thousand requests take too long, and one process owns them.
                await asyncio.to_thread(service.stop)
                await _add_rows(service.data, number)
                await asyncio.to_thread(service.start)
                there.client = _client(session, service.url, token)

            there = Ground(
                client=_client(session, service.url, token),
                stranger=_client(session, service.url, "unknown"),
                project=DEFAULT_PROJECT,
                repo=repo,
                url=url,
                end=end,
                add=add,
            )
            environment = (await there.launcher()).environment_id
            (first,) = await there.client.get("environments", environment, "builds")
            await there.cancel(first["id"])
            yield there
    finally:
        await asyncio.to_thread(service.kill)


async def _add_rows(data: Path, number: int) -> None:
    ids = UlidIds()
    launcher = a_launcher(
        project_id=DEFAULT_PROJECT,
        source_id=None,
        kind=EnvironmentKind.IMAGE,
        settings=READY_IMAGE,
        image="registry.test/ready:1",
        **dict.fromkeys(("builder", "frontend", "platform"), ""),
    )
    keys = [key_file(data / "secret-key")]
    async with (
        open_database(f"sqlite:///{data}/relaunch.sqlite", keys=keys) as database,
        SqlStore(database).transaction() as tx,
    ):
        for place in range(number):
            another = replace(
                launcher,
                id=LauncherId(ids.new()),
                environment_id=EnvironmentId(ids.new()),
                name=f"ready {place}",
            )
            await tx.launchers.add(another)


GROUNDS = {"renku": _renku, "relaunch": _relaunch}


@pytest.fixture(params=GROUNDS)
async def ground(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Ground]:
    (tmp_path / "repositories").mkdir()
    repo = Repo(tmp_path / "repositories" / "course.git")
    repo.commit({"requirements.txt": "# nothing but Python\n"})
    async with git_forge(tmp_path / "repositories") as forge:
        url = f"{forge.url}/course.git"
        async with GROUNDS[request.param](tmp_path, repo, url) as opened:
            yield opened


async def test_projects_and_launchers_are_listed(ground: Ground) -> None:
    await ground.directory.check()

    launcher = await ground.launcher()

    assert launcher.repository == ground.url
    assert launcher.name == "launcher 1"
    assert launcher.image is None
    assert (launcher.builder, launcher.frontend) == ("python", "none")
    assert (launcher.revision, launcher.context_dir) == ("", "")
    assert launcher.platform == "linux/amd64"


async def test_a_list_of_many_pages_is_read_whole(ground: Ground) -> None:
    # More than a relaunch answers at once where nobody asks for a page.
    await ground.add(1_001)

    path = ("projects", ground.project, "session_launchers")
    found = await ground.client.get_all(*path)

    assert len({launcher["id"] for launcher in found}) == len(found) == 1_002


async def test_one_build_of_an_environment_runs_at_a_time(ground: Ground) -> None:
    build = await ground.start()

    with pytest.raises(ConflictError, match="already has a build in progress"):
        await ground.start()

    assert build.status == (await ground.build(build.id)).status == "in_progress"
    await ground.cancel(build.id)
    assert (await ground.build(build.id)).status == "cancelled"
    again = await ground.start()
    await ground.cancel(again.id)
    builds = await ground.client.get("environments", again.environment_id, "builds")
    assert [one["id"] for one in builds][:2] == [again.id, build.id]


async def test_a_build_that_ends_names_image_and_commit(ground: Ground) -> None:
    build = await ground.start()
    await ground.end()

    patience = Patience(WAIT)
    while (ended := await ground.build(build.id)).status == "in_progress":
        assert not patience.is_over(), "the build never ended"
        await asyncio.sleep(0.1)

    assert ended.status == "succeeded", ended
    assert ended.result is not None
    assert ended.result.repository_git_commit_sha == ground.repo.tip()
    assert (await ground.launcher()).image == ended.result.image
    log = await read_log(ground.client, build.id)
    assert any(line for lines in log.values() for line in lines)
    with pytest.raises(UpstreamRefusedError, match="422"):
        await ground.cancel(build.id)


async def test_what_is_not_there_is_refused(ground: Ground) -> None:
    nowhere = "01J00000000000000000000000"

    for path in (("environments", nowhere, "builds"), ("builds", nowhere)):
        with pytest.raises(UpstreamRefusedError) as refused:
            await ground.client.get(*path)
        assert refused.value.status == 404
    with pytest.raises(UpstreamRefusedError) as refused:
        await ground.client.post("environments", nowhere, "builds")
    assert refused.value.status == 404
    missing = RenkuDirectory(client=ground.client, projects=[nowhere])
    with pytest.raises(PermanentError, match="RELAUNCH_RENKU_PROJECTS"):
        await missing.projects()


async def test_a_stranger_is_refused(ground: Ground) -> None:
    directory = RenkuDirectory(client=ground.stranger, projects=[ground.project])

    with pytest.raises(PermanentError, match="RELAUNCH_RENKU_TOKEN"):
        await directory.check()
