"""What Gitea does that plain git does not, and what must not come of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.forge_api.errors import BudgetSpentError, TokenRefusedError
from service.domain.definition import FILE
from service.domain.repository import Repository
from service.domain.source import Head, Revision
from service.errors import Refusal, RemoteRefusedError, TransientError
from service.ports.remote import Remote
from tests.support.apis import an_api
from tests.support.clock import TurnedClock
from tests.support.forge import Forge, HostedRepo, a_forge

MAIN = Revision.from_text("refs/heads/main")


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[Forge]:
    async with a_forge(tmp_path, vendor="gitea") as forge:
        yield forge


@pytest.fixture
def repo(forge: Forge) -> HostedRepo:
    return forge.create("owner/name", files={"a": "1"})


@pytest.fixture
async def remote(forge: Forge) -> AsyncIterator[Remote]:
    async with an_api(forge) as remote:
        yield remote


async def test_a_repository_is_found_in_any_case_and_tells_its_number(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    head = await remote.head(Repository.from_url(f"{forge.url}/Owner/NAME"), MAIN)

    assert isinstance(head, Head)
    assert head.repository is not None
    assert (head.repository.number, head.repository.path) == (repo.number, repo.path)


async def test_a_renamed_repository_is_followed_by_its_number(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    before = repo.repository
    forge.rename(repo, "other/new")
    forge.create("owner/name", files={"a": "stolen"})

    head = await remote.head(before, MAIN)

    assert isinstance(head, Head)
    assert head.commit == repo.tip()
    assert head.repository == repo.repository
    async with remote.tree(before, head.commit) as tree:
        assert (await tree.entries(["a"]))["a"].mode == FILE


async def test_a_repository_whose_name_another_one_took_is_told_from_one_that_is_gone(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    before = repo.repository
    forge.delete(repo)
    with pytest.raises(RemoteRefusedError) as gone:
        await remote.head(before, MAIN)
    forge.create("owner/name", files={"a": "stolen"})

    with pytest.raises(RemoteRefusedError) as replaced:
        await remote.head(before, MAIN)

    assert gone.value.refusal is Refusal.ABSENT
    assert replaced.value.refusal is Refusal.REPLACED


async def test_a_token_that_was_revoked_is_a_state_of_its_own(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    forge.tokens.revoke(forge.token)

    with pytest.raises(TokenRefusedError) as refused:
        await remote.head(repo.repository, MAIN)

    assert forge.token not in str(refused.value)


async def test_a_directory_of_more_than_one_page_is_read_whole(
    repo: HostedRepo, remote: Remote
) -> None:
    names = [f"data/{number:04}" for number in range(1100)]
    commit = repo.bare.commit(dict.fromkeys(names, "x"))

    async with remote.tree(repo.repository, commit) as tree:
        found = await tree.entries(names)

    assert {entry.mode for entry in found.values()} == {FILE}


async def test_what_was_read_once_is_only_asked_for_whom_it_belongs_to(
    forge: Forge, repo: HostedRepo, remote: Remote
) -> None:
    commit = repo.bare.commit({"d/a": "1"})
    asked = 0
    for _ in range(2):
        asked = len(forge.requests)
        async with remote.tree(repo.repository, commit) as tree:
            found = await tree.entries(["d/a"])
            assert await tree.read(found["d/a"].oid, limit=10) == b"1"

    assert len(forge.requests) == asked + 1


async def test_a_file_above_the_limit_is_not_given(
    repo: HostedRepo, remote: Remote
) -> None:
    commit = repo.bare.commit({"large": "x" * 100_000, "small": "x" * 100})

    async with remote.tree(repo.repository, commit) as tree:
        found = await tree.entries(["large", "small"])
        assert await tree.read(found["large"].oid, limit=1000) is None
        assert await tree.read(found["small"].oid, limit=99) is None
        assert await tree.read(found["small"].oid, limit=100) == b"x" * 100


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


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_gitea_that_is_down_is_a_fault_of_the_moment(
    forge: Forge, repo: HostedRepo, remote: Remote, status: int
) -> None:
    forge.fail_next(status)

    with pytest.raises(TransientError, match=str(status)):
        await remote.head(repo.repository, MAIN)
