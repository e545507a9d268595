"""What GitLab does that plain git does not, and what must not come of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.clock import SystemClock
from service.adapters.forge_api.api_tree import Kept, size_of
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.errors import (
    BudgetSpentError,
    TokenRefusedError,
    UnprovenAnswerError,
)
from service.adapters.forge_api.graphql.endpoint import NoGraphQl
from service.adapters.gitlab.client import GitLabClient
from service.adapters.gitlab.head_lookup import GitLabHeadLookup
from service.adapters.gitlab.remote import GitLabRemote
from service.domain.definition import FILE
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import Refusal, RemoteRefusedError, TransientError
from service.ports.remote import Remote
from tests.adapters.gitlab.lines import a_gitlab_client
from tests.support.apis import an_api
from tests.support.clock import TurnedClock
from tests.support.forge import Forge, HostedRepo, a_forge

DEFAULT = Revision.from_text(None)
ROOM = 1024 * 1024
MAIN = Revision.from_text("refs/heads/main")


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[Forge]:
    async with a_forge(tmp_path, vendor="gitlab") as forge:
        yield forge


@pytest.fixture
def repo(forge: Forge) -> HostedRepo:
    return forge.create("group/sub/name", files={"a": "1"})


@pytest.fixture
async def remote(forge: Forge) -> AsyncIterator[Remote]:
    async with an_api(forge) as remote:
        yield remote


def _by_path(forge: Forge, path: str) -> Repository:
    return Repository.from_url(f"{forge.url}/{path}.git")


# who a project is


@pytest.mark.parametrize("path", ["group/sub/name", "Group/SUB/Name"])
async def test_a_project_in_subgroups_is_found_in_any_case_and_tells_its_number(
    forge: Forge, repo: HostedRepo, remote: Remote, path: str
) -> None:
    head = await remote.head(_by_path(forge, path), DEFAULT)

    assert isinstance(head, Head)
    assert head.commit == repo.tip()
    assert head.repository is not None
    assert head.repository.number == repo.number
    assert head.repository.path == "group/sub/name"


async def test_a_renamed_project_is_followed_by_its_number(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    before = repo.repository
    forge.rename(repo, "elsewhere/other")

    head = await remote.head(before, MAIN)

    assert isinstance(head, Head)
    assert head.commit == repo.tip()
    assert head.repository == repo.repository


async def test_a_project_that_is_only_known_by_an_old_path_is_followed(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    before = _by_path(forge, repo.path)
    forge.rename(repo, "elsewhere/other")

    head = await remote.head(before, DEFAULT)

    assert isinstance(head, Head)
    assert head.repository == repo.repository
    async with remote.tree(before, head.commit) as tree:
        assert (await tree.entries(["a"]))["a"].mode == FILE


async def test_a_new_project_under_an_old_path_is_not_the_one_that_was_followed(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    before = repo.repository
    forge.rename(repo, "elsewhere/other")
    forge.create("group/sub/name", files={"a": "stolen"})

    head = await remote.head(before, MAIN)

    assert isinstance(head, Head)
    assert head.commit == repo.tip()
    assert head.repository == repo.repository


async def test_a_project_whose_path_another_one_took_is_told_from_one_that_is_gone(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    before = repo.repository
    forge.delete(repo)
    with pytest.raises(RemoteRefusedError) as gone:
        await remote.head(before, MAIN)
    forge.create("group/sub/name", files={"a": "stolen"})

    with pytest.raises(RemoteRefusedError, match="another project") as replaced:
        await remote.head(before, MAIN)

    assert gone.value.refusal is Refusal.ABSENT
    assert replaced.value.refusal is Refusal.REPLACED


async def test_a_private_project_is_shown_to_its_token_only(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    forge.set_visibility(repo, "private")

    assert isinstance(await remote.head(repo.repository, MAIN), Head)
    async with an_api(forge, token=forge.reader_token) as other:
        with pytest.raises(RemoteRefusedError):
            await other.head(repo.repository, MAIN)


async def test_a_token_that_was_revoked_is_a_state_of_its_own(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    forge.tokens.revoke(forge.token)

    with pytest.raises(TokenRefusedError) as refused:
        await remote.head(repo.repository, MAIN)

    assert forge.token not in str(refused.value)


# refs


@pytest.mark.parametrize(
    "name",
    ["gone", "..", ".", "a/../b", "../branches", "x?y", "a#b", "%2e%2e", "main.", "é"],
)
async def test_a_name_that_no_ref_has_is_gone(
    repo: HostedRepo, remote: Remote, name: str
) -> None:
    answer = await remote.head(repo.repository, Revision.from_text(name))

    assert isinstance(answer, RefMissing)


@pytest.mark.parametrize("name", ["100%", "a+b", "%2e%2e", "feature/é", "x&y=1"])
async def test_a_branch_is_asked_for_by_its_very_name(
    repo: HostedRepo, remote: Remote, name: str
) -> None:
    commit = repo.bare.commit({"a": name}, branch=name)

    head = await remote.head(repo.repository, Revision.from_text(name))

    assert isinstance(head, Head)
    assert head.commit == commit


# trees


async def test_a_large_directory_is_read_to_its_last_page(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    names = [f"data/{number:03}" for number in range(250)]
    commit = repo.bare.commit({name: name for name in names})

    async with remote.tree(repo.repository, commit) as tree:
        found = await tree.entries(names)

    assert {entry.mode for entry in found.values()} == {FILE}
    pages = [
        request for request in forge.requests if request.query.get("path") == "data"
    ]
    assert len(pages) == 3


async def test_what_was_read_once_is_not_asked_for_again(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    commit = repo.bare.commit({"d/a": "1", "b": "2"})
    asked = 0
    for _ in range(2):
        asked = len(forge.requests)
        async with remote.tree(repo.repository, commit) as tree:
            found = await tree.entries(["d/a", "b"])
            assert await tree.read(found["d/a"].oid, limit=10) == b"1"

    assert len(forge.requests) == asked


# trouble


async def test_who_asks_too_often_is_told_when_to_ask_again_and_does_not_before(
    forge: Forge, repo: HostedRepo
) -> None:
    clock = TurnedClock()
    async with an_api(forge, clock=clock) as remote:
        forge.fail_next(429, headers={"Retry-After": "37"})
        with pytest.raises(BudgetSpentError) as limited:
            await remote.head(repo.repository, MAIN)
        asked = len(forge.requests)
        with pytest.raises(BudgetSpentError):
            await remote.head(repo.repository, MAIN)

        assert limited.value.retry_after == timedelta(seconds=37)
        assert len(forge.requests) == asked
        clock.advance(timedelta(seconds=38))
        assert isinstance(await remote.head(repo.repository, MAIN), Head)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_gitlab_that_is_down_is_a_fault_of_the_moment(
    forge: Forge, repo: HostedRepo, remote: Remote, status: int
) -> None:
    forge.fail_next(status)

    with pytest.raises(TransientError, match=str(status)):
        await remote.head(repo.repository, MAIN)


async def test_a_gitlab_that_keeps_silent_is_left_and_the_loop_is_free_meanwhile() -> (
    None
):
    async def keep_silent(_: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        heard.set()
        await over.wait()
        out.close()

    heard, over = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    patience = timedelta(milliseconds=300)
    async with server, a_gitlab_client(host, deadline=patience) as client:
        remote = a_rest_remote(client)
        silent = Repository.from_url(f"http://{host}/owner/name")
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(_error(remote, silent))
            await heard.wait()
        over.set()

    assert isinstance(asking.result(), TransientError)


def a_rest_remote(client: GitLabClient) -> GitLabRemote:
    """Make a remote of a host without GraphQL."""
    kept = ImmutableCache[Kept](most=ROOM, size=size_of)
    lookup = GitLabHeadLookup(
        open_to_all=NoGraphQl(),
        with_token=NoGraphQl(),
        kept=kept,
        host=client.host,
        clock=SystemClock(),
    )
    return GitLabRemote(lookup=lookup, client=client, kept=kept)


async def _error(remote: Remote, repository: Repository) -> Exception:
    with pytest.raises(TransientError) as caught:
        await remote.head(repository, MAIN)
    return caught.value


async def test_a_page_that_leads_elsewhere_or_never_ends_is_not_followed() -> None:
    seen: list[str] = []

    async def page(_: web.Request) -> web.Response:
        link = f'<{another.make_url("/api/v4/more?page_token=again")}>; rel="next"'
        return web.json_response([], headers={"Link": link})

    async def note(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.json_response([])

    async with _server(page) as server, _server(note) as another:
        host = f"{server.host}:{server.port}"
        async with a_gitlab_client(host) as client:
            remote = a_rest_remote(client)
            repository = Repository.from_url(f"http://{host}/owner/name", number=1)
            with pytest.raises(UnprovenAnswerError):
                await remote.tree(repository, CommitSha("5" * 40)).__aenter__()

    assert seen == []


@asynccontextmanager
async def _server(
    handler: Callable[[web.Request], Awaitable[web.Response]],
) -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    server = TestServer(app)
    async with server:
        yield server
