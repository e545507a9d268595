"""Who sees the pages, and whose forms are taken."""

import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from hashlib import sha256

import pytest

from handlers.page.routes import PAGES
from service.domain.rights.caller import MemberRole
from service.domain.rights.decision import Permission
from tests.support.api import PUBLIC_URL, TOKEN, Api
from tests.support.browsing import Browser, browsing


@pytest.fixture
async def other(api: Api) -> AsyncIterator[Browser]:
    async with browsing(api) as it:
        yield it


async def link(api: Api) -> str:
    answer = await api.call("POST", "/api/relaunch/sign_in_links")
    assert answer.status == 201
    path: str = answer.json["path"]
    return path


async def test_a_link_signs_in_once_and_stays_in_no_address(
    api: Api, stranger: Browser, other: Browser
) -> None:
    path = await link(api)

    first, second = await stranger.get(path), await other.get(path)

    assert (first.status, first.location) == (303, "/")
    assert (await stranger.get("/")).status == 200
    assert second.status == 401
    assert "used already" in second.text
    assert (await other.get("/")).location == "/sign-in"


async def test_a_link_that_nobody_followed_opens_nothing_after_a_while(
    api: Api, stranger: Browser
) -> None:
    path = await link(api)
    api.world.clock.advance(timedelta(minutes=16))

    assert (await stranger.get(path)).status == 401


async def test_the_code_of_a_link_is_no_token(api: Api) -> None:
    code = (await link(api)).partition("=")[2]

    headers = {"Authorization": f"Bearer {code}"}
    answer = await api.bare("GET", "/api/data/user", headers=headers)

    assert answer.status == 401


async def test_a_limited_token_makes_no_links(api: Api) -> None:
    body = {"name": "ci", "role": MemberRole.VIEWER.value}
    made = await api.call("POST", "/api/relaunch/tokens", body)
    headers = {"Authorization": f"Bearer {made.json['token']}"}

    answer = await api.bare("POST", "/api/relaunch/sign_in_links", headers=headers)

    assert answer.status == 403


async def test_the_cookie_is_read_by_no_script_and_sent_by_no_other_site(
    stranger: Browser,
) -> None:
    here = (await stranger.sign_in()).headers["Set-Cookie"]
    name = PUBLIC_URL.removeprefix("https://")
    public = await stranger.post(
        "/sign-in",
        {"token": TOKEN},
        csrf="",
        headers={"Host": name, "Origin": PUBLIC_URL},
    )
    there = public.headers["Set-Cookie"]

    for cookie in (here, there):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
    assert "Secure" not in here
    # The public URL is HTTPS: the prefix binds the cookie to the host.
    assert there.startswith("__Host-relaunch=")
    assert "Secure" in there


async def test_whoever_signs_out_is_out_everywhere(
    browser: Browser, other: Browser
) -> None:
    before = await browser.get("/")
    cookie = (await browser.sign_in()).headers["Set-Cookie"].partition(";")[0]
    await browser.post("/sign-out")

    assert before.status == 200
    assert (await browser.get("/")).location == "/sign-in"
    stolen = await other.get("/", Cookie=cookie)
    assert stolen.location == "/sign-in"


async def test_a_wrong_token_is_refused_and_not_repeated(stranger: Browser) -> None:
    shown = await stranger.sign_in("<script>guess")

    assert shown.status == 401
    assert "guess" not in shown.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_what_another_page_sends_is_refused(
    browser: Browser, headers: Mapping[str, str]
) -> None:
    shown = await browser.post("/sign-out", headers=headers)

    assert shown.status == 403
    assert (await browser.get("/")).status == 200


async def test_a_form_without_its_token_is_refused(browser: Browser) -> None:
    for csrf in ("", "0" * 40, "é"):
        assert (await browser.post("/sign-out", csrf=csrf)).status == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 422),
        ("127.0.0.1.evil.example:80", 422),
        (PUBLIC_URL.removeprefix("https://"), 200),
        ("localhost:1", 200),
        ("[::1]:80", 200),
    ],
)
async def test_the_page_answers_under_its_own_names_only(
    stranger: Browser, host: str, status: int
) -> None:
    assert (await stranger.get("/sign-in", Host=host)).status == status


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "/a%0D%0Ab"]
)
async def test_signing_in_leads_to_no_other_site(stranger: Browser, path: str) -> None:
    token = await stranger.csrf()

    shown = await stranger.post(
        f"/sign-in?next={path}", {"token": "a-token-for-tests"}, csrf=token
    )

    assert shown.location == "/"


async def test_nobody_sees_a_page_before_signing_in(stranger: Browser) -> None:
    for page in PAGES:
        if page.needs is Permission.OPEN or page.method != "GET":
            continue
        path = page.path.replace("{", "").replace("}", "")

        shown = await stranger.get(path)

        assert shown.status == 303, path
        assert shown.location.startswith("/sign-in"), path


async def test_every_page_is_strict_about_what_it_loads(browser: Browser) -> None:
    for path in ("/", "/sign-in", "/create", "/hooks"):
        shown = await browser.get(path)
        policy = shown.headers["Content-Security-Policy"]

        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'")
        assert shown.headers["Cache-Control"] == "no-store"
        assert " style=" not in shown.text
        assert "<script>" not in shown.text
        # The one style sheet is let in by its digest, and no other.
        (style,) = re.findall(r"<style>(.*?)</style>", shown.text, re.DOTALL)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}';" in policy
        assert len(shown.text.encode()) < 100_000


async def test_files_are_kept_under_the_name_of_their_content(
    stranger: Browser,
) -> None:
    page = await stranger.get("/sign-in")
    (url,) = re.findall(r'<script src="(/static/scripts.js[^"]*)"', page.text)

    named, plain = await stranger.get(url), await stranger.get("/static/scripts.js")

    assert "immutable" in named.headers["Cache-Control"]
    assert named.headers["Content-Encoding"] == "gzip"
    bare = await stranger.get(url, **{"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in bare.headers
    assert bare.text == named.text
    # What a stranger wrote stands beside a secret: pages are not compressed.
    assert "Content-Encoding" not in page.headers
    assert plain.headers["Cache-Control"] == "no-cache"
    assert (await stranger.get("/static/../page.py")).status == 404
    assert (await stranger.get("/static/nothing.css")).status == 404
