"""GitLab's GraphQL, as far as it is served here.

https://docs.gitlab.com/api/graphql/. Public projects are shown to everybody; what is
not found, or not allowed, is null without an error. Queries have a complexity, of at
most 200 points without a token: https://docs.gitlab.com/api/graphql/#limits.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from graphql import GraphQLSchema, build_schema, graphql_sync

from tests.support.forge import reading
from tests.support.forge.access import CALLER, Caller
from tests.support.forge.answers import ApiError, json_of
from tests.support.forge.door import GRAPHQL
from tests.support.forge.gitlab_complexity import complexity
from tests.support.forge.graphql_schemas import GITLAB
from tests.support.forge.reading import Entry
from tests.support.forge.repositories import HostedRepo
from tests.support.repos import Repo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

ANONYMOUS_POINTS: Final = 200
POINTS: Final = 250
"""https://docs.gitlab.com/api/graphql/#limits"""
PAGE: Final = 100
_ID: Final = "gid://gitlab/Project/"


def add_routes(router: web.UrlDispatcher, forge: "Forge") -> None:
    router.add_route("POST", GRAPHQL, ProjectQueries(forge).answer)


class ProjectQueries:
    """Answers queries out of the bare repositories."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge
        self._schema: GraphQLSchema = build_schema(GITLAB)

    async def answer(self, request: web.Request) -> web.Response:
        if not self._forge.has_graphql:
            raise ApiError(404, "404 Not Found")
        caller = request[CALLER]
        asked = await json_of(request)
        query, variables = str(asked.get("query", "")), asked.get("variables") or {}
        points = complexity(query, variables)
        most = POINTS if caller.is_known else ANONYMOUS_POINTS
        if points > most:
            text = f"Query has complexity of {points}, which exceeds max complexity of"
            return web.json_response({"errors": [{"message": f"{text} {most}"}]})
        result = graphql_sync(
            self._schema,
            query,
            {
                "project": lambda _, **named: self._named(caller, named["fullPath"]),
                "projects": lambda _, **named: self._listed(caller, **named),
            },
            variable_values=variables,
        )
        said: dict[str, Any] = {}
        if result.data is not None:
            said["data"] = result.data
        if result.errors:
            said["errors"] = [dict(error.formatted) for error in result.errors]
        return web.json_response(said)

    def _named(self, caller: Caller, path: str) -> dict[str, Any] | None:
        """Find a project by its present path alone: no redirect is followed."""
        return self._project(caller, self._forge.repositories.named(path))

    def _listed(
        self, caller: Caller, *, ids: Sequence[str] = (), first: int = PAGE
    ) -> dict[str, Any]:
        numbers = [int(text.removeprefix(_ID)) for text in ids]
        found = [
            self._project(caller, self._forge.repositories.numbered(number))
            for number in numbers
        ]
        return _page([project for project in found if project], first)

    def _project(
        self, caller: Caller, repo: HostedRepo | None
    ) -> dict[str, Any] | None:
        if repo is None or not caller.may_read(repo):
            return None
        may_read_code = repo.code_for == "enabled" or caller.is_owner
        return {
            "id": f"{_ID}{repo.number}",
            "fullPath": repo.path,
            "visibility": repo.visibility,
            "archived": repo.is_archived,
            "repository": self._code(repo) if may_read_code else None,
        }

    def _code(self, repo: HostedRepo) -> dict[str, Any]:
        code = Code(repo.served)
        return {
            "rootRef": None if repo.is_empty else reading.default_branch(repo.served),
            "empty": repo.is_empty,
            "exists": True,
            "tree": lambda _, **named: code.tree(**named),
            "blobs": lambda _, **named: code.blobs(**named),
        }


@dataclass(frozen=True)
class Code:
    """What a repository holds."""

    repo: Repo

    def _commit(self, ref: str | None) -> str | None:
        found = reading.find(self.repo, f"{ref or 'HEAD'}^{{commit}}")
        return found[0] if found else None

    def tree(
        self, *, ref: str | None = None, path: str = "", recursive: bool = False
    ) -> dict[str, Any] | None:
        """Show a directory; of a ref that is not there, one without entries.

        `lastCommit` of the root is the commit itself, also when it is a merge.
        """
        commit = self._commit(ref)
        folder = path.strip("/")
        about = reading.find(self.repo, f"{commit}:{folder}") if commit else None
        entries: Sequence[Entry] = ()
        if about is not None and about[1] == "tree":
            entries = reading.entries(self.repo, about[0], is_deep=recursive)
        last = commit
        if commit and folder:
            last = reading.last_change(self.repo, commit, folder)
        shown = {"id": last, "sha": last, "shortId": last[:8]} if last else None
        named = {
            kind: [_entry(entry, folder) for entry in entries if entry.kind == kind]
            for kind in ("tree", "commit", "blob")
        }
        return {
            "lastCommit": shown,
            "trees": lambda _, **page: _page(named["tree"], **page),
            "submodules": lambda _, **page: _page(named["commit"], **page),
            "blobs": lambda _, **page: _page(named["blob"], **page),
        }

    def blobs(
        self, *, paths: Sequence[str], ref: str | None = None, **page: Any
    ) -> dict[str, Any]:
        """Show files, in no promised order; what is no file is left out."""
        commit = self._commit(ref)
        found = []
        for path in dict.fromkeys(paths):
            entry = reading.entry_at(self.repo, commit, path) if commit else None
            if entry is not None and entry.kind == "blob":
                found.append(self._blob(entry, path))
        return _page(found[::-1], **page)

    def _blob(self, entry: Entry, path: str) -> dict[str, Any]:
        """Content is recoded: gitlab-org/gitlab, lib/gitlab/encoding_helper.rb."""
        content = reading.content(self.repo, entry.sha)
        is_binary = b"\0" in content[:8000]
        return {
            "id": f"gid://gitlab/Gitlab::Git::Blob/{entry.sha}",
            "oid": entry.sha,
            "path": path,
            "name": path.rpartition("/")[2],
            "mode": entry.mode,
            "size": len(content),
            "rawSize": len(content),
            "rawBlob": content.decode("utf-8", "replace"),
            "rawTextBlob": None if is_binary else content.decode("utf-8", "replace"),
            "storedExternally": False,
        }


def _entry(entry: Entry, folder: str) -> dict[str, Any]:
    path = f"{folder}/{entry.path}" if folder else entry.path
    return {
        "id": f"gid://gitlab/Gitlab::Graphql::Representation::TreeEntry/{entry.sha}",
        "sha": entry.sha,
        "name": entry.path.rpartition("/")[2],
        "type": entry.kind,
        "path": path,
        "flatPath": path,
        "mode": entry.mode,
    }


def _page(items: Sequence[Any], first: int = PAGE, after: str = "") -> dict[str, Any]:
    start = int(base64.b64decode(after)) if after else 0
    end = start + min(first, PAGE)
    return {
        "nodes": items[start:end],
        "pageInfo": {
            "hasNextPage": end < len(items),
            "endCursor": base64.b64encode(str(end).encode()).decode(),
        },
    }
