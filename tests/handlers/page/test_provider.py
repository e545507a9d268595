"""People sign in on the page at a real OpenID provider, its process and its keys."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from handlers.page.views.provider import ATTEMPT_LIFE
from tests.support.api import Api
from tests.support.browsing import Browser, browsing
from tests.support.clock import TurnedClock
from tests.support.oidc.installation import a_client, an_installation
from tests.support.oidc.process import (
    CLIENT_ID,
    CLIENT_SECRET,
    RunningProvider,
    a_provider,
    a_provider_process,
)

BEGIN = "/sign-in/provider"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with a_provider_process() as url:
        yield url


@pytest.fixture
async def idp(url: str) -> AsyncIterator[RunningProvider]:
    async with a_provider(url) as running:
        yield running


@asynccontextmanager
async def a_stranger(
    idp: RunningProvider,
    folder: Path,
    *,
    registered: str | None = CLIENT_SECRET,
    secret: str | None = CLIENT_SECRET,
    **options: Any,
) -> AsyncIterator[Browser]:
    client = a_client(secret=secret)
    async with (
        an_installation(idp, folder, client=client, **options) as api,
        browsing(api) as browser,
    ):
        await idp.register(api.url, secret=registered)
        yield browser


@pytest.fixture
async def stranger(idp: RunningProvider, tmp_path: Path) -> AsyncIterator[Browser]:
    async with a_stranger(idp, tmp_path) as browser:
        yield browser


async def go(browser: Browser, idp: RunningProvider, **how: str) -> str:
    """Go to the provider and log in; return the path that it leads back to."""
    begun = await browser.get(how.pop("begin", BEGIN))
    assert begun.status == 303
    back = await idp.log_in(begun.location, how.pop("user", "ada"), **how)
    assert back.startswith(f"{browser.api.url}/sign-in/callback?")
    return back.removeprefix(browser.api.url)


async def user_of(api: Api, session: str) -> Any:
    headers = {"Authorization": f"Bearer {session}"}
    return await api.bare("GET", "/api/data/user", headers=headers)


async def test_there_and_back_signs_in(stranger: Browser, idp: RunningProvider) -> None:
    asked = await stranger.get("/sign-in?next=/hooks")
    back = await go(stranger, idp, begin=f"{BEGIN}?next=/hooks")

    shown = await stranger.get(back)

    assert "Sign in with the university" in asked.text
    assert "/sign-in/provider?next=/hooks" in asked.text
    assert (shown.status, shown.location) == (303, "/hooks")
    page = await stranger.get("/hooks")
    assert (page.status, "ada" in page.text) == (200, True)
    # The session is one of the page's: API and sign-out know it.
    session = stranger.value(f"relaunch-{urlsplit(stranger.api.url).port}")
    assert (await user_of(stranger.api, session)).json["id"] == "ada-1"
    out = await stranger.post("/sign-out")
    assert out.location == "/sign-in/ended"
    assert (await user_of(stranger.api, session)).status == 401
    assert (await stranger.get("/hooks")).location == "/sign-in?next=/hooks"


async def test_a_public_client_signs_in_by_pkce_alone(
    idp: RunningProvider, tmp_path: Path
) -> None:
    async with a_stranger(idp, tmp_path, registered=None, secret=None) as stranger:
        shown = await stranger.get(await go(stranger, idp))

    assert (shown.status, shown.location) == (303, "/")


async def test_what_goes_to_the_provider_reveals_nothing_of_the_attempt(
    stranger: Browser,
) -> None:
    begun = await stranger.get(BEGIN)
    query = parse_qs(urlsplit(begun.location).query)
    cookie = begun.headers["Set-Cookie"]

    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{stranger.api.url}/sign-in/callback"]
    sent = [query[name][0] for name in ("state", "nonce", "code_challenge")]
    assert len(set(sent)) == 3
    assert not any(text in cookie for text in sent)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age=600" in cookie


@pytest.mark.parametrize("state", ["", "A" * 43, "é"], ids=str)
async def test_an_answer_with_another_state_signs_nobody_in(
    stranger: Browser, idp: RunningProvider, state: str
) -> None:
    back = await go(stranger, idp)
    right = parse_qs(urlsplit(back).query)["state"][0]

    shown = await stranger.get(back.replace(right, state))

    assert shown.status == 401
    assert "another sign-in" in shown.text
    assert (await stranger.get("/hooks")).status == 303
    # Whoever sent the browser here does not end the person's own attempt.
    assert (await stranger.get(back)).status == 303


async def test_nobody_is_signed_in_by_the_link_of_somebody_else(
    stranger: Browser, idp: RunningProvider
) -> None:
    back = await go(stranger, idp, user="mallory")
    async with browsing(stranger.api) as victim:
        without = await victim.get(back)
        await go(victim, idp)
        other = await victim.get(back)

        assert (without.status, other.status) == (401, 401)
        assert (await victim.get("/hooks")).status == 303


async def test_a_code_is_good_once(stranger: Browser, idp: RunningProvider) -> None:
    back = await go(stranger, idp)
    kept = stranger.kept()
    first = await stranger.get(back)
    again = await stranger.get(back)
    replayed = await stranger.get(back, Cookie=kept)

    assert first.status == 303
    assert (again.status, "is over" in again.text) == (401, True)
    assert (replayed.status, "used already" in replayed.text) == (401, True)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"nonce": "A" * 43}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": 1}, "expired"),
        ({"aud": "another"}, "audience"),
        ({"aud": ["relaunch page", "another"]}, "another client"),
        ({"azp": "another"}, "another client"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"sub": "installation"}, "own"),
    ],
    ids=str,
)
async def test_a_wrong_id_token_signs_nobody_in(
    stranger: Browser, idp: RunningProvider, claims: dict[str, Any], said: str
) -> None:
    await idp.order(id_token=claims)

    shown = await stranger.get(await go(stranger, idp))

    assert (shown.status, said in shown.text) == (401, True)
    assert (await stranger.get("/hooks")).status == 303


async def test_whoever_takes_too_long_begins_again(
    idp: RunningProvider, tmp_path: Path
) -> None:
    clock = TurnedClock()
    async with a_stranger(idp, tmp_path, clock=clock) as stranger:
        back = await go(stranger, idp)
        kept = stranger.kept()
        clock.advance(ATTEMPT_LIFE + timedelta(seconds=1))

        late = await stranger.get(back, Cookie=kept)

    assert (late.status, "longer than ten minutes" in late.text) == (401, True)


async def test_an_old_code_is_refused(stranger: Browser, idp: RunningProvider) -> None:
    await idp.order(code_life=-1)

    shown = await stranger.get(await go(stranger, idp))

    assert (shown.status, "too old" in shown.text) == (401, True)


async def test_cancelling_at_the_provider_leads_back_to_the_choice(
    stranger: Browser, idp: RunningProvider
) -> None:
    back = await go(stranger, idp, begin=f"{BEGIN}?next=/hooks", answer="no")

    shown = await stranger.get(back)

    assert (shown.status, "was cancelled" in shown.text) == (401, True)
    assert "/sign-in/provider?next=/hooks" in shown.text


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "/a%0D%0Ab"]
)
async def test_the_way_back_leads_to_no_other_site(
    stranger: Browser, idp: RunningProvider, path: str
) -> None:
    shown = await stranger.get(await go(stranger, idp, begin=f"{BEGIN}?next={path}"))

    assert shown.location == "/"


async def test_a_path_that_was_changed_on_the_way_ends_the_attempt(
    stranger: Browser, idp: RunningProvider
) -> None:
    back = await go(stranger, idp, begin=f"{BEGIN}?next=/hooks")
    kept = stranger.kept().replace("hooks", "other")
    async with browsing(stranger.api) as changed:
        shown = await changed.get(back, Cookie=kept)

    assert (shown.status, "another sign-in" in shown.text) == (401, True)


async def test_a_wrong_secret_is_the_operators_and_is_not_shown(
    idp: RunningProvider, tmp_path: Path
) -> None:
    async with a_stranger(idp, tmp_path, secret="wrong") as stranger:
        shown = await stranger.get(await go(stranger, idp))

    assert (shown.status, "auth.client_secret" in shown.text) == (503, True)
    assert "wrong" not in shown.text


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"body": "[]"}, {"issuer": "https://evil.example"}]
)
async def test_an_outage_of_the_provider_is_said_and_passes(
    stranger: Browser, idp: RunningProvider, fault: dict[str, Any]
) -> None:
    await idp.order(faults=fault)
    during = await stranger.get(BEGIN)
    await idp.order(faults={})

    assert (during.status, "does not answer" in during.text) == (503, True)
    assert (await stranger.get(await go(stranger, idp))).status == 303


async def test_a_provider_that_failed_is_not_asked_again_at_once(
    idp: RunningProvider, tmp_path: Path
) -> None:
    hour = timedelta(hours=1)
    async with a_stranger(idp, tmp_path, pause=hour) as browser:
        await idp.order(faults={"status": 500})
        during = await browser.get(BEGIN)
        await idp.order(faults={})
        after = await browser.get(BEGIN)

    assert (during.status, after.status) == (503, 503)


async def test_the_longest_path_comes_back(
    stranger: Browser, idp: RunningProvider
) -> None:
    path = "/" + "a/" * 249

    back = await stranger.get(await go(stranger, idp, begin=f"{BEGIN}?next={path}"))

    assert (back.status, back.location) == (303, path)


async def test_without_a_provider_there_is_nothing_to_sign_in_at(
    idp: RunningProvider, tmp_path: Path
) -> None:
    async with an_installation(idp, tmp_path) as api, browsing(api) as browser:
        asked = await browser.get("/sign-in")
        begun = await browser.get(BEGIN)
        back = await browser.get("/sign-in/callback?code=a&state=b")

    assert "relaunch open" in asked.text
    assert (begun.status, back.status) == (404, 404)


async def test_the_session_before_ends_when_another_person_signs_in(
    stranger: Browser, idp: RunningProvider
) -> None:
    name = f"relaunch-{urlsplit(stranger.api.url).port}"
    await stranger.get(await go(stranger, idp, user="ada"))
    before = stranger.value(name)
    await stranger.get(await go(stranger, idp, user="grace"))

    assert (await user_of(stranger.api, before)).status == 401
    now = await user_of(stranger.api, stranger.value(name))
    assert now.json["username"] == "grace"


@pytest.mark.parametrize(
    ("fault", "is_offered"),
    [
        ({}, True),
        ({"lacks": ["end_session_endpoint"]}, False),
        ({"status": 500}, False),
    ],
    ids=["stated", "not stated", "silent"],
)
async def test_the_session_at_the_provider_can_be_ended_where_it_says_how(
    stranger: Browser, idp: RunningProvider, *, fault: dict[str, Any], is_offered: bool
) -> None:
    await idp.order(faults=fault)

    shown = await stranger.get("/sign-in/ended")

    assert "Your session here has ended" in shown.text
    links = re.findall(r'href="(http[^"]+)"', shown.text)
    assert len(links) == int(is_offered)
    for link in links:
        query = parse_qs(urlsplit(unescape(link)).query)
        assert query == {
            "client_id": [CLIENT_ID],
            "post_logout_redirect_uri": [f"{stranger.api.url}/sign-in"],
        }
