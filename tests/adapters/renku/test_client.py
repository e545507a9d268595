"""What stands before a Renku is not taken for Renku."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.renku.access_tokens import FixedToken
from service.adapters.renku.client import RenkuClient
from service.adapters.renku.errors import UpstreamRefusedError
from service.adapters.renku.token_endpoint import OAuthClient, TokenEndpoint
from service.domain.hook import Secret
from service.errors import TransientError
from tests.support.clock import TurnedClock

PAGE = "<html>one moment</html>"
DEEP = "[" * 60_000
"""Deeper than any parser goes."""


def answering(status: int, text: str) -> TestServer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return TestServer(app, shutdown_timeout=0.1)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        *((200, PAGE), (302, ""), (404, PAGE), (404, "{}"), (408, ""), (503, PAGE)),
        *((200, DEEP), (404, DEEP)),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_an_answer_of_an_ingress_ends_no_build(status: int, text: str) -> None:
    async with answering(status, text) as server, aiohttp.ClientSession() as session:
        client = RenkuClient(
            session=session,
            url=str(server.make_url("/")).rstrip("/"),
            tokens=FixedToken(Secret("token")),
        )

        with pytest.raises(TransientError, match=str(status)):
            await client.get("builds", "1")


async def test_a_refusal_of_renku_is_one() -> None:
    error = '{"error": {"code": 1404, "message": "There is no such build."}}'
    async with answering(404, error) as server, aiohttp.ClientSession() as session:
        client = RenkuClient(
            session=session,
            url=str(server.make_url("/")).rstrip("/"),
            tokens=FixedToken(Secret("token")),
        )

        with pytest.raises(UpstreamRefusedError, match="no such build"):
            await client.get("builds", "1")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        *((200, PAGE), (302, ""), (404, PAGE), (400, PAGE), (503, "")),
        *((200, DEEP), (400, DEEP)),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_an_answer_in_place_of_the_provider_ends_no_build(
    status: int, text: str
) -> None:
    async with answering(status, text) as server, aiohttp.ClientSession() as session:
        given = OAuthClient(
            token_url=str(server.make_url("/token")),
            client_id="relaunch",
            client_secret=Secret("secret"),
            refresh_token=None,
        )
        endpoint = TokenEndpoint(session=session, client=given, clock=TurnedClock())

        with pytest.raises(TransientError, match=str(status)):
            await endpoint.request(None)
