"""What the answer to a query for a head proves, and what it does not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from service.adapters.forge_api.api_tree import Kept, size_of
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.graphql.endpoint import GraphQlAnswer
from service.adapters.github.head_lookup import GitHubHeadLookup
from service.domain.repository import Repository
from service.domain.source import Revision
from service.ports.remote import ExpectedReads
from service.settings import ForgeSettings
from tests.support.apis import forges_of
from tests.support.forge import a_forge

REPOSITORY = Repository.from_url("https://github.com/owner/name", number=7)
COMMIT = {"__typename": "Commit", "oid": "a" * 40}
FOUND: dict[str, Any] = {
    "databaseId": 7,
    "nameWithOwner": "owner/name",
    "isPrivate": False,
    "visibility": "PUBLIC",
}
EXPECTED = ExpectedReads(files=("requirements.txt",))


class Scripted:
    """Implements the port `GraphQl`; answers what it was given."""

    def __init__(self, found: Mapping[str, Any], *, is_partial: bool = False) -> None:
        self._answer = GraphQlAnswer(data={"repository": found}, is_partial=is_partial)

    async def ask(
        self, query: str, variables: Mapping[str, object], *, operation: str
    ) -> GraphQlAnswer | None:
        del query, variables, operation
        return self._answer


def a_lookup(graphql: Scripted) -> tuple[GitHubHeadLookup, ImmutableCache[Kept]]:
    kept = ImmutableCache[Kept](most=1_000_000, size=size_of)
    return GitHubHeadLookup(graphql=graphql, kept=kept, host="github.com"), kept


async def test_a_branch_that_failed_is_not_replaced_by_the_tag_of_its_name() -> None:
    found = {**FOUND, "r0": None, "r1": {"name": "v1", "target": COMMIT}}
    sure, _ = a_lookup(Scripted(found))
    unsure, _ = a_lookup(Scripted(found, is_partial=True))
    revision = Revision.from_text("v1")

    head = await sure.find(REPOSITORY, revision, EXPECTED)

    assert head is not None
    assert head.ref == "refs/tags/v1"
    assert await unsure.find(REPOSITORY, revision, EXPECTED) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"databaseId": 8},
        {"databaseId": None},
        {"isPrivate": None},
        {"r0": {"name": "main", "target": None}},
        {"r0": {"name": "main", "target": {**COMMIT, "oid": "main"}}},
        {"r0": {"name": "main", "target": {"__typename": "Blob", "oid": "a" * 40}}},
        {"r0": {"name": 7, "target": COMMIT}},
        {"r0": {"name": "a\0b", "target": COMMIT}},
        {"r0": {"name": "half of a character \ud800", "target": COMMIT}},
        {"r0": [COMMIT]},
    ],
    ids=str,
)
async def test_an_answer_that_is_not_as_expected_is_left_to_rest(
    changes: Mapping[str, Any],
) -> None:
    found = {**FOUND, "r0": {"name": "main", "target": COMMIT}, **changes}
    lookup, _ = a_lookup(Scripted(found))

    assert await lookup.find(REPOSITORY, Revision.from_text(None), EXPECTED) is None


async def test_nothing_is_kept_under_an_id_that_it_does_not_have() -> None:
    blob = {"__typename": "Blob", "oid": "b" * 40, "text": "six\n"}
    entries = [{"name": "requirements.txt", "mode": 33188, "oid": "b" * 40}]
    commit = {
        **COMMIT,
        "tree": {"oid": "c" * 40, "entries": entries},
        "p0": {"object": blob},
        "p1": {"object": {"oid": "d" * 40, "entries": [None, {"mode": "x"}]}},
        "p2": {"object": {"oid": None, "text": "six\n"}},
        "p3": {"object": 7},
    }
    found = {**FOUND, "r0": {"name": "main", "target": commit}}
    lookup, kept = a_lookup(Scripted(found))

    head = await lookup.find(REPOSITORY, Revision.from_text(None), EXPECTED)

    assert head is not None
    assert len(kept) == 0


async def test_nobody_without_a_token_is_asked_to_sign_in(tmp_path: Path) -> None:
    async with a_forge(tmp_path, vendor="github") as forge:
        repo = forge.create("owner/name", files={"requirements.txt": "six\n"})
        kinds = ForgeSettings.model_validate({"kinds": {forge.host: "github"}}).kinds
        async with forges_of(forge, tokens="", kinds=kinds) as forges:
            remote = forges.remote(forge.host)
            assert remote is not None

            await remote.head(
                repo.repository, Revision.from_text(None), expected=EXPECTED
            )

        assert not any("graphql" in request.path for request in forge.requests)
