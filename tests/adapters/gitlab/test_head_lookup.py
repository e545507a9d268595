"""Who is asked for a head at GitLab, and what the answer proves."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service.adapters.forge_api.api_tree import Kept, large_key, root_key, size_of
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.graphql.endpoint import GraphQlAnswer, NoGraphQl
from service.adapters.gitlab.head_lookup import GitLabHeadLookup
from service.domain.repository import BlobId, CommitSha, Repository
from service.domain.source import Head, Revision
from service.ports.remote import ExpectedReads, Remote
from tests.support.apis import an_api
from tests.support.clock import TurnedClock
from tests.support.forge import Forge, HostedRepo, a_forge
from tests.support.forge.access import fingerprint

DEFAULT = Revision.from_text(None)
EXPECTED = ExpectedReads(files=("requirements.txt",))
REPOSITORY = Repository.from_url("https://gitlab.com/owner/name", number=7)
COMMIT = "a" * 40
SIX = "a5b5d6f3b4c0a5f1e4ad5d1a8f0ac4b0ff25a8f0"


@dataclass
class Scripted:
    """Implements the port `GraphQl`; answers what it was given."""

    found: Mapping[str, Any]
    is_partial: bool = False
    asked: int = field(default=0)

    async def ask(
        self, query: str, variables: Mapping[str, object], *, operation: str
    ) -> GraphQlAnswer | None:
        del query, variables, operation
        self.asked += 1
        data = {"projects": {"nodes": [self.found]}}
        return GraphQlAnswer(data=data, is_partial=self.is_partial)


def entries(*nodes: Mapping[str, str], more: bool = False) -> dict[str, Any]:
    return {"nodes": list(nodes), "pageInfo": {"hasNextPage": more}}


def a_project(**changes: object) -> dict[str, Any]:
    code = {
        "rootRef": "main",
        "before": {"lastCommit": {"sha": COMMIT}},
        "after": {"lastCommit": {"sha": COMMIT}},
        "root": {
            "trees": entries(),
            "submodules": entries(),
            "blobs": entries(
                {"path": "requirements.txt", "sha": SIX, "mode": "100644"}
            ),
        },
        "blobs": {"nodes": [{"path": "requirements.txt", "oid": SIX, "rawBlob": "x"}]},
        **changes,
    }
    return {
        "id": "gid://gitlab/Project/7",
        "fullPath": "owner/name",
        "visibility": "public",
        "repository": code,
    }


async def find(found: Mapping[str, Any], *, is_partial: bool = False) -> Head | None:
    lookup = GitLabHeadLookup(
        open_to_all=Scripted(found, is_partial=is_partial),
        with_token=NoGraphQl(),
        kept=ImmutableCache[Kept](most=1_000_000, size=size_of),
        host="gitlab.com",
        clock=TurnedClock(),
    )
    return await lookup.find(REPOSITORY, DEFAULT, EXPECTED)


async def test_a_root_of_more_directories_than_a_page_has_is_known_to_be_large() -> (
    None
):
    """As the forge reports it; a smaller page, or the last one, shows nothing."""
    for count, more in ((100, True), (100, False), (20, True)):
        kept = ImmutableCache[Kept](most=1_000_000, size=size_of)
        large = {"trees": entries(*[{"sha": SIX}] * count, more=more)}
        lookup = GitLabHeadLookup(
            open_to_all=Scripted(a_project(large=large)),
            with_token=NoGraphQl(),
            kept=kept,
            host="gitlab.com",
            clock=TurnedClock(),
        )

        await lookup.find(REPOSITORY, DEFAULT, ExpectedReads(large=("",)))

        owner = ("gitlab.com", 7)
        root = kept.get(root_key(owner, CommitSha(COMMIT)))
        assert isinstance(root, bytes)
        is_large = large_key(owner, BlobId(root.decode())) in kept
        assert is_large is (more and count == 100)


async def test_a_private_project_that_is_left_to_rest_is_known_as_such() -> None:
    """REST reads a root of more files than a page has; other directories follow."""
    long = {"trees": entries(), "submodules": entries(), "blobs": entries(more=True)}
    open_to_all = Scripted({})
    with_token = Scripted({**a_project(root=long), "visibility": "private"})
    lookup = GitLabHeadLookup(
        open_to_all=open_to_all,
        with_token=with_token,
        kept=ImmutableCache[Kept](most=1_000_000, size=size_of),
        host="gitlab.com",
        clock=TurnedClock(),
    )

    for _ in range(2):
        assert await lookup.find(REPOSITORY, DEFAULT, EXPECTED) is None

    assert lookup.endpoint(REPOSITORY) is with_token
    assert (open_to_all.asked, with_token.asked) == (1, 2)


async def test_an_answer_of_one_state_is_used() -> None:
    head = await find(a_project())

    assert head is not None
    assert (head.commit, head.ref) == (COMMIT, "refs/heads/main")
    assert head.is_private is False


@pytest.mark.parametrize(
    "changes",
    [
        {"after": {"lastCommit": {"sha": "b" * 40}}},
        {"after": None},
        {"before": {"lastCommit": None}},
        {"rootRef": None},
        {"rootRef": "a\0b"},
        {"root": None},
        {"root": {"trees": entries(), "submodules": entries(), "blobs": entries()}},
        {"blobs": {"nodes": [{"path": "requirements.txt", "oid": "b" * 40}]}},
        {
            "root": {
                "trees": entries(more=True),
                "submodules": entries(),
                "blobs": entries({"path": "x", "sha": SIX, "mode": "100644"}),
            }
        },
        {
            "root": {
                "trees": entries({"path": "caf\ufffd", "sha": SIX}),
                "submodules": entries(),
                "blobs": entries(),
            }
        },
    ],
    ids=[
        *("a push in between", "no end", "no commit", "no default branch"),
        *("a default branch that is none", "no root"),
        *("an empty root", "a file that changed meanwhile", "more pages", "no UTF-8"),
    ],
)
async def test_an_answer_that_may_mix_or_lack_something_is_left_to_rest(
    changes: Mapping[str, Any],
) -> None:
    assert await find(a_project(**changes)) is None


async def test_an_answer_of_which_a_field_failed_is_left_to_rest() -> None:
    """What the storage did not answer shows as a directory without entries."""
    assert await find(a_project(), is_partial=True) is None


@dataclass
class Place:
    forge: Forge
    repo: HostedRepo
    remote: Remote

    async def look(self) -> tuple[bool | None, list[str]]:
        """Return whether the project is private, and by whom what was asked."""
        before = len(self.forge.requests)
        repository = self.repo.repository
        head = await self.remote.head(repository, DEFAULT, expected=EXPECTED)
        assert isinstance(head, Head)
        async with self.remote.tree(repository, head.commit) as tree:
            found = await tree.entries(EXPECTED.files)
            assert await tree.read(found["requirements.txt"].oid, limit=99) == b"six\n"
        owner = fingerprint(self.forge.token)
        return head.is_private, [
            f"{'owner' if request.authorization == owner else 'anybody'}"
            f" {request.path.rpartition('/')[2]}"
            for request in self.forge.requests[before:]
        ]


@asynccontextmanager
async def a_place(folder: Path) -> AsyncIterator[Place]:
    clock = TurnedClock()
    async with (
        a_forge(folder, vendor="gitlab", clock=clock) as forge,
        an_api(forge, clock=clock) as remote,
    ):
        repo = forge.create("owner/name", files={"requirements.txt": "six\n"})
        yield Place(forge, repo, remote)


async def test_what_everybody_may_read_is_asked_without_the_token(
    tmp_path: Path,
) -> None:
    async with a_place(tmp_path) as place:
        assert await place.look() == (False, ["anybody graphql"])


@pytest.mark.parametrize("visibility", ["private", "internal"])
async def test_what_members_read_is_asked_with_the_token_from_then_on(
    tmp_path: Path, visibility: str
) -> None:
    async with a_place(tmp_path) as place:
        place.repo.visibility = visibility

        first, second = await place.look(), await place.look()

        assert first == (True, ["anybody graphql", "owner graphql"])
        assert second == (True, ["owner graphql"])


async def test_a_public_project_may_keep_its_code_for_members(tmp_path: Path) -> None:
    async with a_place(tmp_path) as place:
        place.repo.code_for = "private"

        is_private, asked = await place.look()

        assert is_private is True
        assert asked[:2] == ["anybody graphql", "owner graphql"]
        assert len(asked) == 4


async def test_the_largest_query_stays_below_the_limit_of_complexity(
    tmp_path: Path,
) -> None:
    """The test forge counts as GitLab does, and refuses what is above."""
    async with a_place(tmp_path) as place:
        names = tuple(f"d{number}/deep" for number in range(60))
        head = await place.remote.head(
            place.repo.repository,
            DEFAULT,
            expected=ExpectedReads(files=names, directories=names, listings=names),
        )

        assert isinstance(head, Head)
        assert [request.path for request in place.forge.requests] == ["/api/graphql"]
