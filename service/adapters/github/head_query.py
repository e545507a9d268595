"""Write the GraphQL query for a head with what will be read of it.

https://docs.github.com/en/graphql/reference/objects#repository, #commit, #treeentry.
One query gives the repository, the commits of some refs, their root directories, and
files and directories below: everything hangs on one commit, so nothing in the answer
can be of different states of the repository.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.adapters.forge_api.graphql.endpoint import is_sendable
from service.domain.repository import Ref
from service.ports.remote import ExpectedReads

__all__ = ["MAX_PATHS", "PEELS", "GitHubHeadQuery", "write_query"]

MAX_PATHS: Final = 60
"""Paths in one query; each is a look-up there, and a definition has a dozen."""
MAX_LISTINGS: Final = 4
PEELS: Final = 2
"""Nested annotated tags that the query follows; more are left to the REST API."""
DEPTH: Final = 6
"""Levels of directories that a listing includes; deeper ones are read one by one."""
DEPTH_OF_LARGE: Final = 2
"""Levels that show that a directory holds too many to list; all are a large answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubHeadQuery:
    """A query with its variables, and where to find what in the answer."""

    text: str
    variables: dict[str, str]
    refs: Sequence[str]
    """The aliases of the refs, by preference."""


def write_query(
    owner: str, name: str, refs: Sequence[Ref], expected: ExpectedReads
) -> GitHubHeadQuery:
    """Write the query for some refs of a repository.

    Args:
        owner: The first part of the repository's path.
        name: The second part.
        refs: The refs, by preference; none for the default branch.
        expected: What will be read at the first of them that exists.
    """
    deep = expected.listings[:MAX_LISTINGS]
    paths = [*expected.files, *expected.directories, *filter(None, deep)]
    # Cut at the end: files of the last closure come first, and what does not fit is
    # read one by one.
    paths = [path for path in dict.fromkeys(paths) if is_sendable(path)][:MAX_PATHS]
    variables = {"owner": owner, "name": name}
    variables |= {f"p{number}": path for number, path in enumerate(paths)}
    variables |= {f"r{number}": ref for number, ref in enumerate(refs)}
    targets = [
        f"r{number}: ref(qualifiedName: $r{number}) {{ name target {{ ...Target }} }}"
        for number, _ in enumerate(refs)
    ] or ["r0: defaultBranchRef { name target { ...Target } }"]
    files = [
        f"p{number}: file(path: $p{number}) {{ object {{ ..."
        f"{'Deep' if path in deep else 'Object'} }} }}"
        for number, path in enumerate(paths)
    ]
    # Paths and names are variables and never part of the query's text: they come from
    # strangers.
    declared = ", ".join(f"${variable}: String!" for variable in variables)
    return GitHubHeadQuery(
        text="\n".join(
            (
                f"query({declared}) {{ repository(owner: $owner, name: $name) {{",
                "databaseId nameWithOwner isPrivate visibility",
                *targets,
                "} }",
                _TARGET,
                "fragment Commit on Commit {",
                f"tree {{ {_nested(_depth_of_root(expected, deep))} }}",
                *files,
                "}",
                "fragment Object on GitObject { __typename oid",
                "... on Blob { isBinary isTruncated text }",
                f"... on Tree {{ {_nested(0)} }} }}" if files else "}",
                *(_DEEP if any(deep) else ()),
            )
        ),
        variables=variables,
        refs=[f"r{number}" for number, _ in enumerate(targets)],
    )


def _depth_of_root(expected: ExpectedReads, deep: Sequence[str]) -> int:
    if "" in deep:
        return DEPTH
    return DEPTH_OF_LARGE if "" in expected.large else 0


def _nested(depth: int) -> str:
    """Write the fields of a directory and of the directories below it."""
    below = f"object {{ ... on Tree {{ {_nested(depth - 1)} }} }}" if depth else ""
    return f"oid entries {{ name mode oid {below} }}"


def _peeled(peels: int) -> str:
    below = f"... on Tag {{ target {{ {_peeled(peels - 1)} }} }}" if peels else ""
    return f"__typename oid ... on Commit {{ ...Commit }} {below}"


_TARGET: Final = f"fragment Target on GitObject {{ {_peeled(PEELS)} }}"
_DEEP: Final = (
    "fragment Deep on GitObject { __typename oid",
    f"... on Tree {{ {_nested(DEPTH)} }} }}",
)
