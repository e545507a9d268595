"""Whatever a caller sends, the answer is an answer and never a 500."""

import io
import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from yarl import URL

from handlers.route import MediaType, Route
from handlers.routes import ROUTES
from tests.support.api import TOKEN, Answer, Api
from tests.support.processor_time import processor_time

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
WORDS = st.sampled_from(
    [
        *("name", "project_id", "environment", "repository", "update_policy", "value"),
        *("builder_variant", "frontend_variant", "platforms", "context_dir", "image"),
        *("build_parameters", "status", "forge", "body", "headers", "hook_id", "proof"),
        *("env_variables", "command", "args", "disk_storage", "repository_revision"),
        *("environment_image_source", "description", "launcher_type"),
    ]
)
TEXTS = st.one_of(
    st.sampled_from(["python", "vscodium", "build", "cancelled", "github", "manual"]),
    st.sampled_from(["https://github.com/a/b", "http://[::1", "file:///x", ULID]),
    st.text(st.characters(codec="utf-8"), max_size=20),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | TEXTS, inner, max_size=8)
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.dictionaries(WORDS, VALUES, max_size=8).map(
        lambda item: json.dumps(item).encode()
    ),
    VALUES.map(lambda item: json.dumps(item).encode()),
    st.binary(max_size=60),
    st.sampled_from(
        [
            b'{"name": "\\ud800"}',
            b"[" * 5000,
            b'{"disk_storage": ' + b"9" * 5000 + b"}",
            b'{"name": "a", "name": "b"}',
            b"\xef\xbb\xbf{}",
            b"\x00",
        ]
    ),
)
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
MATCHING = {"If-Match": '"made-up"'}
"""Without it changes of projects are 428, whatever they name."""
WRITING = [
    route
    for route in ROUTES
    if route.method in {"POST", "PATCH"} and "/api" in route.path
]
READING = [
    route
    for route in ROUTES
    if route.method == "GET" and route.answer is not MediaType.STREAM
]


def real(path: str, id_: str = ULID) -> str:
    return "/".join(id_ if part.startswith("{") else part for part in path.split("/"))


@pytest.fixture
async def prepared(live: Api) -> Api:
    await live.add_launcher("https://github.com/me/course")
    return live


MANY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


LARGE = {
    "lists": b"[" + b"[]," * 2_000_000 + b"[]]",
    "keys": b"{" + b",".join(b'"%d":1' % number for number in range(600_000)) + b"}",
    "one key again and again": b"{" + b'"name":[],' * 600_000 + b'"name":""}',
    "blanks": b"{" + b" " * 5_000_000 + b"}",
    "no end": b'{"name":' + b"[" * 5_000_000,
    "no UTF-8": b'{"name":"' + b"\xff" * 100_000 + b'"}',
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize(
    "path", ["hooks", "simulations", f"session_launchers/{ULID}/move"]
)
async def test_a_body_of_many_parts_does_not_hold_the_others_up(
    live: Api, path: str, body: bytes
) -> None:
    with processor_time() as taken:
        answer = await live.bare(
            "POST", f"/api/relaunch/{path}", data=io.BytesIO(body), headers=HEADERS
        )

    assert answer.status in {404, 422}
    # Read as a whole it takes five seconds; the client's part is in it.
    assert taken() < 1


@MANY
@given(
    route=st.sampled_from(WRITING),
    body=BODIES,
    is_known=st.booleans(),
)
async def test_no_body_is_a_server_error(
    prepared: Api, route: Route, body: bytes, *, is_known: bool
) -> None:
    id_ = await _known(prepared, route.path) if is_known else ULID

    answer = await prepared.bare(
        route.method, real(route.path, id_), data=body, headers=HEADERS
    )

    assert answer.status < 500, answer
    _is_told_properly(answer)


@MANY
@given(
    route=st.sampled_from(READING),
    id_=st.text(st.characters(codec="utf-8"), min_size=1, max_size=30),
    query=st.dictionaries(
        st.sampled_from(["limit", "page", "per_page", "of", "hook", "max_lines", "x"]),
        st.one_of(st.integers().map(str), st.text(st.characters(codec="utf-8"))),
    ),
)
async def test_no_url_is_a_server_error(
    prepared: Api, route: Route, id_: str, query: dict[str, str]
) -> None:
    path = f"{real(route.path, quote(id_, safe=''))}?{urlencode(query)}"

    answer = await prepared.bare(route.method, path, headers=HEADERS)

    assert answer.status < 500, answer
    if route.answer not in {MediaType.TEXT, MediaType.HTML}:
        _is_told_properly(answer)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"%ff%fe", id="no utf-8"),
        pytest.param(b"%00", id="nul"),
        pytest.param(b"%ed%a0%80", id="half a character"),
        pytest.param(b"a" * 4000, id="long"),
        pytest.param(b"..%2f..%2fetc", id="up"),
    ],
)
async def test_no_strange_id_is_a_server_error(prepared: Api, raw: bytes) -> None:
    for route in ROUTES:
        if "/api" not in route.path or "{" not in route.path:
            continue
        path = real(route.path, raw.decode())
        url = URL(prepared.url + path, encoded=True)
        async with prepared.session.request(
            route.method, url, headers=HEADERS | MATCHING, json={}
        ) as response:
            assert response.status in {404, 422}, (route, response.status)


async def _known(api: Api, path: str) -> str:
    """Return an id that is there, so that a body is read and not only the path."""
    (launcher,) = await api.get("/session_launchers?per_page=1")
    (build,) = await api.get("/builds?limit=1")
    if "builds/{" in path:
        return str(build["id"])
    key = "environment" if "environments" in path else ""
    return str(launcher[key]["id"] if key else launcher["id"])


def _is_told_properly(answer: Answer) -> None:
    if answer.status >= 400:
        error = answer.json["error"]
        assert error["code"] == 1000 + answer.status
        assert error["message"]
