"""What a request says, read into shapes."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from handlers.keys import BODIES
from handlers.shapes.strict import ULID
from service.errors import InvalidRequestError, NotFoundError

__all__ = ["named", "read_body", "read_query", "ulid"]

Model = TypeVar("Model", bound=BaseModel)

MAX_PROBLEMS: Final = 10
"""A body of a thousand wrong fields is answered on one screen."""

_ULID: Final = re.compile(ULID)
_NAME: Final = re.compile(r"[\x21-\x7e]{1,200}")


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """Read the JSON body, whatever content type it claims.

    Raises:
        InvalidRequestError: It is no JSON, or not of this shape.
        HTTPRequestTimeout: It did not come in time.
    """
    try:
        async with asyncio.timeout(request.app[BODIES].deadline.total_seconds()):
            raw = await request.read()
    except TimeoutError as exc:
        raise web.HTTPRequestTimeout(reason="The body did not come in time") from exc
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as exc:
        raise InvalidRequestError(_sentence(exc)) from exc


def read_query(request: web.Request, model: type[Model]) -> Model:
    """Read the parameters of the URL.

    Raises:
        InvalidRequestError: One is given twice, or cannot be read.
    """
    given: Mapping[str, Sequence[str]] = {
        name: request.query.getall(name)
        for name in model.model_fields
        if name in request.query
    }
    doubled = [name for name, values in given.items() if len(values) > 1]
    if doubled:
        raise InvalidRequestError(f"given more than once: {', '.join(doubled)}")
    try:
        return model.model_validate({name: it[0] for name, it in given.items()})
    except ValidationError as exc:
        raise InvalidRequestError(_sentence(exc)) from exc


def ulid(request: web.Request, name: str, *, what: str) -> str:
    """Return an id of the path.

    Raises:
        NotFoundError: It is no ULID, so nothing can have it.
    """
    text = request.match_info[name]
    if not _ULID.fullmatch(text):
        raise NotFoundError(_missing(what, text))
    return text.upper()


def named(request: web.Request, name: str, *, what: str) -> str:
    """Return an id of the path that has no form of its own.

    Raises:
        NotFoundError: Nothing can have such an id.
    """
    text = request.match_info[name]
    if not _NAME.fullmatch(text):
        raise NotFoundError(_missing(what, text))
    return text


def _missing(what: str, text: str) -> str:
    return (
        f"{what} with id {text[:60]!r} does not exist or you do not have access to it."
    )


def _sentence(exc: ValidationError) -> str:
    """Say it in Renku's words."""
    problems = [
        f"{'.'.join(str(part) for part in it['loc']) or 'body'}: "
        f"{it['msg'].removeprefix('Value error, ')}"
        for it in exc.errors(include_url=False, include_input=False)
    ]
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS} more"]
    return "There are errors in the following fields, " + ", ".join(problems)
