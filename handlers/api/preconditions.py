"""Conditional requests: entity tags of what is read and changed.

https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests
"""

import hashlib
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel

from service.errors import ConflictError, PreconditionMissingError

__all__ = [
    "check_tag",
    "check_version",
    "entity_tag",
    "expected_version",
    "not_modified",
    "with_etag",
]


def entity_tag(shown: BaseModel) -> str:
    """Return the entity tag of an answer: a quoted digest in capitals, as Renku's."""
    raw = shown.model_dump_json(exclude_none=True)
    digest = hashlib.md5(raw.encode(), usedforsecurity=False).hexdigest()
    return f'"{digest.upper()}"'


def check_version(request: web.Request, shown: BaseModel) -> None:
    """Check that a change is meant for what is there, where `If-Match` is sent.

    Renku's launchers and environments have no versions, so nobody has to name one; but
    whoever does is not ignored.

    Raises:
        ConflictError: It has changed since; Renku's sentence.
    """
    check_tag(request, entity_tag(shown))


def check_tag(request: web.Request, current: str) -> None:
    """Check that a change is meant for what has this entity tag, as `check_version`."""
    given = request.headers.get("If-Match", "").strip()
    if given and given != "*" and current not in _tags(given):
        raise ConflictError(f"Current ETag is {current}, not {given[:200]}.")


def with_etag(request: web.Request, response: web.Response, tag: str) -> web.Response:
    """Return an answer with its entity tag; 304 to who reads and has this version."""
    response.headers["ETag"] = tag
    if request.method not in {"GET", "HEAD"}:
        return response
    return not_modified(request, tag) or response


def _tags(given: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in given.split(",")}


def expected_version(request: web.Request) -> str:
    """Return the entity tag that a change is meant for.

    Raises:
        PreconditionMissingError: The request names none; Renku's sentence.
    """
    etag = request.headers.get("If-Match", "").strip()
    if not etag:
        raise PreconditionMissingError("If-Match header not provided.")
    return etag


def not_modified(request: web.Request, etag: str) -> web.Response | None:
    """Return the answer to who has this version already; None to who has not."""
    known = request.headers.get("If-None-Match", "")
    # The comparison is weak for reads: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
    tags = _tags(known)
    if etag not in tags and "*" not in tags:
        return None
    return web.Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
