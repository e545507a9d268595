"""One line of the route table, and short ways to write it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Final

from aiohttp import web
from pydantic import BaseModel

__all__ = [
    "ACCEPTED",
    "OK",
    "Answer",
    "Handler",
    "Kind",
    "Many",
    "Part",
    "Route",
    "bare",
    "delete",
    "get",
    "hook",
    "patch",
    "post",
]

API: Final = "/api/data"
OK: Final = HTTPStatus.OK
ACCEPTED: Final = HTTPStatus.ACCEPTED

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Part(Enum):
    """What of the HTTP side a process serves."""

    RECEIVE = "receive"
    """Webhooks only: for processes that stand at the edge."""
    API = "api"
    """The REST API, for people and programs with the token."""
    ALWAYS = "always"
    """Health and metrics."""


class Kind(Enum):
    """What an answer is, when it is no JSON."""

    NOTHING = "nothing"
    STREAM = "stream"
    JSON = "json"
    HTML = "html"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Many:
    """A list of things."""

    of: type[BaseModel]


Answer = type[BaseModel] | Many | Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and a path, with what goes in and what comes out."""

    method: str
    path: str
    handler: Handler
    answer: Answer
    status: HTTPStatus = HTTPStatus.OK
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    part: Part = Part.API

    @property
    def name(self) -> str:
        """The operation's name: the handler's."""
        return str(getattr(self.handler, "__name__", "handler"))


Shape = type[BaseModel]


def get(
    path: str, handler: Handler, answer: Answer, query: Shape | None = None
) -> Route:
    """Read something of the REST API."""
    return Route(
        method="GET", path=API + path, handler=handler, answer=answer, query=query
    )


def post(
    path: str,
    handler: Handler,
    answer: Answer,
    body: Shape | None = None,
    status: HTTPStatus = HTTPStatus.CREATED,
) -> Route:
    """Make something in the REST API, or have something done."""
    is_nothing = answer is Kind.NOTHING
    return Route(
        method="POST",
        path=API + path,
        handler=handler,
        answer=answer,
        body=body,
        status=HTTPStatus.NO_CONTENT if is_nothing else status,
    )


def patch(path: str, handler: Handler, answer: Answer, body: Shape) -> Route:
    """Change something in the REST API."""
    return Route(
        method="PATCH", path=API + path, handler=handler, answer=answer, body=body
    )


def delete(path: str, handler: Handler) -> Route:
    """Remove something from the REST API."""
    return Route(
        method="DELETE",
        path=API + path,
        handler=handler,
        answer=Kind.NOTHING,
        status=HTTPStatus.NO_CONTENT,
    )


def hook(path: str, handler: Handler, receipt: Shape) -> Route:
    """Take deliveries of a forge."""
    return Route(
        method="POST",
        path=path,
        handler=handler,
        answer=receipt,
        status=ACCEPTED,
        part=Part.RECEIVE,
    )


def bare(path: str, handler: Handler, answer: Answer, part: Part) -> Route:
    """Read something outside the REST API."""
    return Route(method="GET", path=path, handler=handler, answer=answer, part=part)
