"""GitHub's GraphQL, as far as it is served here.

https://docs.github.com/en/graphql. Nobody without a token is answered; what is not
found, or not allowed, is an error beside null in an answer of status 200:
https://docs.github.com/en/graphql/guides/using-graphql-clients
"""

import base64
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from graphql import GraphQLSchema, build_schema, graphql_sync

from tests.support.forge import reading
from tests.support.forge.access import CALLER
from tests.support.forge.answers import ApiError, json_of
from tests.support.forge.door import GRAPHQL
from tests.support.forge.graphql_schemas import GITHUB
from tests.support.forge.repositories import HostedRepo
from tests.support.repos import Repo

if TYPE_CHECKING:
    from tests.support.forge.server import Forge

_NAMES: Final = {"commit": "Commit", "tag": "Tag", "tree": "Tree", "blob": "Blob"}


def add_routes(router: web.UrlDispatcher, forge: "Forge") -> None:
    router.add_route("POST", GRAPHQL, RepositoryQueries(forge).answer)


class RepositoryQueries:
    """Answers queries out of the bare repositories."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge
        self._schema: GraphQLSchema = build_schema(GITHUB)

    async def answer(self, request: web.Request) -> web.Response:
        if not self._forge.has_graphql:
            raise ApiError(404, "Not Found")
        caller = request[CALLER]
        if not caller.is_known:
            raise ApiError(401, "This endpoint requires you to be authenticated.")
        asked = await json_of(request)
        result = graphql_sync(
            self._schema,
            str(asked.get("query", "")),
            {"repository": lambda _, **names: self._repository(request, **names)},
            variable_values=asked.get("variables") or {},
            type_resolver=lambda found, *_: str(found["__typename"]),
        )
        said: dict[str, Any] = {}
        if result.data is not None:
            said["data"] = result.data
        if result.errors:
            said["errors"] = [dict(error.formatted) for error in result.errors]
        return web.json_response(said)

    def _repository(
        self, request: web.Request, *, owner: str, name: str, **options: bool
    ) -> dict[str, Any]:
        path = f"{owner}/{name}"
        repo = self._forge.repositories.named(path)
        if repo is None and options["followRenames"]:
            repo = self._forge.repositories.formerly(path)
        if repo is None or not request[CALLER].may_read(repo):
            raise ValueError(
                f"Could not resolve to a Repository with the name '{path}'."
            )
        default = f"refs/heads/{reading.default_branch(repo.served)}"
        return {
            "databaseId": repo.number,
            "nameWithOwner": repo.path,
            "isPrivate": repo.visibility != "public",
            "isArchived": repo.is_archived,
            "visibility": repo.visibility.upper(),
            "defaultBranchRef": self._ref(repo, default),
            "ref": lambda _, **named: self._ref(repo, named["qualifiedName"]),
            "object": lambda _, expression=None, oid=None: self._object(
                repo.served, oid or expression or ""
            ),
        }

    def _ref(self, repo: HostedRepo, name: str) -> dict[str, Any] | None:
        sha = reading.refs(repo.served).get(name)
        if sha is None:
            return None
        prefix = "/".join(name.split("/")[:2]) + "/"
        return {
            "name": name.removeprefix(prefix),
            "prefix": prefix,
            "target": self._object(repo.served, sha),
        }

    def _object(self, repo: Repo, expression: str) -> dict[str, Any] | None:
        about = reading.find(repo, expression)
        return self._shown(repo, *about) if about else None

    def _shown(self, repo: Repo, oid: str, kind: str, size: int) -> dict[str, Any]:
        said: dict[str, Any] = {
            "__typename": _NAMES[kind],
            "oid": oid,
            "abbreviatedOid": oid[:7],
        }
        fields: dict[str, Any] = getattr(self, f"_{kind}")(repo, oid, size)
        return said | fields

    def _commit(self, repo: Repo, oid: str, size: int) -> dict[str, Any]:
        del size
        return {
            "message": lambda _: reading.one(repo, oid).message,
            "tree": lambda _: self._object(repo, f"{oid}^{{tree}}"),
            "file": lambda _, path: self._file(repo, oid, path),
        }

    def _tag(self, repo: Repo, oid: str, size: int) -> dict[str, Any]:
        del size
        head = reading.content(repo, oid).decode("utf-8", "replace").splitlines()
        lines = dict(line.partition(" ")[::2] for line in head[:4])
        return {
            "name": lines["tag"],
            "target": lambda _: self._object(repo, lines["object"]),
        }

    def _tree(self, repo: Repo, oid: str, size: int) -> dict[str, Any]:
        del size
        return {
            "entries": lambda _: [
                self._entry(repo, entry) for entry in reading.entries(repo, oid)
            ]
        }

    def _blob(self, repo: Repo, oid: str, size: int) -> dict[str, Any]:
        """Text is cut, and recoded to UTF-8; binary files have none."""
        cap = self._forge.text_cap

        def is_binary(_: object) -> bool:
            return b"\0" in reading.content(repo, oid)[:8000]

        def text(_: object) -> str | None:
            content = reading.content(repo, oid)
            is_text = b"\0" not in content[:8000]
            return content[:cap].decode("utf-8", "replace") if is_text else None

        # Read when they are asked for: a listing shows thousands of files.
        return {
            "byteSize": size,
            "isBinary": is_binary,
            "isTruncated": size > cap,
            "text": text,
        }

    def _file(self, repo: Repo, commit: str, path: str) -> dict[str, Any] | None:
        """Links on the way are not followed."""
        entry = reading.entry_at(repo, commit, path) if path else None
        return self._entry(repo, entry) if entry else None

    def _entry(self, repo: Repo, entry: reading.Entry) -> dict[str, Any]:
        return {
            "name": entry.path,
            "nameRaw": base64.b64encode(entry.path.encode()).decode(),
            "path": entry.path,
            "mode": int(entry.mode, 8),
            "type": entry.kind,
            "oid": entry.sha,
            "size": entry.size or 0,
            "object": lambda _: (
                None
                if entry.kind == "commit"
                else self._shown(repo, entry.sha, entry.kind, entry.size or 0)
            ),
        }
