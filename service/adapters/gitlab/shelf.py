"""One commit's objects, as GitLab hands them out.

https://docs.gitlab.com/api/repositories/
https://docs.gitlab.com/api/rest/#keyset-based-pagination
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import parse_qs, urlsplit

from gitlab import Gitlab
from gitlab.v4.objects import Project
from pydantic import BaseModel, ConfigDict
from requests import Response

from service.adapters.forge_api.failing import UnprovenAnswerError
from service.adapters.forge_api.keeping import Immutables
from service.adapters.forge_api.objects import (
    Listed,
    Listing,
    proved_listing,
    tree_id,
)
from service.adapters.forge_api.reading import read
from service.adapters.forge_api.walking import Kept, root_of
from service.adapters.forge_api.wire import TooLargeError
from service.adapters.gitlab.line import GitLabLine
from service.domain.definition import Entry
from service.domain.repository import BlobId, CommitSha
from service.errors import RemoteRefusedError, TransientError

__all__ = ["GitLabShelf"]

PER_PAGE: Final = 100
"""The most that GitLab gives: https://docs.gitlab.com/api/rest/#pagination."""
MAX_PAGES: Final = 100
"""Of one directory; plain git brings a larger one at once."""
_SUBSTITUTE: Final = "\N{REPLACEMENT CHARACTER}"


class GitLabEntry(BaseModel):
    """https://docs.gitlab.com/api/repositories/#list-all-repository-trees-in-a-project."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    name: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a directory."""

    entries: Sequence[object]
    next: str
    """What to ask for the next part with; empty at the end."""


class GitLabShelf:
    """Implements `Shelf`.

    Args:
        line: To the project's host.
        number: The project's.
        commit: Whose objects are handed out.
        url: What the repository is called in messages.
    """

    def __init__(
        self, *, line: GitLabLine, number: int, commit: CommitSha, url: str
    ) -> None:
        self._line = line
        self._number = number
        self._commit = commit
        self._url = url

    async def root(self, *, kept: Immutables[Kept], owner: tuple[str, int]) -> BlobId:
        """Return the id of the commit's root directory, which GitLab does not tell.

        It is worked out from what the directory holds, and that is kept.

        Raises:
            RemoteRefusedError: The project has no such commit, or not for us.
            UnprovenAnswerError: A name is not UTF-8, and the API does not give it.
            TransientError: GitLab does not answer now.
        """

        async def ask() -> BlobId:
            rows = await self._rows("")
            oid = _id(rows, like=BlobId(self._commit))
            kept.keep((owner, oid), proved_listing(rows, oid=None))
            return oid

        return await root_of(self._commit, owner=owner, kept=kept, ask=ask)

    async def listing(self, path: str, oid: BlobId) -> Listing:
        return proved_listing(await self._rows(path), oid=oid)

    async def blob(self, oid: BlobId, *, limit: int) -> bytes | None:
        def work(gl: Gitlab) -> bytes:
            return bytes(_project(gl, self._number).repository_raw_blob(oid))

        try:
            return await self._line.ask(f"read a file of {self._url}", work, most=limit)
        except TooLargeError:
            return None

    async def _rows(self, path: str) -> Sequence[Listed]:
        doing = f"list a directory of {self._url} at {self._commit[:12]}"
        rows: list[Listed] = []
        token = ""
        for _ in range(MAX_PAGES):
            page = await self._line.find(doing, partial(self._page, path, token))
            if page is None:
                raise RemoteRefusedError(
                    f"cannot {doing}: it is not there, or not for us"
                )
            entries = (read(GitLabEntry, it, doing=doing) for it in page.entries)
            rows += (Listed(name=it.name, mode=it.mode, oid=it.id) for it in entries)
            if not page.next:
                return rows
            token = page.next
        raise UnprovenAnswerError(f"cannot {doing}: it has over {len(rows)} entries")

    def _page(self, path: str, token: str, gl: Gitlab) -> Page:
        """Ask for one page; of the link to the next, nothing but its token is used."""
        asked = {
            "path": path,
            "ref": self._commit,
            "pagination": "keyset",
            "per_page": PER_PAGE,
            "page_token": token,
        }
        answer = gl.http_request(
            "get",
            f"/projects/{self._number}/repository/tree",
            query_data={name: it for name, it in asked.items() if it},
        )
        link = answer.links.get("next", {}).get("url", "")
        return Page(
            entries=_json(answer),
            next="".join(parse_qs(urlsplit(link).query).get("page_token", ())),
        )


def _json(answer: Response) -> Sequence[object]:
    try:
        said = answer.json()
    except ValueError as exc:
        raise TransientError("GitLab's answer is not readable") from exc
    return said if isinstance(said, list) else (said,)


def _project(gl: Gitlab, number: int) -> Project:
    return gl.projects.get(number, lazy=True)


def _id(rows: Sequence[Listed], *, like: BlobId) -> BlobId:
    """Work out the id of a directory.

    Raises:
        UnprovenAnswerError: Something in it is not what git writes.
    """
    if any(_SUBSTITUTE in it.name for it in rows):
        raise UnprovenAnswerError("a name is not UTF-8, and the API does not give it")
    entries = {it.name: Entry(mode=it.mode, oid=BlobId(it.oid)) for it in rows}
    try:
        return tree_id(entries, like=like)
    except ValueError as exc:
        raise UnprovenAnswerError(
            f"a directory holds what git never wrote: {exc}"
        ) from exc
