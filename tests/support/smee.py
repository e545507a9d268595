"""A stand-in of smee.io that refuses what the real one refuses.

By https://github.com/probot/smee.io, `lib/server.js` and `lib/event-bus.js` at 922d925,
and by what that server answered when it was run: Fastify's limits are its own, too.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from aiohttp import web

__all__ = ["BODY_LIMIT", "Smee", "a_smee", "as_javascript_writes"]

BODY_LIMIT: Final = 1024 * 1024
"""Fastify's, which smee.io leaves as it is."""
MAX_PARAM_LENGTH: Final = 100
"""Fastify's, too: the schema's 128 is never reached."""
_CHANNEL: Final = re.compile(r"[a-zA-Z0-9-_]+")
_SIGNATURE: Final = re.compile(r"sha256=[a-f0-9]{64}")
_POISON: Final = re.compile(r'"__proto__"\s*:|"constructor"\s*:\s*{[^}]*"prototype"')
"""Keys that Fastify refuses, out of fear for JavaScript's objects."""

_CUT: Final = "cut"
_END: Final = "end"


@dataclass
class Smee:
    """Channels, and who listens to them; nothing is kept for who comes later."""

    url: str = ""
    listeners: dict[str, list[asyncio.Queue[str]]] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    made: list[str] = field(default_factory=list)
    """The channels of who asked for new ones."""
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    async def say(self, channel: str, data: str) -> None:
        """Send text as an event, which the real one does with deliveries alone."""
        for listener in self.listeners.get(channel, ()):
            await listener.put(data)

    async def cut(self, channel: str) -> None:
        """Break the connections, as a server that is killed does."""
        await self._leave(channel, _CUT)

    async def end(self, channel: str) -> None:
        """End the streams in order, as a proxy does that waited long enough."""
        await self._leave(channel, _END)

    async def _leave(self, channel: str, how: str) -> None:
        self.connected.clear()
        for listener in self.listeners.pop(channel, []):
            await listener.put(how)

    # what it serves

    async def new(self, request: web.Request) -> web.Response:
        self.made.append(f"channel_{len(self.made)}-X")
        location = f"http://{request.host}/{self.made[-1]}"
        return web.Response(status=307, headers={"Location": location})

    async def listen(self, request: web.Request) -> web.StreamResponse:
        channel = self._channel(request)
        # Nothing but exactly this; any other Accept is shown a page.
        if request.headers.get("Accept") != "text/event-stream":
            return web.Response(text="<html>", content_type="text/html")
        assert "Authorization" not in request.headers, "a channel is a stranger"
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-cache",
                "x-no-compression": "1",
            }
        )
        await response.prepare(request)
        # Ids begin anew with each connection: nobody can go on from one.
        await response.write(b"id: 0\nevent: ready\ndata: {}\n\n")
        queue: asyncio.Queue[str] = asyncio.Queue()
        self.listeners.setdefault(channel, []).append(queue)
        self.connected.set()
        count = 0
        while (data := await queue.get()) not in {_CUT, _END}:
            count += 1
            await response.write(f"id: {count}\ndata: {data}\n\n".encode())
            count += 1  # the real one pings every 30 s, whatever else it says
            await response.write(f"id: {count}\nevent: ping\ndata: {{}}\n\n".encode())
        if data == _CUT and request.transport is not None:
            request.transport.abort()
        return response

    async def take(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        if request.content_type not in {"application/json", "text/plain"}:
            return _refused(415, "Unsupported Media Type")
        raw = await request.read()
        if len(raw) > BODY_LIMIT:
            return _refused(413, "Request body is too large")
        try:
            body = _parsed(raw)
        except ValueError:
            return _refused(400, "Body is not valid JSON")
        if request.content_type == "text/plain" or not isinstance(body, dict):
            return _refused(400, "body must be object")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not _is_valid(headers):
            return _refused(400, "headers/… must match …")
        query: dict[str, object] = dict(request.query)
        parcel = {**headers, "body": body, "query": query, "timestamp": _number("1")}
        await self.say(channel, as_javascript_writes(parcel))
        return web.Response()

    def _channel(self, request: web.Request) -> str:
        channel: str = request.match_info["channel"]
        if len(channel) > MAX_PARAM_LENGTH:
            raise web.HTTPRequestURITooLong
        if not _CHANNEL.fullmatch(channel):
            raise web.HTTPBadRequest(text="params/channel must match pattern")
        if channel in self.blocked:
            said = "Channel has been disabled due to too many connections."
            raise web.HTTPForbidden(text=said)
        return channel


def _parsed(raw: bytes) -> object:
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    if _POISON.search(text):
        raise ValueError("keys that JavaScript's objects have")
    return json.loads(text, parse_int=_number, parse_float=_number)


def _is_valid(headers: dict[str, str]) -> bool:
    """Hold headers against the schema; those of other forges may be any text."""
    signature = headers.get("x-hub-signature-256")
    if signature is not None and not _SIGNATURE.fullmatch(signature):
        return False
    try:
        UUID(headers.get("x-github-delivery", "0" * 32))
    except ValueError:
        return False
    return True


def _refused(status: int, why: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": why}, status=status)


class _Number(str):
    """A number as JavaScript writes it."""

    __slots__ = ()


def _number(text: str) -> _Number:
    """https://tc39.es/ecma262/#sec-numeric-types-number-tostring."""
    value = float(text)
    if value == 0:
        return _Number("0")
    if 1e-6 <= abs(value) < 1e21:
        shortest = Decimal(repr(value))
        is_whole = shortest == shortest.to_integral_value()
        return _Number(int(shortest)) if is_whole else _Number(f"{shortest:f}")
    mantissa, _, exponent = f"{value!r}".partition("e")
    return _Number(f"{mantissa.removesuffix('.0')}e{int(exponent):+d}")


def as_javascript_writes(value: Any) -> str:
    """Write JSON as `JSON.stringify(JSON.parse(text))` does, numbers read before.

    Keys that are numbers come first, in their order
    (https://tc39.es/ecma262/#sec-ordinaryownpropertykeys).
    """
    match value:
        case _Number():
            return str(value)
        case dict():
            keys = sorted((item for item in value if _is_index(item)), key=int)
            keys += [item for item in value if not _is_index(item)]
            pairs = (f"{_text(key)}:{as_javascript_writes(value[key])}" for key in keys)
            return "{" + ",".join(pairs) + "}"
        case list():
            return "[" + ",".join(map(as_javascript_writes, value)) + "]"
        case str():
            return _text(value)
        case _:
            return json.dumps(value)


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and str(int(key)) == key


def _text(value: str) -> str:
    written = json.dumps(value, ensure_ascii=False)
    # Halves of surrogate pairs cannot be written in UTF-8.
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", written)


@asynccontextmanager
async def a_smee() -> AsyncIterator[Smee]:
    """Run one."""
    smee = Smee()
    app = web.Application(client_max_size=4 * BODY_LIMIT)
    app.router.add_get("/new", smee.new)
    app.router.add_get("/{channel}", smee.listen)
    app.router.add_post("/{channel}", smee.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    smee.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield smee
    finally:
        for channel in list(smee.listeners):
            await smee.end(channel)
        await runner.cleanup()
