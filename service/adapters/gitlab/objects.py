"""Read the objects of one commit from GitLab's API.

https://docs.gitlab.com/api/repositories/
https://docs.gitlab.com/api/rest/#keyset-based-pagination
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import parse_qs, urlsplit

from gitlab import Gitlab
from gitlab.v4.objects import Project
from pydantic import BaseModel, ConfigDict
from requests import Response

from service.adapters.forge_api.api_tree import Kept, load_root
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.errors import TooLargeError, UnprovenAnswerError
from service.adapters.forge_api.listings import (
    ListedObject,
    TreeListing,
    verify_below,
    verify_listing,
)
from service.adapters.forge_api.responses import check_answer, parse_answer
from service.adapters.gitlab.client import GitLabClient
from service.adapters.gitlab.directories import GitLabDirectories
from service.adapters.gitlab.directory_id import compute_directory_id
from service.domain.repository import BlobId, CommitSha
from service.errors import RemoteRefusedError, TransientError

__all__ = ["GitLabObjects"]

PER_PAGE: Final = 100
"""GitLab's maximum: https://docs.gitlab.com/api/rest/#pagination."""
MAX_PAGES: Final = 100
"""Of one directory; plain git reads a larger one at once."""


class GitLabEntry(BaseModel):
    """https://docs.gitlab.com/api/repositories/#list-all-repository-trees-in-a-project."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    name: str
    path: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPage:
    """One page of a directory."""

    entries: Sequence[object]
    next: str
    """The token of the next page; empty at the end."""


class GitLabObjects:
    """Implement `ObjectSource` for one commit.

    Args:
        client: The client of the project's host.
        directories: Reads several directories at once.
        number: The id of the project.
        commit: The commit.
        url: The repository, for messages.
    """

    def __init__(
        self,
        *,
        client: GitLabClient,
        directories: GitLabDirectories,
        number: int,
        commit: CommitSha,
        url: str,
    ) -> None:
        self._client = client
        self._directories = directories
        self._number = number
        self._commit = commit
        self._url = url

    async def root(
        self, *, kept: ImmutableCache[Kept], owner: tuple[str, int]
    ) -> BlobId:
        """Return the id of the commit's root directory.

        GitLab's API does not give it: it is computed from the entries.

        Raises:
            RemoteRefusedError: The project has no such commit, or we may not read it.
            UnprovenAnswerError: A name is not UTF-8, so the API does not return it.
            TransientError: GitLab does not answer now.
        """

        async def ask() -> BlobId:
            rows = await self._rows("")
            oid = compute_directory_id(rows, like=BlobId(self._commit))
            # The id was computed from these very rows, so they need no further proof.
            kept.keep((owner, oid), verify_listing(rows, oid=None))
            return oid

        return await load_root(self._commit, owner=owner, kept=kept, ask=ask)

    async def listing(self, path: str, oid: BlobId) -> TreeListing:
        return verify_listing(await self._rows(path), oid=oid)

    async def listings(
        self, wanted: Mapping[str, BlobId]
    ) -> Mapping[BlobId, TreeListing]:
        return await self._directories.read(wanted)

    async def below(self, path: str, oid: BlobId) -> Mapping[BlobId, TreeListing]:
        operation = f"list a directory of {self._url} at {self._commit[:12]}"
        page = await self._client.find(
            operation, partial(self._page, path, "", is_deep=True)
        )
        if page is None or page.next:
            return {}
        start = f"{path}/" if path else ""
        entries = (
            parse_answer(GitLabEntry, entry, operation=operation)
            for entry in page.entries
        )
        rows = (
            ListedObject(
                name=entry.path.removeprefix(start), mode=entry.mode, oid=entry.id
            )
            for entry in entries
        )
        return verify_below(rows, oid=oid)

    async def blob(self, oid: BlobId, *, limit: int) -> bytes | None:
        def work(gl: Gitlab) -> bytes:
            return bytes(_project(gl, self._number).repository_raw_blob(oid))

        try:
            return await self._client.run(
                f"read a file of {self._url}", work, max_bytes=limit
            )
        except TooLargeError:
            return None

    async def _rows(self, path: str) -> Sequence[ListedObject]:
        operation = f"list a directory of {self._url} at {self._commit[:12]}"
        rows: list[ListedObject] = []
        token, known = "", set[str]()
        for _ in range(MAX_PAGES):
            page = await self._client.find(operation, partial(self._page, path, token))
            if page is None:
                raise RemoteRefusedError(
                    f"cannot {operation}: it does not exist, or we may not read it"
                )
            entries = (
                parse_answer(GitLabEntry, entry, operation=operation)
                for entry in page.entries
            )
            rows += (
                ListedObject(
                    name=entry.name,
                    mode=entry.mode,
                    oid=entry.id,
                )
                for entry in entries
            )
            if not page.next:
                return rows
            # Older GitLabs go on behind an object's id, which several entries
            # may have: empty files at the end of two pages, and it never ends.
            if page.next in known:
                break
            token = page.next
            known.add(token)
        # No refusal: git reads such a directory in one go, and `FallbackTree` changes
        # over.
        raise UnprovenAnswerError(
            f"cannot {operation}: it has over {len(rows)} entries, or never ends"
        )

    def _page(
        self, path: str, token: str, gl: Gitlab, *, is_deep: bool = False
    ) -> ObjectPage:
        """Request one page of a directory, or of all that is below it."""
        wanted = {
            "path": path,
            "ref": self._commit,
            "recursive": "true" if is_deep else "",
            "pagination": "keyset",
            "per_page": PER_PAGE,
            "page_token": token,
        }
        answer = gl.http_request(
            "get",
            f"/projects/{self._number}/repository/tree",
            query_data={name: item for name, item in wanted.items() if item},
        )
        # Only the token of the link is used: the link itself could lead elsewhere.
        link = answer.links.get("next", {}).get("url", "")
        return ObjectPage(
            entries=_json(answer),
            next="".join(parse_qs(urlsplit(link).query).get("page_token", ())),
        )


def _json(answer: Response) -> Sequence[object]:
    check_answer(answer.content, whose="GitLab")
    try:
        answer = answer.json()
    except (ValueError, RecursionError) as exc:
        raise TransientError("GitLab's answer is not readable") from exc
    return answer if isinstance(answer, list) else (answer,)


def _project(gl: Gitlab, number: int) -> Project:
    return gl.projects.get(number, lazy=True)
