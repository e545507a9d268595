"""How often a repository is asked, and for what."""

from asyncio import TaskGroup
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.egress import EgressPolicy
from service.adapters.forge_api.api_tree import object_cache
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError, TransientError
from service.ports.remote import NO_READS, ExpectedReads, Remote, Tree
from tests.support.clock import TurnedClock
from tests.support.githttp import GitForge, git_forge
from tests.support.repos import Content, Link, Repo
from tests.support.smart import smart_remote

LIMIT = 1024 * 1024
DISCOVER = "GET /owner/name.git/info/refs"
POST = "POST /owner/name.git/git-upload-pack"
FILES: Mapping[str, Content] = {
    "environment.yml": "dependencies: [python]\n",
    "env/requirements.txt": "six\n",
    "env/link.txt": Link("requirements.txt"),
    "README.md": "0\n",
    "deep/a/x": "",
    "deep/b/x": "1",
}
READ = ("environment.yml", "env/requirements.txt", "env/link.txt")
EXPECTED = ExpectedReads(files=(*READ, "gone.txt", "env", "env/gone/x", "../x", "a\0"))


class NoGit:
    """Implement the port `FullRemote`; nothing is to be left to git."""

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        raise AssertionError((repository, limit))

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        raise AssertionError((repository, revision, expected))

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        raise AssertionError((repository, revisions))

    def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AbstractAsyncContextManager[Tree]:
        raise AssertionError((repository, commit, expected))


@dataclass
class Place:
    """A repository, and what reads it."""

    repo: Repo
    forge: GitForge
    remote: Remote
    clock: TurnedClock
    path: str = "owner/name.git"

    async def look(
        self, *paths: str, expected: ExpectedReads = EXPECTED
    ) -> tuple[list[str], dict[str, bytes | None]]:
        """Read the head and then files, as an evaluation does."""
        before = len(self.forge.seen)
        repository = Repository.from_url(f"{self.forge.url}/{self.path}")
        head = await self.remote.head(
            repository, Revision.from_text(None), expected=expected
        )
        assert isinstance(head, Head), head
        read: dict[str, bytes | None] = {}
        if paths:
            async with self.remote.tree(
                repository, head.commit, expected=expected
            ) as tree:
                found = await tree.entries(paths)
                for path in paths:
                    read[path] = await tree.read(found[path].oid, limit=LIMIT)
        return self.forge.seen[before:], read


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    repo = Repo(tmp_path / "owner" / "name.git")
    repo.commit(FILES)
    clock = TurnedClock()
    async with (
        git_forge(tmp_path) as forge,
        smart_remote(git=NoGit(), clock=clock) as remote,
    ):
        yield Place(repo, forge, remote, clock)


async def test_a_first_look_takes_four_requests_and_the_next_one(place: Place) -> None:
    first, read = await place.look(*READ)
    second, _ = await place.look()

    assert first == [DISCOVER, POST, POST, POST]
    assert second == [POST]
    assert read["env/requirements.txt"] == b"six\n"
    assert read["env/link.txt"] == b"requirements.txt"


async def test_a_push_that_touches_nothing_takes_two_requests(place: Place) -> None:
    await place.look(*READ)
    place.repo.commit({"README.md": "1\n", "docs/deep/x.md": ""})

    requests, read = await place.look(*READ)

    assert requests == [POST, POST]
    assert read["environment.yml"] == b"dependencies: [python]\n"


async def test_a_push_that_changes_files_takes_three_requests(place: Place) -> None:
    await place.look(*READ)
    place.repo.commit({"environment.yml": "1", "env/requirements.txt": "2"})

    requests, read = await place.look(*READ)

    assert requests == [POST, POST, POST]
    assert (read["environment.yml"], read["env/requirements.txt"]) == (b"1", b"2")


async def test_files_that_were_not_expected_take_a_request_each(place: Place) -> None:
    requests, _ = await place.look(*READ, expected=NO_READS)

    assert requests == [DISCOVER, POST, POST, POST, POST, POST]


async def test_files_that_are_too_large_together_are_fetched_one_by_one(
    place: Place,
) -> None:
    # Not even alone is it read: its content does not compress below the limit.
    noise = b"".join(
        bytes((number * number * factor >> 7) & 0xFF for number in range(100_000))
        for factor in range(1, 60)
    )
    place.repo.commit({"environment.yml": noise})

    requests, read = await place.look(*READ)

    assert requests == [DISCOVER, POST, POST, POST, POST, POST, POST]
    assert read["environment.yml"] is None
    assert read["env/requirements.txt"] == b"six\n"


async def test_a_revert_is_known(place: Place) -> None:
    first = place.repo.tip()
    await place.look(*READ)
    place.repo.commit({"environment.yml": "2"})
    await place.look(*READ)
    place.repo.point("refs/heads/main", first)

    requests, read = await place.look(*READ)

    assert requests == [POST]
    assert read["environment.yml"] == b"dependencies: [python]\n"


async def test_what_a_server_can_do_is_asked_again_after_a_while(place: Place) -> None:
    await place.look()
    place.clock.advance(timedelta(minutes=9))
    soon, _ = await place.look()
    place.clock.advance(timedelta(minutes=2))
    later, _ = await place.look()

    assert (soon, later) == ([POST], [DISCOVER, POST])


async def test_a_repository_that_moves_meanwhile_is_found_again(
    place: Place, tmp_path: Path
) -> None:
    await place.look(*READ)
    (tmp_path / "owner").rename(tmp_path / "later")
    place.forge.faults.moved_to = "later"

    requests, _ = await place.look()
    again, _ = await place.look()

    assert requests == [
        POST,
        DISCOVER,
        "GET /later/name.git/info/refs",
        "POST /later/name.git/git-upload-pack",
    ]
    assert again == ["POST /later/name.git/git-upload-pack"]


async def test_a_repository_that_is_deleted_meanwhile_is_refused(
    place: Place, tmp_path: Path
) -> None:
    await place.look(*READ)
    (tmp_path / "owner").rename(tmp_path / "gone")

    with pytest.raises(RemoteRefusedError, match="404"):
        await place.look()


async def test_many_revisions_take_one_request(place: Place) -> None:
    tip = CommitSha(place.repo.tip())
    place.repo.tag("v1", tip, message="one")
    names = [None, "main", "v1", "gone", "a..b", tip]
    revisions = [Revision.from_text(name) for name in names]
    repository = Repository.from_url(f"{place.forge.url}/owner/name.git")

    async with smart_remote(git=NoGit()) as remote:
        together = await remote.heads(repository, revisions)

    heads = [head for head in together.values() if isinstance(head, Head)]
    assert [head.commit for head in heads] == [tip] * 4
    assert place.forge.seen == [DISCOVER, POST]


async def test_concurrent_readers_fetch_the_directories_once(place: Place) -> None:
    await place.look(*READ)
    repository = Repository.from_url(f"{place.forge.url}/owner/name.git")
    commit = CommitSha(place.repo.tip())
    before = len(place.forge.seen)

    # The commit is known and some of its directories are not.
    async with place.remote.tree(repository, commit) as tree, TaskGroup() as group:
        for path in ("deep/a/x", "deep/b/x", "env/x"):
            group.create_task(tree.entries([path]))

    assert place.forge.seen[before:] == [POST]


async def test_a_server_that_fails_is_not_asked_again_by_git(place: Place) -> None:
    place.forge.faults.status = 503

    with pytest.raises(TransientError, match="503"):
        await place.look()

    assert place.forge.seen == [DISCOVER]


async def test_what_one_policy_may_read_is_not_given_under_another(
    place: Place,
) -> None:
    """A host that is open to everybody may redirect to one that is not."""
    kept = object_cache(1)
    repository = Repository.from_url(f"{place.forge.url}/owner/name.git")
    commit = CommitSha(place.repo.tip())
    async with smart_remote(kept=kept, scope="ours") as ours:
        async with ours.tree(repository, commit) as tree:
            await tree.entries(["env/requirements.txt"])
        before = len(place.forge.seen)
        async with ours.tree(repository, commit) as tree:
            await tree.entries(["env/requirements.txt"])
    assert len(place.forge.seen) == before

    host = place.forge.url.partition("://")[2]
    closed = EgressPolicy(("*",), closed=(host,))
    async with smart_remote(kept=kept, scope="anybody's", gate=closed) as theirs:
        with pytest.raises(RemoteRefusedError, match="not for everybody"):
            async with theirs.tree(repository, commit):
                pytest.fail("it is not read")
