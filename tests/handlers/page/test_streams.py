"""Whoever signs out or loses a role sees nothing more, in pages that are open, too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from handlers.page.live import StreamRights
from handlers.sse import KEEP_ALIVE
from service.domain.rights.caller import MemberRole, ProjectId, User, UserId
from service.ports.identity import Identity
from service.usecases.rights.sign_in import SignIn
from tests.support.api import Api, Told
from tests.support.browsing import Browser, browsing
from tests.support.repos import Repo

ADA = UserId("ada-1")
LATER = StreamRights.checked_every + timedelta(seconds=1)


@pytest.fixture
async def project(api: Api) -> ProjectId:
    body = {"name": "Statistics", "namespace": "ada"}
    made = await api.call("POST", "/projects", body)
    return ProjectId(made.json["id"])


@asynccontextmanager
async def ada(api: Api, project: ProjectId) -> AsyncIterator[Browser]:
    """Let somebody look who may read the project."""
    async with api.world.store.transaction() as tx:
        await tx.projects.set_role(project, ADA, MemberRole.VIEWER)
    world = api.world
    sign_in = SignIn(store=world.store, clock=world.clock, ids=world.ids)
    person = Identity(user=User(id=ADA, username="ada"))
    session = (await sign_in.begin_for(person)).reveal()
    cookie = {f"relaunch-{urlsplit(api.url).port}": session}
    async with browsing(api, cookies=cookie) as browser:
        yield browser


async def building(api: Api, repo: Repo, project: ProjectId) -> tuple[str, str]:
    """Have a launcher whose build runs: its pages look every two seconds."""
    made = await api.add_launcher(repo.url, project_id=project)
    await api.world.settle()
    path = f"/environments/{made['environment']['id']}/builds"
    build = (await api.get(path))[0]["id"]
    await api.log(build, "Collecting six")
    return made["id"], build


def live_path(what: str, launcher: str, build: str, project: ProjectId) -> str:
    """Return the address of the stream of a page."""
    pages = {
        "launcher": f"/launchers/{launcher}",
        "log": f"/builds/{build}/log",
        "project": f"/projects/{project}/launchers",
    }
    return f"/live{pages[what]}"


async def names(parts: AsyncIterator[Told]) -> list[str]:
    return [part.name async for part in parts if part.name]


@pytest.mark.parametrize("what", ["launcher", "log"])
async def test_a_session_that_ends_ends_the_stream(
    api: Api, repo: Repo, project: ProjectId, what: str
) -> None:
    launcher, build = await building(api, repo, project)
    async with (
        ada(api, project) as browser,
        browser.stream(live_path(what, launcher, build, project)) as parts,
    ):
        first = await anext(parts)
        await browser.post("/sign-out", csrf=await browser.csrf_of("/"))
        api.world.clock.advance(LATER)
        rest = await names(parts)

    assert first.name in {"status", "line"}
    assert rest[-1] == "over"
    assert "line" not in rest


@pytest.mark.parametrize("what", ["launcher", "log", "project"])
async def test_a_role_that_is_lost_ends_the_stream(
    api: Api, repo: Repo, project: ProjectId, what: str
) -> None:
    launcher, build = await building(api, repo, project)
    path = live_path(what, launcher, build, project)
    async with ada(api, project) as browser:
        async with browser.stream(path) as parts:
            await anext(parts)
            async with api.world.store.transaction() as tx:
                await tx.projects.remove_member(project, ADA)
            await api.log(build, "a secret of the project")
            api.world.clock.advance(LATER)
            rest = [part async for part in parts if part.name]
        again = await browser.get(f"/launchers/{launcher}")

    assert rest[-1].name == "over"
    assert not any("a secret" in part.data for part in rest)
    assert again.status == 404


@pytest.mark.parametrize("what", ["launcher", "log"])
async def test_a_page_is_told_that_its_connection_lives(
    api: Api, repo: Repo, project: ProjectId, what: str
) -> None:
    launcher, build = await building(api, repo, project)
    async with (
        ada(api, project) as browser,
        browser.stream(live_path(what, launcher, build, project)) as parts,
    ):
        await anext(parts)
        api.world.clock.advance(KEEP_ALIVE)
        while (told := await anext(parts)).name not in {"alive", "over"}:
            pass

    assert told.name == "alive"


async def test_who_may_still_look_is_shown_what_changes(
    api: Api, repo: Repo, project: ProjectId
) -> None:
    launcher, _ = await building(api, repo, project)
    async with (
        ada(api, project) as browser,
        browser.stream(f"/live/launchers/{launcher}") as parts,
    ):
        await anext(parts)
        api.world.clock.advance(LATER)
        api.world.builder.succeed()
        await api.world.settle()
        shown = [await anext(parts) for _ in range(2)]

    assert "over" not in {part.name for part in shown}
