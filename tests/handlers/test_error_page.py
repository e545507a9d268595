"""Errors that a person with a browser sees."""

import pytest
from aiohttp import ClientSession, web
from prometheus_client import CollectorRegistry

from handlers.auth import Guard
from handlers.middleware import handle_errors
from service import errors
from service.domain.rights.decision import Permission
from service.metrics import Metrics
from tests.support.api import TOKEN, Api

OPEN = Guard(permission=Permission.OPEN)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
"""What Firefox and Chromium send."""


async def opened(
    url: str, *, accept: str = BROWSER, method: str = "GET", token: str = ""
) -> tuple[int, str, str]:
    headers = {"Accept": accept} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    async with (
        ClientSession(headers=headers) as session,
        session.request(method, url) as response,
    ):
        return response.status, response.content_type, await response.text()


async def test_a_page_that_is_not_there_is_told_as_a_page(api: Api) -> None:
    url = f"{api.url}/%3Cscript%3Ealert(1)%3C/script%3E?x=<b>"

    status, kind, text = await opened(url, token=TOKEN)

    assert (status, kind) == (404, "text/html")
    assert "<h1>Not Found</h1>" in text
    assert "alert" not in text
    assert "<b>" not in text


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("GET", "/api/relaunch/builds", 401, "Authorization: Bearer"),
        ("GET", "/webhooks/github/x", 405, "This address takes POST only."),
        ("GET", "/nowhere", 404, "There is nothing at this address."),
    ],
)
async def test_other_refusals_are_pages_too(
    api: Api, method: str, path: str, status: int, told: str
) -> None:
    seen, kind, text = await opened(f"{api.url}{path}", method=method)

    assert (seen, kind) == (status, "text/html")
    assert text.startswith("<!doctype html>")
    assert told in text


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/json", "application/json, text/html", "text/plain", ""],
)
async def test_programs_get_json(api: Api, accept: str) -> None:
    _, kind, _ = await opened(f"{api.url}/nowhere", accept=accept, token=TOKEN)

    assert kind == "application/json"


async def test_what_is_sent_is_answered_with_json(api: Api) -> None:
    _, kind, _ = await opened(f"{api.url}/webhooks/github/x", method="POST")

    assert kind == "application/json"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errors.NotFoundError("<i>x</i> is not there"), "&lt;i&gt;x&lt;/i&gt;"),
        (RuntimeError("a secret"), "Trace id: "),
    ],
)
async def test_a_page_shows_what_is_said_escaped(error: Exception, told: str) -> None:
    async def fail(_request: web.Request) -> web.Response:
        raise error

    app = web.Application()
    metrics = Metrics(registry=CollectorRegistry())
    app.router.add_get(
        "/", handle_errors(fail, method="GET", route="/", guard=OPEN, metrics=metrics)
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        _, kind, text = await opened(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    finally:
        await runner.cleanup()

    assert kind == "text/html"
    assert told in text
    assert "a secret" not in text
