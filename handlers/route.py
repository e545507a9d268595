"""One line of the route table, and short ways to write it."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from handlers.auth import Guard
from service.domain.rights.decision import Permission, Subject

__all__ = [
    "ACCEPTED",
    "API",
    "OK",
    "OURS",
    "Answer",
    "Handler",
    "ListOf",
    "MediaType",
    "Route",
    "Surface",
    "delete",
    "get",
    "patch",
    "plain_route",
    "post",
    "webhook_route",
]

API: Final = "/api/data"
"""Paths and shapes of Renku, and nothing else."""
OURS: Final = "/api/relaunch"
"""What Renku has not; and Renku's nouns with what we know of them beside."""
SUBJECTS: Final[Mapping[str, Subject]] = {
    "project_id": Subject.PROJECT,
    "launcher_id": Subject.LAUNCHER,
    "environment_id": Subject.ENVIRONMENT,
    "build_id": Subject.BUILD,
    "source_id": Subject.SOURCE,
    "delivery_id": Subject.DELIVERY,
    "hook_id": Subject.HOOK,
}
"""What the parameters of paths name, so that its project decides."""
_IDEMPOTENT: Final = frozenset(
    {
        ("DELETE", f"{API}/session_launchers/{{launcher_id}}"),
        ("DELETE", f"{API}/projects/{{project_id}}"),
    }
)
"""Removals that Renku answers with 204 whether or not there is anything."""
_PARAMETER: Final = re.compile(r"{(\w+)}")
OK: Final = HTTPStatus.OK
ACCEPTED: Final = HTTPStatus.ACCEPTED

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Surface(Enum):
    """What of the HTTP side a process serves."""

    RECEIVE = "receive"
    """Webhooks only: for processes that stand at the edge."""
    API = "api"
    """The REST API, for people and programs with the token."""
    ALWAYS = "always"
    """Health and metrics."""


class MediaType(Enum):
    """What an answer is, when it is no JSON."""

    NOTHING = "nothing"
    STREAM = "stream"
    JSON = "json"
    HTML = "html"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of things."""

    of: type[BaseModel]


Answer = type[BaseModel] | ListOf | MediaType


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and a path, with what goes in and what comes out."""

    method: str
    path: str
    handler: Handler
    answer: Answer
    needs: Permission
    """What its caller has to be allowed. There is no default: a route without one
    cannot be written."""
    status: HTTPStatus = HTTPStatus.OK
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    content_types: Sequence[str] = ()
    """Of a body that has no shape of ours: a forge's delivery."""
    part: Surface = Surface.API
    operation: str = ""
    """Its name in the document, where the handler has another route as well."""

    def __post_init__(self) -> None:
        if self.needs.role is not None and self.guard.subject is None:
            known = ", ".join(f"{{{name}}}" for name in SUBJECTS)
            raise ValueError(
                f"{self.method} {self.path} needs a role, and its path names nothing "
                f"of a project; expected one of {known}"
            )

    @property
    def guard(self) -> Guard:
        """What lets its requests in."""
        if self.needs.role is None:
            return Guard(permission=self.needs)
        names = [name for name in _PARAMETER.findall(self.path) if name in SUBJECTS]
        if not names:
            return Guard(permission=self.needs)
        return Guard(
            permission=self.needs,
            subject=SUBJECTS[names[0]],
            parameter=names[0],
            may_be_gone=(self.method, self.path) in _IDEMPOTENT,
        )

    @property
    def shows_secret(self) -> bool:
        """Whether its answer holds a secret that is shown once."""
        return bool(getattr(self.answer, "shows_secret", False))

    @property
    def name(self) -> str:
        """The operation's name: the handler's, where it has one route only."""
        return self.operation or str(getattr(self.handler, "__name__", "handler"))


Shape = type[BaseModel]


def get(
    path: str,
    handler: Handler,
    answer: Answer,
    query: Shape | None = None,
    *,
    needs: Permission,
    below: str = API,
) -> Route:
    """Read something of the REST API."""
    return Route(
        method="GET",
        path=below + path,
        handler=handler,
        answer=answer,
        needs=needs,
        query=query,
    )


def post(
    path: str,
    handler: Handler,
    answer: Answer,
    body: Shape | None = None,
    status: HTTPStatus = HTTPStatus.CREATED,
    *,
    needs: Permission,
    query: Shape | None = None,
    below: str = API,
) -> Route:
    """Make something in the REST API, or have something done."""
    is_nothing = answer is MediaType.NOTHING
    return Route(
        method="POST",
        path=below + path,
        handler=handler,
        answer=answer,
        needs=needs,
        body=body,
        query=query,
        status=HTTPStatus.NO_CONTENT if is_nothing else status,
    )


def patch(
    path: str,
    handler: Handler,
    answer: Answer,
    body: Shape,
    *,
    needs: Permission,
    below: str = API,
) -> Route:
    """Change something in the REST API."""
    return Route(
        method="PATCH",
        path=below + path,
        handler=handler,
        answer=answer,
        needs=needs,
        body=body,
    )


def delete(
    path: str, handler: Handler, *, needs: Permission, below: str = API
) -> Route:
    """Remove something from the REST API."""
    return Route(
        method="DELETE",
        path=below + path,
        handler=handler,
        answer=MediaType.NOTHING,
        needs=needs,
        status=HTTPStatus.NO_CONTENT,
    )


def webhook_route(
    path: str, handler: Handler, receipt: Shape, content_types: Sequence[str]
) -> Route:
    """Take deliveries of a forge."""
    return Route(
        method="POST",
        path=path,
        handler=handler,
        answer=receipt,
        needs=Permission.SIGNATURE,
        status=ACCEPTED,
        content_types=content_types,
        part=Surface.RECEIVE,
    )


def plain_route(
    path: str, handler: Handler, answer: Answer, part: Surface, *, operation: str = ""
) -> Route:
    """Read something outside the REST API, which anyone may."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        answer=answer,
        needs=Permission.OPEN,
        part=part,
        operation=operation,
    )
