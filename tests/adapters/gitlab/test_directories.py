"""Several directories in one request, as far as their ids prove them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service.adapters.forge_api.graphql.endpoint import GraphQlAnswer
from service.adapters.gitlab.directories import MAX_DIRECTORIES, GitLabDirectories
from service.domain.repository import BlobId, CommitSha
from tests.support.forge.gitlab_complexity import complexity
from tests.support.forge.gitlab_graphql import ANONYMOUS_POINTS
from tests.support.repos import Submodule
from tests.support.ways import MetByApi, met

COMMIT = CommitSha("c" * 40)
ID = BlobId("d" * 40)


@dataclass
class Scripted:
    """Implements the port `GraphQl`; answers what it was given."""

    data: Mapping[str, Any] = field(default_factory=dict)
    is_partial: bool = False
    query: str = ""
    variables: Mapping[str, object] = field(default_factory=dict)

    async def ask(
        self, query: str, variables: Mapping[str, object], *, operation: str
    ) -> GraphQlAnswer | None:
        del operation
        self.query, self.variables = query, variables
        return GraphQlAnswer(data=self.data, is_partial=self.is_partial)


def directories_of(graphql: Scripted) -> GitLabDirectories:
    return GitLabDirectories(graphql=graphql, number=7, commit=COMMIT, url="u")


async def test_as_many_are_asked_for_as_a_query_may_have() -> None:
    graphql = Scripted()

    await directories_of(graphql).read({f"d{number}": ID for number in range(100)})

    asked = [name for name in graphql.variables if name.startswith("d")]
    assert len(asked) == MAX_DIRECTORIES > 10
    assert complexity(graphql.query, graphql.variables) <= ANONYMOUS_POINTS


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"projects": None},
        {"projects": {"nodes": []}},
        {"projects": {"nodes": [None]}},
        {"projects": {"nodes": [{"repository": None}]}},
        {"projects": {"nodes": [{"repository": {"d0": None}}]}},
        {"projects": {"nodes": [{"repository": {"d0": {"trees": [], "blobs": 1}}}]}},
    ],
    ids=str,
)
async def test_an_answer_of_another_shape_gives_nothing(data: Any) -> None:
    assert await directories_of(Scripted(data)).read({"a": ID}) == {}


async def test_what_a_path_of_no_unicode_names_is_not_asked_for() -> None:
    graphql = Scripted()

    assert await directories_of(graphql).read({"\udcff": ID}) == {}
    assert graphql.query == ""


async def test_a_large_tree_takes_few_requests_and_what_is_cut_is_read_by_rest(
    tmp_path: Path,
) -> None:
    """GitLab gives a hundred files of a directory, and no submodules here."""
    async with met(tmp_path, "gitlab") as repo:
        assert isinstance(repo, MetByApi)
        files = {f"p{n}/q/m{k}.py": "" for n in range(12) for k in range(12)}
        long = {f"long/m{number}.py": f"{number}" for number in range(120)}
        commit = repo.commit({**files, **long, "with/module": Submodule("5" * 40)})

        async with repo.remote.tree(repo.hosted.repository, commit) as tree:
            found = await tree.listing("", limit=100)

        assert found is not None
        assert {"long", "with", "p0", "p11"} <= set(found)
        # The root, all below it (too much), its directories, those below them; two
        # pages and the directory with a submodule.
        assert len(repo.forge.requests) == 7
        assert repo.git_instead.asked == []


IN_TURN = {4: "x", 9: "y", 99: "x", 104: "y", 109: "x"}
"""Of 120 files those that have a twin. A page that ends with one begins the next one
behind the first of both, and two pages lead to each other."""


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["" for _ in range(120)], id="all alike"),
        pytest.param([IN_TURN.get(n, f"{n}") for n in range(120)], id="in turn"),
    ],
)
async def test_pages_that_begin_at_the_same_object_again_are_left_to_git(
    tmp_path: Path, texts: Sequence[str]
) -> None:
    """A page's token is an object's id, as it was in older GitLabs."""
    async with met(tmp_path, "gitlab") as repo:
        assert isinstance(repo, MetByApi)
        commit = repo.commit(
            {f"long/m{number:03}.py": text for number, text in enumerate(texts)}
        )

        async with repo.remote.tree(repo.hosted.repository, commit) as tree:
            found = await tree.listing("long", limit=100)

        assert found is not None
        assert len(found) == 120
        assert len(repo.forge.requests) < 8
