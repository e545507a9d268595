"""The REST API of a running service, as commands use it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar
from urllib.parse import quote

import click

from service.cli.client import models
from service.cli.client.reading import UnexpectedAnswerError, list_of, read_json
from service.cli.client.roots import root_of
from service.cli.client.wire import (
    ApiReply,
    HttpClient,
    RefusedStreamError,
    ServerEvent,
    UnreachableError,
)
from service.cli.output.wording import in_options
from service.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    PermanentError,
    ServiceError,
    TransientError,
    UnauthenticatedError,
)

__all__ = ["Client", "connected"]

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M")

READINESS: Final = "/readyz"
FIRST_ANSWER: Final = 1000
"""How much of a list is answered when no page is asked for."""
NEXT_PAGES: Final = 100
"""How long the pages are that are asked for."""

ERRORS: Final[Mapping[int, type[ServiceError]]] = {
    400: InvalidRequestError,
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidRequestError,
    503: TransientError,
}
"""What the service's refusals are here; any other is for the operator to fix."""


class Identified(Protocol):
    """A model of something that has an id."""

    @property
    def id(self) -> str:
        """Its id."""
        ...


L = TypeVar("L", bound=Identified)


class Client:
    """Asks a running service, and raises what it refuses.

    Args:
        wire: Carries the requests.
    """

    def __init__(self, *, wire: HttpClient) -> None:
        self._wire = wire
        self._received: dict[int, tuple[object, object]] = {}

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._wire.url

    async def readiness(self) -> "models.Ready":
        """Ask which parts of the service answer it, whether or not all do."""
        reply = await self._wire.send("GET", READINESS)
        # An ingress without pods answers with a page of its own.
        is_json = reply.text.lstrip().startswith("{")
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not is_json:
            raise UnreachableError(self.url)
        return read_json(models.Ready, reply.text, origin=f"{self.url}{READINESS}")

    async def get(self, model: type[M], *path: str, **query: str | int | None) -> M:
        """Read one resource as its model."""
        return await self._ask(model, "GET", path, query=query)

    async def list_all(
        self, model: type[L], *path: str, **query: str | int | None
    ) -> list[L]:
        """Read a list to its end, however long; each resource once.

        The service answers with the first thousand, and with a hundred at a time of
        what follows. What is added or removed meanwhile may be missed.
        """
        found = await self.list(model, *path, **query)
        page = len(found) // NEXT_PAGES + 1
        more = len(found) == FIRST_ANSWER
        while more:
            read = await self.list(
                model, *path, **query, page=page, per_page=NEXT_PAGES
            )
            found += read
            page += 1
            more = len(read) == NEXT_PAGES
        return list({item.id: item for item in found}.values())

    async def list_history(
        self, model: type[L], *path: str, **query: str | int | None
    ) -> list[L]:
        """Read a history to its end, newest first, by cursors."""
        found, after = list[L](), None
        while after != "":
            asked = {**query, "limit": FIRST_ANSWER, "after": after}
            reply, where = await self._send("GET", path, query=asked)
            found += self._understand(list_of(model), reply, where)
            after = reply.next_cursor
        return found

    async def list(
        self, model: type[M], *path: str, **query: str | int | None
    ) -> list[M]:
        """Read a list of resources as their model."""
        return await self._ask(list_of(model), "GET", path, query=query)

    async def post(
        self,
        model: type[M],
        *path: str,
        body: object | None = None,
        **query: str | None,
    ) -> M:
        """Make something, or have something done, and read the answer as a model."""
        return await self._ask(model, "POST", path, query=query, body=body)

    async def patch(self, model: type[M], *path: str, body: object) -> M:
        """Change something, and read how it is now as its model."""
        return await self._ask(model, "PATCH", path, body=body)

    def json_of(self, answer: object) -> object:
        """Return the JSON that this client read a model, or a list of them, from.

        It is what the service sent, with the fields that the model does not know.
        """
        if isinstance(answer, list):
            return [self.json_of(item) for item in answer]
        return self._received[id(answer)][1]

    def forget(self) -> None:
        """Let go of the JSON of all answers so far; whoever asks for ever needs to."""
        self._received.clear()

    async def delete(self, *path: str) -> None:
        """Remove something."""
        await self.call("DELETE", *path)

    async def call(
        self,
        method: str,
        *path: str,
        query: Mapping[str, str | int | None] | None = None,
        body: object | None = None,
    ) -> object:
        """Send a request and return the JSON of the answer; None when it has none.

        The path's segments are as they are, below `/api/relaunch` or `/api/data`;
        parameters that are None are left out.

        Raises:
            UnreachableError: Nothing answers.
            ServiceError: The service refused, in its words.
        """
        return self._read(*await self._send(method, path, query=query, body=body))

    async def _send(
        self,
        method: str,
        path: Sequence[str],
        *,
        query: Mapping[str, str | int | None] | None = None,
        body: object | None = None,
    ) -> tuple[ApiReply, str]:
        where = _path(*path, query=query)
        return await self._wire.send(method, where, body=body), where

    async def _ask(
        self,
        model: type[M],
        method: str,
        path: Sequence[str],
        *,
        query: Mapping[str, str | int | None] | None = None,
        body: object | None = None,
    ) -> M:
        reply, where = await self._send(method, path, query=query, body=body)
        return self._understand(model, reply, where)

    def _understand(self, model: type[M], reply: ApiReply, where: str) -> M:
        raw = self._read(reply, where)
        found = read_json(model, reply.text, origin=f"{self.url}{where}")
        self._keep(found, raw)
        return found

    def _keep(self, answer: object, raw: object) -> None:
        if isinstance(answer, list) and isinstance(raw, list):
            for item, part in zip(answer, raw, strict=True):
                self._keep(item, part)
            return
        # With the model: an identity may be another's once its object is gone.
        self._received[id(answer)] = answer, raw

    async def follow(self, *path: str, after: str = "") -> AsyncIterator[ServerEvent]:
        """Yield the events of a stream until the service ends it."""
        where = _path(*path)
        try:
            async for event in self._wire.stream(where, after=after):
                yield event
        except RefusedStreamError as exc:
            self._read(exc.reply, where)
            raise UnexpectedAnswerError(
                f"{self.url}{where} answered {exc.reply.status} and no stream"
            ) from exc

    def _read(self, reply: ApiReply, where: str) -> object:
        try:
            content: object = json.loads(reply.text) if reply.text.strip() else None
        except ValueError as exc:
            raise UnexpectedAnswerError(
                f"{self.url}{where} answered {reply.status} with something that is no "
                "JSON; is it a relaunch service?"
            ) from exc
        if reply.status < 400:  # noqa: PLR2004 - the first status of errors
            return content
        raise self._refusal(reply.status, content, where)

    def _refusal(self, status: int, content: object, where: str) -> ServiceError:
        kind = ERRORS.get(status, PermanentError)
        # Not the service's own words: they cannot know where the command line takes its
        # token from.
        if kind is UnauthenticatedError:
            return kind(
                f"the service at {self.url} refused the token; set RELAUNCH_TOKEN, or "
                "RELAUNCH_DATA to the service's data folder"
            )
        error = content.get("error") if isinstance(content, Mapping) else None
        if not isinstance(error, Mapping):
            return kind(f"{self.url}{where} answered {status}")
        parts = (error.get("message"), error.get("detail"))
        message = ": ".join(str(part) for part in parts if part)
        return kind(in_options(message) or f"answered {status}")


def _path(*path: str, query: Mapping[str, str | int | None] | None = None) -> str:
    where = "/".join((root_of(path), *(quote(text, safe="") for text in path)))
    given = {name: value for name, value in (query or {}).items() if value is not None}
    pairs = "&".join(
        f"{key}={quote(str(each), safe='')}" for key, each in given.items()
    )
    return f"{where}?{pairs}" if pairs else where


def connected(
    command: Callable[Concatenate[Client, P], Coroutine[object, object, R]],
) -> Callable[P, R]:
    """Turn an asynchronous command into one that click calls, with a client."""

    @wraps(command)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        async def run() -> R:
            async with _wire() as wire:
                return await command(Client(wire=wire), *args, **kwargs)

        return asyncio.run(run())

    return call


def _wire() -> AbstractAsyncContextManager[HttpClient]:
    # aiohttp and pydantic take half a second each, and `--help` needs neither.
    from service.adapters.address_file import find_address  # noqa: PLC0415
    from service.cli.client.http import HttpWire  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    settings = load()
    named = click.get_current_context().find_root().obj
    url = named or find_address(settings.data) or settings.url
    return HttpWire.open(url.rstrip("/"), token=settings.api_token())
