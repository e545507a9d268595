"""When plain git is asked in the place of an API, and when it is not."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.adapters.clock import SystemClock
from service.adapters.forge_api.errors import BudgetSpentError, TokenRefusedError
from service.adapters.forge_api.routing import API_BACKOFF, RoutedRemote
from service.adapters.git.remote import GitRemote
from service.app.remotes import open_remotes
from service.domain.definition import FILE, Entry
from service.domain.evaluation.comparison import Observed, RefMissing
from service.domain.repository import BlobId, CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError, ServiceError, TransientError
from service.ports.remote import NO_READS, ExpectedReads, Tree
from service.settings import ForgeSettings, Settings
from service.usecases.observe import observe
from tests.support.apis import WatchedGit
from tests.support.clock import TurnedClock
from tests.support.forge import a_forge
from tests.support.repos import Repo
from tests.support.sandbox import SANDBOX

MAIN = Revision.from_text("main")
HOST = "git.example"


@dataclass
class Faulty:
    """Implements the port `Remote` over a repository, until it is told to fail."""

    repo: Repo
    asked: list[str] = field(default_factory=list)
    fails: dict[str, ServiceError] = field(default_factory=dict)
    """By what is asked: `head`, `open`, `entries` or `read`."""

    def __post_init__(self) -> None:
        self._git = GitRemote(environment={}, allow_files=True)

    def note(self, what: str) -> None:
        self.asked.append(what)
        if what in self.fails:
            raise self.fails[what]

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        del expected
        self.note("head")
        assert repository.host == HOST
        return await self._git.head(self.repo.repository, revision)

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        return {
            revision: await self.head(repository, revision) for revision in revisions
        }

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        self.note("branches")
        assert repository.host == HOST
        return await self._git.branches(self.repo.repository, limit=limit)

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        del expected
        self.note("open")
        assert repository.host == HOST
        async with self._git.tree(self.repo.repository, commit) as tree:
            yield FaultyTree(self, tree)


@dataclass
class FaultyTree:
    remote: Faulty
    tree: Tree

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        self.remote.note("entries")
        return await self.tree.entries(paths)

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        self.remote.note("listing")
        return await self.tree.listing(path, limit=limit)

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        self.remote.note("read")
        return await self.tree.read(oid, limit=limit)


@dataclass
class Both:
    """An API and plain git for one repository, and the remote that has both."""

    api: Faulty
    git: Faulty
    clock: TurnedClock
    remote: RoutedRemote
    repository: Repository

    async def head(self) -> Head | RefMissing:
        return await self.remote.head(self.repository, MAIN)

    async def read(self) -> bytes | None:
        commit = CommitSha(self.api.repo.tip())
        async with self.remote.tree(self.repository, commit) as tree:
            found = await tree.entries(["dir/a"])
            return await tree.read(found["dir/a"].oid, limit=10)


@pytest.fixture
def both(tmp_path: Path) -> Both:
    repo = Repo(tmp_path / "repo")
    repo.commit({"dir/a": "1"})
    api, git, clock = Faulty(repo), Faulty(repo), TurnedClock()
    remote = RoutedRemote(
        git=git, open_api=lambda host: api if host == HOST else None, clock=clock
    )
    repository = Repository.from_url(f"https://{HOST}/owner/name", number=7)
    return Both(api, git, clock, remote, repository)


SILENT = TransientError("502")
SPENT = BudgetSpentError("used up", retry_after=timedelta(minutes=50))
REVOKED = TokenRefusedError("401")
GONE = RemoteRefusedError("there is no number 7")


async def test_git_is_not_asked_where_an_api_answers(both: Both) -> None:
    assert isinstance(await both.head(), Head)
    assert await both.read() == b"1"

    assert both.git.asked == []


async def test_a_host_without_an_api_is_met_by_git(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    commit = repo.commit({"a": "1"})
    git = WatchedGit(GitRemote(environment={}, allow_files=True))
    remote = RoutedRemote(git=git, open_api=lambda _: None, clock=TurnedClock())

    head = await remote.head(repo.repository, MAIN)
    async with remote.tree(repo.repository, commit) as tree:
        found = await tree.entries(["a"])

    assert isinstance(head, Head)
    assert found["a"].mode == FILE
    assert git.asked == ["head", "tree"]


@pytest.mark.parametrize("error", [SILENT, SPENT, REVOKED], ids=repr)
@pytest.mark.parametrize("where", ["head", "open", "entries", "read"])
async def test_git_is_asked_when_the_api_cannot_answer(
    both: Both, where: str, error: ServiceError
) -> None:
    both.api.fails[where] = error

    assert isinstance(await both.head(), Head)
    assert await both.read() == b"1"
    assert both.git.asked != []


async def test_git_is_not_asked_for_what_the_api_says_is_not_there(both: Both) -> None:
    both.api.fails = {"head": GONE, "open": GONE}

    with pytest.raises(RemoteRefusedError, match="number 7"):
        await both.head()
    with pytest.raises(RemoteRefusedError, match="number 7"):
        await both.read()
    assert both.git.asked == []


@pytest.mark.parametrize("error", [SILENT, SPENT, REVOKED], ids=repr)
async def test_that_git_is_refused_without_a_token_proves_nothing(
    both: Both, error: ServiceError
) -> None:
    both.api.fails = {"head": error, "open": error}
    both.git.fails = {
        "head": RemoteRefusedError("no"),
        "open": RemoteRefusedError("no"),
    }

    for ask in (both.head, both.read):
        with pytest.raises(type(error)):
            await ask()


async def test_who_waits_for_a_budget_is_told_how_long(both: Both) -> None:
    both.api.fails = {"head": SPENT}
    both.git.fails = {"head": RemoteRefusedError("private")}

    with pytest.raises(TransientError) as error:
        await both.head()

    assert error.value.retry_after == timedelta(minutes=50)


async def test_when_nobody_answers_it_is_a_fault_of_the_moment(both: Both) -> None:
    both.api.fails = {"head": SPENT}
    both.git.fails = {"head": TransientError("git: 500")}

    with pytest.raises(TransientError, match="git: 500"):
        await both.head()


async def test_a_silent_api_is_left_alone_for_a_while(both: Both) -> None:
    both.api.fails = {"head": SILENT}
    for _ in range(10):
        await both.head()
    first = len(both.api.asked)
    both.clock.advance(API_BACKOFF)
    both.api.fails = {}

    await both.head()

    assert first == 1
    assert len(both.api.asked) == 2
    assert both.git.asked == ["head"] * 10


@pytest.mark.parametrize("error", [SPENT, REVOKED], ids=repr)
async def test_an_api_that_answers_is_asked_again(
    both: Both, error: ServiceError
) -> None:
    both.api.fails = {"head": error}
    await both.head()
    both.api.fails = {}

    await both.head()

    assert both.api.asked == ["head", "head"]


async def test_one_tree_changes_over_once(both: Both) -> None:
    both.api.fails = {"read": SILENT}
    commit = CommitSha(both.api.repo.tip())

    async with both.remote.tree(both.repository, commit) as tree:
        oid = (await tree.entries(["dir/a"]))["dir/a"].oid
        for _ in range(3):
            assert await tree.read(oid, limit=10) == b"1"

    assert both.api.asked == ["open", "entries", "read"]
    assert both.git.asked == ["open", "read", "read", "read"]


async def test_a_token_in_the_settings_makes_the_service_ask_the_api(
    tmp_path: Path,
) -> None:
    async with a_forge(tmp_path, vendor="github") as forge:
        repo = forge.create("owner/name", files={"requirements.txt": "six\n"})
        forge.set_visibility(repo, "private")
        named = ForgeSettings(
            tokens=SecretStr(f"{forge.host}={forge.token}"),
            kinds={forge.host: "github"},
        )
        by_path = Repository.from_url(repo.url)

        async with open_remotes(Settings(forge=named), clock=SystemClock()) as remotes:
            looked = await observe(remotes.remote, by_path, MAIN, "", sandbox=SANDBOX)

        assert isinstance(looked, Observed)
        assert looked.head.repository == repo.repository
        assert all(
            request.is_api and request.authorization for request in forge.requests
        )


async def test_without_a_token_the_service_asks_git_alone(tmp_path: Path) -> None:
    async with a_forge(tmp_path, vendor="github") as forge:
        repo = forge.create("owner/name", files={"requirements.txt": "six\n"})
        by_path = Repository.from_url(repo.url)

        async with open_remotes(Settings(), clock=SystemClock()) as remotes:
            looked = await observe(remotes.remote, by_path, MAIN, "", sandbox=SANDBOX)

        assert isinstance(looked, Observed)
        assert not any(
            request.is_api or request.authorization for request in forge.requests
        )
