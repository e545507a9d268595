"""What GitHub's API has of its own: costs, limits, names, proofs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.forge_api.account import Account
from service.adapters.forge_api.errors import (
    BudgetSpentError,
    TokenRefusedError,
    UnprovenAnswerError,
)
from service.adapters.github.client import api_root
from service.domain.definition import FILE
from service.domain.hook import Secret
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import Refusal, RemoteRefusedError, ServiceError, TransientError
from service.ports.remote import Remote
from service.settings import ForgeSettings
from tests.support.apis import an_api, forges_of
from tests.support.clock import TurnedClock
from tests.support.forge import Forge, HostedRepo, a_forge
from tests.support.forge.recording import Recorded

FILES = {"requirements.txt": "six\n", "env/more.txt": "numpy\n", "env/deep/x": "1"}


@dataclass
class Place:
    forge: Forge
    repo: HostedRepo
    remote: Remote
    clock: TurnedClock
    asked: int = field(default=0)

    @property
    def repository(self) -> Repository:
        return self.repo.repository

    async def head(self, revision: str | None = None) -> Head:
        head = await self.remote.head(self.repository, Revision.from_text(revision))
        assert isinstance(head, Head)
        return head

    async def read(self, *paths: str) -> list[bytes | None]:
        """Read files as a look does."""
        head = await self.head()
        async with self.remote.tree(self.repository, head.commit) as tree:
            found = await tree.entries(paths)
            return [await tree.read(found[path].oid, limit=100) for path in paths]

    def requests(self) -> list[Recorded]:
        """Return what the forge was asked since this was last called."""
        new = self.forge.requests[self.asked :]
        self.asked = len(self.forge.requests)
        return new


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    clock = TurnedClock()
    async with (
        a_forge(tmp_path, vendor="github", clock=clock) as forge,
        an_api(forge, clock=clock) as remote,
    ):
        repo = forge.create("owner/name", files=FILES)
        yield Place(forge, repo, remote, clock)


# costs


async def test_a_head_that_did_not_move_costs_nothing(place: Place) -> None:
    await place.head()
    place.requests()
    budget = place.forge.limits.budget("owner", is_known=True)
    before = budget.remaining

    await place.head()

    asked = place.requests()
    assert [request.status for request in asked] == [304, 304]
    assert all(request.is_conditional for request in asked)
    assert budget.remaining == before


async def test_a_new_commit_costs_what_moved_and_no_more(place: Place) -> None:
    await place.read("requirements.txt", "env/more.txt", "env/deep/x")
    await place.repo.push({"requirements.txt": "six>1\n"})
    place.requests()

    read = await place.read("requirements.txt", "env/more.txt", "env/deep/x")

    counted = [
        request.path.partition("/git/")[2]
        for request in place.requests()
        if request.is_api
    ]
    kinds = sorted(text.partition("/")[0] for text in counted if text)
    assert read == [b"six>1\n", b"numpy\n", b"1"]
    assert kinds == ["blobs", "commits", "ref", "trees"]


async def test_what_is_known_by_its_id_is_not_asked_for_again(place: Place) -> None:
    await place.read("requirements.txt", "env/more.txt")
    place.requests()

    await place.read("env/more.txt", "requirements.txt")

    assert {request.status for request in place.requests()} == {304}


async def test_ids_of_one_repository_open_nothing_of_another(place: Place) -> None:
    (secret,) = await place.read("requirements.txt")
    assert secret is not None
    other = place.forge.create("owner/other", files={"a": "1"})
    head = await place.remote.head(other.repository, Revision.from_text(None))
    assert isinstance(head, Head)
    mine = await place.head()

    async with place.remote.tree(place.repository, mine.commit) as tree:
        oid = (await tree.entries(["requirements.txt"]))["requirements.txt"].oid
    async with place.remote.tree(other.repository, head.commit) as tree:
        with pytest.raises(RemoteRefusedError):
            await tree.read(oid, limit=100)


async def test_directories_are_not_asked_for_with_all_their_levels(
    place: Place,
) -> None:
    await place.read("env/deep/x")

    assert not any("recursive" in request.query for request in place.requests())


async def test_a_file_that_is_too_large_is_not_downloaded(place: Place) -> None:
    await place.repo.push({"large": "x" * 1000})
    place.requests()

    assert await place.read("large") == [None]
    assert not any("/blobs/" in request.path for request in place.requests())


# limits


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (403, {"Retry-After": "60"}, "secondary", timedelta(minutes=1)),
        (403, {}, "You have exceeded a secondary rate limit", timedelta(minutes=1)),
        (429, {"Retry-After": "120"}, "", timedelta(minutes=2)),
        (429, {}, "", timedelta(minutes=1)),
    ],
)
async def test_a_limit_is_obeyed_for_as_long_as_it_says(
    place: Place, status: int, headers: dict[str, str], message: str, wait: timedelta
) -> None:
    place.forge.fail_next(status, 1, headers, message=message)
    with pytest.raises(BudgetSpentError) as error:
        await place.head()
    place.requests()
    with pytest.raises(BudgetSpentError):
        await place.head()
    meanwhile = place.requests()
    place.clock.advance(wait)

    head = await place.head()

    assert error.value.retry_after == wait
    assert meanwhile == []
    assert head.commit == place.repo.tip()


async def test_the_last_requests_of_an_hour_are_not_used_up(place: Place) -> None:
    place.forge.limit(remaining=501)

    async def read_on() -> None:
        for _ in range(5):
            await place.repo.push({"x": str(len(place.requests()))})
            await place.read("requirements.txt", "env/more.txt")

    with pytest.raises(BudgetSpentError) as error:
        await read_on()

    assert place.forge.limits.budget("owner", is_known=True).remaining >= 499
    assert error.value.retry_after is not None
    assert error.value.retry_after > timedelta(minutes=50)


async def test_a_spent_limit_is_waited_for_until_it_begins_anew(place: Place) -> None:
    place.forge.limit(remaining=0)

    with pytest.raises(BudgetSpentError) as error:
        await place.head()

    assert error.value.retry_after == timedelta(hours=1)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_a_fault_of_the_moment_passes(place: Place, status: int) -> None:
    place.forge.fail_next(status)

    with pytest.raises(TransientError, match=str(status)):
        await place.head()

    assert (await place.head()).commit == place.repo.tip()


async def test_retry_after_is_passed_on(place: Place) -> None:
    place.forge.fail_next(503, 1, {"Retry-After": "90"})

    with pytest.raises(TransientError) as error:
        await place.head()

    assert error.value.retry_after == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("status", "kind", "refusal"),
    [
        (401, TokenRefusedError, Refusal.FORBIDDEN),
        (403, TokenRefusedError, Refusal.FORBIDDEN),
        (410, RemoteRefusedError, Refusal.ABSENT),
        (451, RemoteRefusedError, Refusal.WITHHELD),
    ],
)
async def test_refusals_are_told_apart(
    place: Place, status: int, kind: type[RemoteRefusedError], refusal: Refusal
) -> None:
    place.forge.fail_next(status, message="no")

    with pytest.raises(kind) as error:
        await place.head()

    assert type(error.value) is kind
    assert error.value.refusal is refusal


# who it is


async def test_a_path_is_asked_for_once_and_a_number_ever_after(place: Place) -> None:
    by_path = Repository.from_url(place.repo.url)
    head = await place.remote.head(by_path, Revision.from_text(None))
    assert isinstance(head, Head)
    assert head.repository is not None
    place.requests()

    await place.remote.head(head.repository, Revision.from_text(None))

    assert head.repository == replace(by_path, number=place.repo.number)
    assert not any("/repos/" in request.path for request in place.requests())


async def test_what_the_forge_calls_its_url_is_not_used(place: Place) -> None:
    place.forge.rename(place.repo, "New.Owner/New-Name")
    old = replace(
        place.repository, url=f"{place.forge.url}/owner/name.git", path="owner/name"
    )

    head = await place.remote.head(old, Revision.from_text(None))

    assert isinstance(head, Head)
    assert head.repository == Repository(
        host=place.forge.host,
        path="New.Owner/New-Name",
        url=f"{place.forge.url}/New.Owner/New-Name.git",
        number=place.repo.number,
    )


async def test_a_deleted_repository_is_not_looked_for_by_its_name_alone(
    place: Place,
) -> None:
    gone = place.repository
    place.forge.delete(place.repo)
    other = place.forge.create("owner/name", files={"a": "1"})

    with pytest.raises(RemoteRefusedError, match=f"number {other.number}") as error:
        await place.remote.head(gone, Revision.from_text(None))

    assert error.value.refusal is Refusal.REPLACED


@pytest.mark.parametrize("path", ["one", "a/b/c", "a/..", "../x", "./a", "a//b"])
async def test_what_is_no_owner_and_name_is_not_asked_for(
    place: Place, path: str
) -> None:
    repository = Repository(
        host=place.forge.host, path=path, url=f"{place.forge.url}/{path}"
    )

    with pytest.raises(RemoteRefusedError):
        await place.remote.head(repository, Revision.from_text(None))
    assert place.requests() == []


# proofs


async def test_a_listing_that_is_cut_is_never_taken_for_whole(place: Place) -> None:
    place.forge.tree_cap = 1

    with pytest.raises(UnprovenAnswerError, match="truncated"):
        await place.read("requirements.txt")


async def test_a_directory_without_entries_is_no_trouble(place: Place) -> None:
    other = place.forge.create("owner/other", files={"only": "1"})
    empty = await other.push({"only": None})

    async with place.remote.tree(other.repository, empty) as tree:
        assert (await tree.entries(["only", "dir/x"]))["only"].mode == "absent"


@pytest.fixture
async def liar() -> AsyncIterator[tuple[Forge, list[web.Response]]]:
    """Run what is no forge at all, in the place of one."""
    said: list[web.Response] = []

    async def answer(_: web.Request) -> web.Response:
        return said.pop(0)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        forge = Forge(Path("/nowhere"), vendor="github", clock=TurnedClock())
        forge.url = str(server.make_url("/")).rstrip("/")
        yield forge, said


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"text": "<html>", "content_type": "text/html"}, id="a page"),
        pytest.param({"text": "{", "content_type": "application/json"}, id="cut"),
        pytest.param({"text": "[]", "content_type": "application/json"}, id="a list"),
        pytest.param({"text": "{}", "content_type": "application/json"}, id="empty"),
        pytest.param(
            {"body": b"\xff", "content_type": "application/json"}, id="no UTF-8"
        ),
        pytest.param(
            {"text": "[" * 100_000, "content_type": "application/json"}, id="deep"
        ),
        pytest.param(
            {
                "text": '{"id": -1, "full_name": "a/b", "default_branch": "m"}',
                "content_type": "application/json",
            },
            id="no number",
        ),
        pytest.param({"status": 599, "text": "?"}, id="no status"),
        pytest.param({"status": 304}, id="nothing new"),
    ],
)
async def test_what_cannot_be_read_is_a_fault_of_the_moment(
    liar: tuple[Forge, list[web.Response]], answer: dict[str, Any]
) -> None:
    forge, said = liar
    said.append(web.Response(**answer))
    repository = Repository.from_url(f"{forge.url}/a/b")

    async with an_api(forge) as remote:
        with pytest.raises(ServiceError) as error:
            await remote.head(repository, Revision.from_text(None))

    assert isinstance(error.value, TransientError)


async def test_an_answer_that_names_a_page_elsewhere_leads_nowhere(
    liar: tuple[Forge, list[web.Response]],
) -> None:
    forge, said = liar
    link = '<http://127.0.0.1:1/next>; rel="next"'
    said.append(web.json_response([{"id": 1}], headers={"Link": link}))

    async with forges_of(forge) as forges:
        pages = forges.github(forge.host).getiter("/repos/a/b/hooks")
        assert await anext(pages) == {"id": 1}
        with pytest.raises(RemoteRefusedError, match="page of another host"):
            await anext(pages)


# where it is


@pytest.mark.parametrize(
    ("host", "root"),
    [
        ("github.com", "https://api.github.com"),
        ("git.example", "https://git.example/api/v3"),
        ("git.example:8443", "https://git.example:8443/api/v3"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"),
        ("[::1]:8080", "http://[::1]:8080/api/v3"),
        ("localhost", "http://localhost/api/v3"),
        ("10.0.0.1", "https://10.0.0.1/api/v3"),
    ],
)
def test_a_token_travels_in_the_clear_on_this_machine_only(
    host: str, root: str
) -> None:
    assert api_root(Account(host=host, token=Secret("x"))) == root


async def test_the_token_goes_to_the_forge_and_into_no_message(place: Place) -> None:
    place.forge.tokens.revoke(place.forge.token)

    with pytest.raises(TokenRefusedError) as error:
        await place.head()

    assert place.forge.token not in str(error.value)
    assert all(request.authorization for request in place.requests())


def test_settings_keep_tokens_to_themselves() -> None:
    settings = ForgeSettings.model_validate({"tokens": "github.com=ghp_1"})

    assert "ghp_1" not in repr(settings)
    assert settings.token("github.com") == Secret("ghp_1")


async def test_a_sha_of_nobody_is_refused(place: Place) -> None:
    with pytest.raises(RemoteRefusedError):
        async with place.remote.tree(place.repository, CommitSha("5" * 40)):
            pytest.fail("there is none")


async def test_a_tag_of_a_file_is_no_head(place: Place) -> None:
    blob = place.repo.bare.git("rev-parse", "main:requirements.txt").decode().strip()
    place.repo.bare.point("refs/tags/odd", blob)
    async with place.remote.tree(place.repository, CommitSha(place.repo.tip())) as tree:
        found = await tree.entries(["requirements.txt"])

    assert found["requirements.txt"].mode == FILE
    with pytest.raises(RemoteRefusedError, match="no commit"):
        await place.head("refs/tags/odd")
