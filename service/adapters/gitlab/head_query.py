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

__all__ = [
    "ENTRIES",
    "MAX_LISTINGS",
    "MAX_PATHS",
    "MAX_POINTS",
    "POINTS_OF_DIRECTORY",
    "GitLabHeadQuery",
    "global_id",
    "write_query",
]

MAX_PATHS: Final = 25
"""Files in one query."""
MAX_LISTINGS: Final = 3
"""Directories that are read with everything below: of that GitLab gives the first
hundred files and directories."""
MAX_POINTS: Final = 200
"""The complexity of queries that GitLab takes from everybody; with a token 50 more:
https://docs.gitlab.com/api/graphql/#limits."""
_POINTS: Final = 52
"""What a query has without files and directories."""
_POINTS_OF_FILE: Final = 2
_POINTS_OF_COUNT: Final = 7
POINTS_OF_DIRECTORY: Final = 11

# The root has no id that could prove its entries. Of other directories the id shows
# whether entries are missing, so nobody asks for further pages, nor for submodules,
# which few have: this is half as complex.
_ROOT: Final = """{
trees { nodes { path sha } pageInfo { hasNextPage } }
submodules { nodes { path sha } pageInfo { hasNextPage } }
blobs { nodes { path sha mode } pageInfo { hasNextPage } }
}"""
# Where the root held too many directories to list, a whole page of them and another one
# shows that it still does.
_COUNT: Final = (
    "large: tree(ref: $ref, recursive: true)"
    " { trees { nodes { sha } pageInfo { hasNextPage } } }"
)
ENTRIES: Final = "{ trees { nodes { path sha } } blobs { nodes { path sha mode } } }"
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


def global_id(number: int) -> str:
    """Return what GraphQL calls the project with this number."""
    return f"gid://gitlab/Project/{number}"


def write_query(
    repository: Repository, ref: Ref | None, expected: ExpectedReads
) -> GitLabHeadQuery:
    """Write the query for one ref of a project.

    Args:
        repository: The project, looked up by its number where that is known.
        ref: The ref; None for the default branch.
        expected: What will be read at it.
    """
    number = repository.number
    files = [path for path in expected.files if is_sendable(path)][:MAX_PATHS]
    deep = [path for path in expected.listings if is_sendable(path)][:MAX_LISTINGS]
    counts = (_COUNT,) if "" in expected.large else ()
    points = MAX_POINTS - _POINTS - _POINTS_OF_FILE * len(files)
    points -= _POINTS_OF_COUNT * len(counts)
    room = points // POINTS_OF_DIRECTORY - len(deep)
    plain = [path for path in expected.directories if is_sendable(path)][:room]
    directories = {f"d{number}": path for number, path in enumerate(plain)}
    listings = {f"l{number}": path for number, path in enumerate(deep)}
    aliases = {**directories, **listings}
    declared = "".join(f", ${alias}: String" for alias in aliases)
    body = (
        "rootRef",
        "before: tree(ref: $ref) { lastCommit { sha } }",
        f"root: tree(ref: $ref) {_ROOT}",
        *counts,
        *(f"{name}: tree(ref: $ref, path: ${name}) {ENTRIES}" for name in directories),
        *(
            f"{name}: tree(ref: $ref, path: ${name}, recursive: true) {ENTRIES}"
            for name in listings
        ),
        "blobs(ref: $ref, paths: $paths) { nodes { path oid rawBlob } }",
        "after: tree(ref: $ref) { lastCommit { sha } }",
    )
    return GitLabHeadQuery(
        text="\n".join(
            (
                f"query($project: ID!, $ref: String, $paths: [String!]!{declared}) {{",
                _BY_NUMBER if number else _BY_PATH,
                "}",
                "fragment Head on Project { id fullPath visibility repository {",
                *body,
                "} }",
            )
        ),
        variables={
            "project": global_id(number) if number else repository.path,
            "ref": ref,
            "paths": files,
            **aliases,
        },
        directories=directories,
        listings=listings,
    )
