"""Parse and validate requests."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache, wraps
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from pydantic import BaseModel, ValidationError

from handlers.api.schemas.models import ULID
from handlers.api.unknown_names import describe_problems, unknown_name
from handlers.app_keys import BODIES
from handlers.route import Handler
from service.errors import InvalidRequestError, NotFoundError

__all__ = [
    "known_parameters_only",
    "named",
    "read_body",
    "read_query",
    "read_raw",
    "ulid",
]

Model = TypeVar("Model", bound=BaseModel)

MAX_PROBLEMS: Final = 10
"""A body of a thousand wrong fields is answered on one screen."""

MAX_STRUCTURE: Final = 64 * 1024
"""Bytes of a body beside its texts: two hundred rows of anything. Each costs memory and
time of the event loop; a text, such as the body of a delivery, costs next to none."""

_ULID: Final = re.compile(ULID)
MAX_REASON: Final = 200
"""Characters: a key may be as long as the body."""

_ERRORS: Final = "There are errors in the following fields, "
"""As Renku begins it."""
_NAME: Final = re.compile(r"[\x21-\x7e]{1,200}")


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """Read the JSON body, whatever content type it claims.

    Raises:
        InvalidRequestError: It is no JSON, or not of this shape.
        HTTPRequestTimeout: It did not come in time.
    """
    raw = await read_raw(request)
    _check_structure(raw, model)
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as exc:
        if exc.errors(include_url=False)[0]["type"] == "json_invalid":
            _expect_json(raw)
        raise InvalidRequestError(_sentence(model, exc)) from exc


def _expect_json(raw: bytes) -> None:
    """Raise the parser's error for what is no JSON: it is answered 400, as in Renku.

    What is JSON beyond our limits, as in depth or digits, is a wrong body like others.
    """
    try:
        json.loads(raw)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except (RecursionError, ValueError):
        return


async def read_raw(request: web.Request) -> bytes:
    """Read the body.

    Raises:
        HTTPRequestTimeout: It did not come in time.
    """
    try:
        async with asyncio.timeout(request.app[BODIES].deadline.total_seconds()):
            return await request.read()
    except TimeoutError as exc:
        raise web.HTTPRequestTimeout(reason="The body did not come in time") from exc


def _check_structure(raw: bytes, model: type[BaseModel]) -> None:
    """Check that a body is not made of more parts than a request can have.

    A large one is skimmed: the first field that the model has not ends it.

    Raises:
        InvalidRequestError: It is; or it is large and no JSON object.
    """
    if len(raw) <= MAX_STRUCTURE:
        return
    try:
        body = _skimmer(model).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        why = str(exc) if isinstance(exc, msgspec.ValidationError) else "no valid JSON"
        raise InvalidRequestError(f"{_ERRORS}body: {why[:MAX_REASON]}") from exc
    values = (bytes(getattr(body, name)) for name in model.model_fields)
    texts = (len(value) for value in values if value[:1] == b'"')
    if len(raw) - sum(texts) > MAX_STRUCTURE:
        raise InvalidRequestError(
            f"{_ERRORS}body: more than {MAX_STRUCTURE // 1024} KiB beside its texts"
        )


@lru_cache
def _skimmer(model: type[BaseModel]) -> msgspec.json.Decoder[msgspec.Struct]:
    """Make a reader that leaves the values of a model's fields as they are."""
    fields = [(name, msgspec.Raw, msgspec.Raw()) for name in model.model_fields]
    return msgspec.json.Decoder(
        msgspec.defstruct("_Body", fields, forbid_unknown_fields=True)
    )


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
        return model.model_validate(
            {name: sequence[0] for name, sequence in given.items()}
        )
    except ValidationError as exc:
        raise InvalidRequestError(_sentence(model, exc)) from exc


def known_parameters_only(handler: Handler, model: type[BaseModel] | None) -> Handler:
    """Wrap a handler: refuse parameters of the URL that its route does not know.

    Renku leaves them aside; a misspelt one would ask for something else than meant.
    """
    known = frozenset(model.model_fields if model else ())

    @wraps(handler)
    async def checked(request: web.Request) -> web.StreamResponse:
        unknown = [name for name in dict.fromkeys(request.query) if name not in known]
        if unknown:
            problems = [unknown_name(name, known) for name in unknown[:MAX_PROBLEMS]]
            raise InvalidRequestError(_ERRORS + ", ".join(problems))
        return await handler(request)

    return checked


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


def _sentence(model: type[BaseModel], exc: ValidationError) -> str:
    """Format a validation error as Renku does."""
    errors = exc.errors(include_url=False, include_input=False)
    problems = list(describe_problems(model, errors))
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS} more"]
    return _ERRORS + ", ".join(problems)
