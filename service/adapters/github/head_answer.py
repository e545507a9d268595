"""Read the answer to the query for a head: GitHub's GraphQL.

https://docs.github.com/en/graphql/reference/objects. Whatever is null in it, or not
as expected, is left to the REST API.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from service.adapters.forge_api.graphql.endpoint import GraphQlAnswer
from service.adapters.forge_api.graphql.known_objects import KnownObjects
from service.adapters.forge_api.listings import ListedObject
from service.adapters.forge_api.responses import Number
from service.domain.repository import BlobId, CommitSha, is_commit

__all__ = ["RefView", "RepositoryView", "keep_objects", "read_answer"]

_MAX_DEPTH: Final = 10
"""Levels of directories and tags that are read; the query asks for fewer."""


class _GitHubView(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RefView(_GitHubView):
    """https://docs.github.com/en/graphql/reference/objects#ref."""

    name: str
    """Without its namespace."""
    target: dict[str, Any] | None = None

    def commit(self) -> Mapping[str, Any] | None:
        """Return the commit that it points to, through annotated tags.

        None when it points to none, or further than the query went.
        """
        target = self.target
        for _ in range(_MAX_DEPTH):
            if not isinstance(target, dict):
                return None
            if target.get("__typename") == "Commit":
                oid = target.get("oid")
                return target if isinstance(oid, str) and is_commit(oid) else None
            target = target.get("target")
        return None


class RepositoryView(_GitHubView):
    """https://docs.github.com/en/graphql/reference/objects#repository."""

    database_id: Number
    name_with_owner: str
    is_private: bool
    visibility: str
    """`PUBLIC`, `PRIVATE`, or `INTERNAL` to the members of an enterprise."""
    refs: tuple[RefView | None, ...]
    is_partial: bool
    """Whether a null may be a failure instead of an absence."""

    @property
    def is_restricted(self) -> bool:
        """Return whether not everybody may read it."""
        return self.is_private or self.visibility != "PUBLIC"


def read_answer(reply: GraphQlAnswer, aliases: Sequence[str]) -> RepositoryView | None:
    """Read an answer; None when it does not show the repository.

    Args:
        reply: The answer.
        aliases: The aliases of the refs.
    """
    found = reply.data.get("repository")
    if not isinstance(found, dict):
        return None
    try:
        return RepositoryView.model_validate(
            {
                "database_id": found.get("databaseId"),
                "name_with_owner": found.get("nameWithOwner"),
                "is_private": found.get("isPrivate"),
                "visibility": found.get("visibility"),
                "refs": [found.get(alias) for alias in aliases],
                "is_partial": reply.is_partial,
            }
        )
    except ValidationError:
        return None


def keep_objects(commit: Mapping[str, Any], objects: KnownObjects) -> None:
    """Keep what came with a commit, as far as it proves to be what it is said to be."""
    root = commit.get("tree")
    # The commit is bound to its root only when the root proves to have its id.
    if isinstance(root, dict) and _keep_directory(root, objects, depth=0):
        objects.keep_root(CommitSha(commit["oid"]), BlobId(root["oid"]))
    for entry in commit.values():
        found = entry.get("object") if isinstance(entry, dict) else None
        if not isinstance(found, dict):
            continue
        if "entries" in found:
            _keep_directory(found, objects, depth=0)
        elif isinstance(found.get("text"), str) and is_commit(str(found.get("oid"))):
            # A truncated text does not have the id, and neither has one of which
            # GitHub replaced bytes that are not UTF-8.
            objects.keep_file(BlobId(found["oid"]), found["text"])


def _keep_directory(
    found: Mapping[str, Any], objects: KnownObjects, *, depth: int
) -> bool:
    entries, oid = found.get("entries"), found.get("oid")
    if not isinstance(entries, list) or not is_commit(str(oid)) or depth > _MAX_DEPTH:
        return False
    for entry in entries:
        below = entry.get("object") if isinstance(entry, dict) else None
        if isinstance(below, dict) and "entries" in below:
            _keep_directory(below, objects, depth=depth + 1)
    return objects.keep_listing(BlobId(str(oid)), _rows(entries))


def _rows(entries: Iterable[object]) -> Iterable[ListedObject]:
    """Yield the rows of a directory; what is no entry makes the id differ."""
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        name, mode, oid = entry.get("name"), entry.get("mode"), entry.get("oid")
        if isinstance(name, str) and isinstance(mode, int) and isinstance(oid, str):
            # A number, where git writes octal digits: 33188 is 100644.
            yield ListedObject(name=name, mode=f"{mode:06o}", oid=oid)
