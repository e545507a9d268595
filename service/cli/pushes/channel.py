"""Deliveries out of a channel of smee.io, or of what speaks like it, to a local hook.

A channel answers `GET` with server-sent events, one for each delivery: a JSON object of
the delivery's headers beside `body`, `query` and `timestamp`
(https://github.com/probot/smee.io, `lib/server.js`). It keeps nothing: what arrives
while nobody listens is lost, and the sweep finds its push.

The channel refuses what is over 1 MiB or no JSON object, and the forge shows its 413 or
415 (https://fastify.dev/docs/latest/Reference/Server/#bodylimit).

The channel has parsed the body and written it anew, while signatures are over the bytes
that the forge sent. So the text is taken as the channel wrote it, and never parsed and
written once more here: that is byte for byte what GitHub sends. Rails, which GitLab is
made with, writes `<`, `>` and `&` as escapes; a body with one of these is offered in
that form when the first is not proved.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import aiohttp

from service.cli.client.http import deliver, parsed_events
from service.cli.client.wire import ApiReply, ServerEvent, UnreachableError
from service.errors import InvalidRequestError, PermanentError
from service.forges.registry import FORGES

__all__ = ["ChannelDelivery", "forward", "read_delivery"]

CONNECT: Final = timedelta(seconds=10)
SILENCE: Final = timedelta(seconds=90)
"""A channel sends something every 30 s; after three of these the line is dead."""
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(seconds=60)
LONGEST: Final = 64 * 1024 * 1024
"""Of one event: forges send 25 MB at most, and a channel escapes some of it."""
AGAIN: Final = (
    "Connected again. What was sent meanwhile is lost in the channel; the sweep finds "
    "what it told of."
)
TRIES: Final = 3
"""How often a delivery is offered to a service that does not answer."""

_KEPT: Final = frozenset({"user-agent"}).union(
    *(spec.headers.sent for spec in FORGES.values())
)
"""What forges send; the headers of the channel's proxies stay away."""
_RAILS: Final = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
)
"""https://api.rubyonrails.org/classes/ActiveSupport/JSON/Encoding.html"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDelivery:
    """One delivery out of a channel."""

    headers: Mapping[str, str]
    bodies: tuple[bytes, ...]
    """What the forge may have sent, the likeliest first."""


def read_delivery(text: str) -> ChannelDelivery:
    """Read the data of one event.

    Raises:
        InvalidRequestError: It is no delivery as channels send them.
    """
    try:
        fields = _fields(text)
        body = fields.pop("body")
    except (ValueError, KeyError) as exc:
        raise InvalidRequestError("an event of the channel is no delivery") from exc
    if not body.startswith("{"):
        raise InvalidRequestError(
            "the body of a delivery is no JSON object; choose the content type "
            "application/json at the forge"
        )
    headers = {
        name.lower(): value
        for name, raw in fields.items()
        if name.lower() in _KEPT and isinstance(value := json.loads(raw), str)
    }
    bodies = dict.fromkeys((body, body.translate(_RAILS)))
    return ChannelDelivery(
        headers=headers,
        bodies=tuple(item.encode("utf-8", "surrogatepass") for item in bodies),
    )


def _fields(text: str) -> dict[str, str]:
    """Cut a JSON object into its fields, each value as it is written."""
    decoder = json.JSONDecoder()
    place = _after_blanks(text, 0)
    if text[place : place + 1] != "{":
        raise ValueError("no object")
    found: dict[str, str] = {}
    place = _after_blanks(text, place + 1)
    while text[place : place + 1] != "}":
        name, place = decoder.raw_decode(text, place)
        place = _after_blanks(text, place)
        if not isinstance(name, str) or text[place : place + 1] != ":":
            raise ValueError("no field")
        start = _after_blanks(text, place + 1)
        _, end = decoder.raw_decode(text, start)
        found[name] = text[start:end]
        place = _after_blanks(text, end)
        if text[place : place + 1] == ",":
            place = _after_blanks(text, place + 1)
    return found


def _after_blanks(text: str, place: int) -> int:
    while text[place : place + 1] in {" ", "\t"}:
        place += 1
    return place


async def forward(channel: str, target: str) -> AsyncGenerator[str]:
    """Bring what arrives in a channel to a hook, without end; yield lines to show.

    Args:
        channel: Its URL; that of `/new` opens one.
        target: The hook's URL at the local service.

    Raises:
        PermanentError: There is no such channel.
    """
    channel = channel.rstrip("/")
    pause, has_worked = FIRST_PAUSE, False
    while True:
        try:
            async with _connected(channel) as response:
                # Whoever is sent to a new channel stays there.
                channel = str(response.url)
                async for event in parsed_events(response.content):
                    # Reset by an event and not by the connection: a channel that
                    # accepts and closes at once must be asked less and less often.
                    pause = FIRST_PAUSE
                    if event.name == "ready":
                        yield (
                            AGAIN if has_worked else f"Forwarding {channel} to {target}"
                        )
                        has_worked = True
                    elif event.name == "message":
                        yield await _bring(event, target)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as exc:
            why = str(exc) or type(exc).__name__
            yield f"{channel} went away ({why}); again in {pause.total_seconds():g} s."
        else:
            yield f"{channel} ended; again in {pause.total_seconds():g} s."
        await asyncio.sleep(pause.total_seconds())
        pause = min(2 * pause, LONGEST_PAUSE)


@asynccontextmanager
async def _connected(channel: str) -> AsyncIterator[aiohttp.ClientResponse]:
    # No limit for the whole request, which lasts as long as the command; silence ends
    # it.
    timeout = aiohttp.ClientTimeout(
        sock_connect=CONNECT.total_seconds(), sock_read=SILENCE.total_seconds()
    )
    headers = {"Accept": "text/event-stream"}
    async with (
        # No token: a channel is a stranger. By the proxy of HTTPS_PROXY, where one is.
        aiohttp.ClientSession(
            timeout=timeout, read_bufsize=LONGEST, trust_env=True
        ) as session,
        session.get(channel, headers=headers) as response,
    ):
        if (
            response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            or response.status == HTTPStatus.TOO_MANY_REQUESTS
        ):
            raise aiohttp.ClientError(f"it answered {response.status}")
        # Final, unlike a 5xx or 429: a page in place of events is a wrong URL.
        if response.content_type != "text/event-stream":
            raise PermanentError(await _refusal(channel, response))
        yield response


async def _refusal(channel: str, response: aiohttp.ClientResponse) -> str:
    detail = ""
    if response.content_type == "text/plain":
        first = (await response.content.read(200)).decode("utf-8", "replace")
        detail = f" ({''.join(text for text in first if text.isprintable())})"
    return (
        f"{channel} answered {response.status} and no stream of events{detail}; open "
        "https://smee.io/new for a channel of your own"
    )


async def _bring(event: ServerEvent, target: str) -> str:
    try:
        message = read_delivery(event.data)
    except InvalidRequestError as exc:
        return f"Not forwarded: {exc}."
    what = next(
        (text for name, text in message.headers.items() if name.endswith("-event")),
        "event",
    )
    try:
        reply = await _offer(message, target)
    except UnreachableError as exc:
        return f"{what}: not forwarded, {exc}. The sweep finds what moved."
    hint = ""
    if reply.status == HTTPStatus.UNAUTHORIZED:
        hint = (
            "; the secret at the forge is another one, or the channel changed the body"
        )
    return f"{what}: {reply.status}{hint}"


async def _offer(message: ChannelDelivery, target: str) -> ApiReply:
    """Offer each form of the body until one is proved."""
    reply = await _insist(message.headers, message.bodies[0], target)
    for body in message.bodies[1:]:
        # Only a refused proof makes another form worth a try; any other answer means
        # that the signature was valid, and a second form would be a second delivery.
        if reply.status != HTTPStatus.UNAUTHORIZED:
            break
        reply = await _insist(message.headers, body, target)
    return reply


async def _insist(headers: Mapping[str, str], body: bytes, target: str) -> ApiReply:
    for left in reversed(range(TRIES)):
        try:
            return await deliver(target, headers=headers, body=body)
        except UnreachableError:
            if not left:
                raise
            await asyncio.sleep(FIRST_PAUSE.total_seconds())
    raise AssertionError
