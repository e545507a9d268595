"""Write the GraphQL query for a head with what will be read of it.

https://docs.gitlab.com/api/graphql/reference/#repository. The ref is read twice, before
and after everything else, because each part of the answer resolves it anew: a push in
between shows as a difference, and the answer is not used then.
"""

from dataclasses import dataclass
from typing import Final

from service.adapters.forge_api.graphql.endpoint import is_sendable
from service.domain.repository import Ref, Repository
from service.ports.remote import ExpectedReads

__all__ = ["MAX_DIRECTORIES", "MAX_PATHS", "GitLabHeadQuery", "write_query"]

MAX_PATHS: Final = 25
"""Files in one query, two points of complexity each."""
MAX_DIRECTORIES: Final = 3
"""Directories beside the root, of about 21 points each. With `MAX_PATHS` the query
stays below the 200 points that anonymous requests may have:
https://docs.gitlab.com/api/graphql/#limits."""

_ENTRIES: Final = """fragment Entries on Tree {
trees { nodes { path sha } pageInfo { hasNextPage } }
submodules { nodes { path sha } pageInfo { hasNextPage } }
blobs { nodes { path sha mode } pageInfo { hasNextPage } }
}"""
_BY_NUMBER: Final = "projects(ids: [$project], first: 1) { nodes { ...Head } }"
_BY_PATH: Final = "project(fullPath: $project) { ...Head }"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabHeadQuery:
    """A query with its variables, and what its aliases stand for."""

    text: str
    variables: dict[str, object]
    directories: dict[str, str]
    """By alias, those that are read alone."""
    listings: dict[str, str]
    """By alias, those that are read with everything below."""


def write_query(
    repository: Repository, ref: Ref | None, expected: ExpectedReads
) -> GitLabHeadQuery:
    """Write the query for one ref of a project.

    Args:
        repository: The project, looked up by its number where that is known.
        ref: The ref; None for the default branch.
        expected: What will be read at it.
    """
    is_known = repository.number is not None
    project = f"gid://gitlab/Project/{repository.number}"
    deep = [path for path in expected.listings if is_sendable(path)][:MAX_DIRECTORIES]
    room = MAX_DIRECTORIES - len(deep)
    plain = [path for path in expected.directories if is_sendable(path)][:room]
    directories = {f"d{number}": path for number, path in enumerate(plain)}
    listings = {f"l{number}": path for number, path in enumerate(deep)}
    aliases = {**directories, **listings}
    declared = "".join(f", ${alias}: String" for alias in aliases)
    body = (
        "rootRef",
        "before: tree(ref: $ref) { lastCommit { sha } }",
        "root: tree(ref: $ref) { ...Entries }",
        *(
            f"{name}: tree(ref: $ref, path: ${name}) {{ ...Entries }}"
            for name in directories
        ),
        *(
            f"{name}: tree(ref: $ref, path: ${name}, recursive: true) {{ ...Entries }}"
            for name in listings
        ),
        "blobs(ref: $ref, paths: $paths) { nodes { path oid rawBlob } }",
        "after: tree(ref: $ref) { lastCommit { sha } }",
    )
    return GitLabHeadQuery(
        text="\n".join(
            (
                f"query($project: ID!, $ref: String, $paths: [String!]!{declared}) {{",
                _BY_NUMBER if is_known else _BY_PATH,
                "}",
                "fragment Head on Project { id fullPath visibility repository {",
                *body,
                "} }",
                _ENTRIES,
            )
        ),
        variables={
            "project": project if is_known else repository.path,
            "ref": ref,
            "paths": [path for path in expected.files if is_sendable(path)][:MAX_PATHS],
            **aliases,
        },
        directories=directories,
        listings=listings,
    )
