"""Requests to an upstream Renku's REST API."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

from service.adapters.renku.access_tokens import AccessTokens
from service.adapters.renku.errors import CANNOT_START, UpstreamRefusedError
from service.errors import ConflictError, TransientError

__all__ = ["RenkuClient"]

API: Final = "/api/data"
DEADLINE: Final = timedelta(seconds=30)
"""Renku asks its cluster for the state of builds while it answers."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""Of an answer; the longest are logs and lists of launchers."""
PER_PAGE: Final = 100
"""Renku's greatest."""
_LONGEST_SENTENCE: Final = 300
_ANONYMOUS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND})
"""Answers that an expired token may be the cause of: Renku serves it as anonymous, for
whom a private project does not exist."""


class _Error(BaseModel):
    """`{"error": {"code", "message", "detail"?}}` of every refusal."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    code: int = 0
    message: str = ""
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    content: Any
    pages: int = 1
    """How many pages a list has."""
    total: int | None = None
    """How many entries; None where it does not come in pages."""


class RenkuClient:
    """Make requests as the account of this service.

    One per process. A token that was refused is got anew once for each request.

    Args:
        session: Sends the requests.
        url: Of Renku, without `/api/data`.
        tokens: Gives the token.
    """

    def __init__(
        self, *, session: aiohttp.ClientSession, url: str, tokens: AccessTokens
    ) -> None:
        self._session = session
        self.url = url
        self._tokens = tokens

    async def get(self, *path: str, **query: str) -> Any:  # noqa: ANN401 - JSON, which callers validate
        """Return what is there.

        Raises:
            UpstreamRefusedError: It is not there, or may not be read.
            TransientError: Renku does not answer, or not as it should.
        """
        return (await self._send("GET", path, query=query)).content

    async def get_all(self, *path: str) -> Sequence[Any]:
        """Return a whole list, however many pages it comes in.

        Raises:
            UpstreamRefusedError: It is not there, or may not be read.
            TransientError: Renku does not answer, or not as it should, or the list
                changed between two pages.
        """
        entries: list[Any] = []
        total: int | None = None
        page, pages = 1, 1
        while page <= pages:
            # Also of the first one: what is answered without a page is cut somewhere,
            # too. Renku does not page every list, and leaves out what it does not know.
            query = {"page": str(page), "per_page": str(PER_PAGE)}
            reply = await self._send("GET", path, query=query)
            if not isinstance(reply.content, list):
                raise TransientError(f"{self.url} answers no list to /{'/'.join(path)}")
            entries += reply.content
            page, pages, total = page + 1, reply.pages, reply.total
        if total is not None and len(entries) != total:
            raise TransientError(
                f"/{'/'.join(path)} of {self.url} changed while it was read: "
                f"{len(entries)} entries of {total}"
            )
        return entries

    async def post(self, *path: str) -> Any:  # noqa: ANN401
        """Make something new, without a body.

        Raises:
            ConflictError: Something stands in its way at present.
            UpstreamRefusedError: It may not or cannot be made.
            TransientError: Renku does not answer; it may have been made.
        """
        return (await self._send("POST", path)).content

    async def patch(self, *path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401
        """Change something.

        Raises:
            ConflictError: Something stands in its way at present.
            UpstreamRefusedError: It may not or cannot be changed.
            TransientError: Renku does not answer; it may have been changed.
        """
        return (await self._send("PATCH", path, body=body)).content

    async def _send(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> "_Reply":
        what = "/".join(("", *(quote(part, safe="") for part in path)))
        while True:
            token = await self._tokens.current()
            status, raw, headers = await self._request(
                method,
                what,
                query=query,
                body=body,
                headers={"Authorization": f"Bearer {token.reveal()}"},
            )
            # Also after a 404, which an expired token may be the cause of. `reject` is
            # true once for a token at most, so this ends.
            if status in _ANONYMOUS and self._tokens.reject(token):
                continue
            if status < HTTPStatus.BAD_REQUEST:
                self._tokens.accept()
            content = self._read(f"{method} {what}", status, raw)
            total = _number(headers, "total")
            pages = _number(headers, "total-pages")
            return _Reply(content=content, pages=pages or 1, total=total)

    async def _request(
        self,
        method: str,
        what: str,
        *,
        query: Mapping[str, str] | None,
        body: Mapping[str, object] | None,
        headers: Mapping[str, str],
    ) -> tuple[int, bytes, Mapping[str, str]]:
        try:
            async with (
                asyncio.timeout(DEADLINE.total_seconds()),
                self._session.request(
                    method,
                    f"{self.url}{API}{what}",
                    params=query,
                    json=body,
                    headers=headers,
                    # The token would go along to wherever it leads.
                    allow_redirects=False,
                ) as answer,
            ):
                raw = await answer.content.read(MOST_BYTES)
                while not answer.content.at_eof() and len(raw) < MOST_BYTES:
                    raw += await answer.content.read(MOST_BYTES)
                return answer.status, raw, answer.headers
        except TimeoutError as exc:
            raise TransientError(
                f"{self.url} did not answer within {DEADLINE.total_seconds():g} s"
            ) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise TransientError(f"{self.url} does not answer: {exc}") from exc

    def _read(self, what: str, status: int, raw: bytes) -> Any:  # noqa: ANN401
        try:
            content = json.loads(raw) if raw else None
        except (ValueError, RecursionError):
            content = _NO_JSON
        if status < HTTPStatus.MULTIPLE_CHOICES and content is not _NO_JSON:
            return content
        error = _error_of(content)
        sentence = f"{error.message} {error.detail or ''}".strip()[:_LONGEST_SENTENCE]
        message = f"Renku at {self.url} answers {status} to {what}" + (
            f": {sentence}" if sentence else ""
        )
        # No refusal: what stands in its way will be over.
        if status == HTTPStatus.CONFLICT:
            raise ConflictError(message)
        # A status of the server's own fault, and still for ever: by its code the
        # build cannot be started.
        if _may_pass(status) and error.code != CANNOT_START:
            raise TransientError(message)
        if not _is_renkus(status, content):
            raise TransientError(
                f"{self.url} is no Renku, or another server answers in its place: "
                f"{status} to {what}"
            )
        raise UpstreamRefusedError(message, status=status, code=error.code)


_NO_JSON: Final = object()


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isdecimal() else None


def _may_pass(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.REQUEST_TIMEOUT,
    }


def _is_renkus(status: int, content: object) -> bool:
    """Return whether Renku itself refuses, and not what stands before it.

    An ingress without pods answers 404, a login or maintenance page 302 or 200: taken
    for refusals, they would end every build that runs.
    """
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return True
    is_error = isinstance(content, dict) and isinstance(content.get("error"), dict)
    return is_error and status >= HTTPStatus.BAD_REQUEST


def _error_of(content: object) -> _Error:
    error = content.get("error") if isinstance(content, dict) else None
    try:
        return _Error.model_validate(error)
    except ValidationError:
        return _Error()
