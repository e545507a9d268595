"""Read several directories of one commit in one request, where GitLab's GraphQL does.

https://docs.gitlab.com/api/graphql/reference/#tree
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pydantic import ValidationError

from service.adapters.forge_api.errors import UnprovenAnswerError
from service.adapters.forge_api.graphql.endpoint import GraphQl, is_sendable
from service.adapters.forge_api.listings import TreeListing, verify_listing
from service.adapters.gitlab.head_answer import TreeView, project_of
from service.adapters.gitlab.head_query import (
    ENTRIES,
    MAX_POINTS,
    POINTS_OF_DIRECTORY,
    global_id,
)
from service.domain.repository import BlobId, CommitSha

__all__ = ["GitLabDirectories"]

_POINTS: Final = 8
"""What a query has without directories."""
MAX_DIRECTORIES: Final = (MAX_POINTS - _POINTS) // POINTS_OF_DIRECTORY


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabDirectories:
    """The directories of one commit.

    Args:
        graphql: The endpoint that shows the project.
        number: The id of the project.
        commit: The commit.
        url: The repository, for messages.
    """

    graphql: GraphQl
    number: int
    commit: CommitSha
    url: str

    async def read(self, wanted: Mapping[str, BlobId]) -> Mapping[BlobId, TreeListing]:
        """Return directories by id: those of the first few that prove to be complete.

        Args:
            wanted: Their ids by path.

        Raises:
            TransientError: GitLab did not answer, or not in time.
        """
        sendable = (item for item in wanted.items() if is_sendable(item[0]))
        few = dict(islice(sendable, MAX_DIRECTORIES))
        aliases = {f"d{number}": path for number, path in enumerate(few)}
        if not aliases:
            return {}
        reply = await self.graphql.ask(
            _write(aliases),
            {"project": global_id(self.number), "ref": self.commit, **aliases},
            operation=f"list directories of {self.url} at {self.commit[:12]}",
        )
        project = project_of(reply) if reply else None
        code = project.get("repository") if project else None
        if not isinstance(code, dict):
            return {}
        found = {}
        for alias, path in aliases.items():
            listing = _proven(code.get(alias), path, few[path])
            if listing is not None:
                found[few[path]] = listing
        return found


def _write(aliases: Mapping[str, str]) -> str:
    declared = "".join(f", ${alias}: String" for alias in aliases)
    trees = (f"{name}: tree(ref: $ref, path: ${name}) {ENTRIES}" for name in aliases)
    return "\n".join(
        (
            f"query($project: ID!, $ref: String{declared}) {{",
            "projects(ids: [$project], first: 1) { nodes { repository {",
            *trees,
            "} } } }",
        )
    )


def _proven(answer: object, path: str, oid: BlobId) -> TreeListing | None:
    """Return a directory whose entries have its id; None for any other answer."""
    try:
        rows = TreeView.model_validate(answer).rows().get(path, ())
        return verify_listing(rows, oid=oid)
    except (ValidationError, UnprovenAnswerError):
        return None
