"""The headers that the OpenAPI document names are those that are read and sent."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from handlers.api.document.headers import HEADERS
from handlers.api.openapi import document
from handlers.route import MediaType, Route, Surface
from handlers.routes import ROUTES
from tests.handlers.api.conftest import Many
from tests.handlers.api.test_lists import LISTS, by_two
from tests.support.api import Answer, Api
from tests.support.rights import Populated

STALE = '"0123"'
GLOBAL = "/api/data/environments/{environment_id}"
QUERIES = {
    "/api/data/repository": "url=file:///nowhere/at/all",
    "/api/relaunch/explanations": "of={build_id}",
    "/api/data/sessions/images": "image_url=x",
}
"""Parameters without which there is no answer."""


@pytest.fixture(scope="module")
def spec() -> Any:
    return document(ROUTES, version="1.2.3")


def routes(*methods: str) -> Iterator[Route]:
    for route in ROUTES:
        is_guarded = route.part is Surface.API and route.needs.reads_credentials
        if is_guarded and route.method in methods:
            yield route


def read(spec: Any, route: Route) -> set[str]:
    """Return the request headers that are declared."""
    operation = spec["paths"][route.path][route.method.lower()]
    parameters = operation.get("parameters", ())
    return {each["name"] for each in parameters if each["in"] == "header"}


def sent(spec: Any, route: Route) -> set[str]:
    """Return the headers that are declared for the success of a route."""
    operation = spec["paths"][route.path][route.method.lower()]
    answer = operation["responses"][str(route.status.value)]
    return set(answer.get("headers", ()))


def seen(answer: Answer) -> set[str]:
    return {name for name in HEADERS if name in answer.headers}


async def ids_of(api: Api, made: Populated) -> Mapping[str, str]:
    """Return ids of what the project holds, and of a global environment."""
    body = {
        "name": "R",
        "container_image": "example.org/r:1",
        "environment_image_source": "image",
    }
    added = await api.call("POST", "/api/data/environments", body)
    assert added.status == 201, added
    return {**made.ids, "environment": added.json["id"]}


def path_of(route: Route, ids: Mapping[str, str]) -> str:
    is_global = route.path == GLOBAL
    known = {**ids, "environment_id": ids["environment"]} if is_global else ids
    query = QUERIES.get(route.path, "")
    return (f"{route.path}?{query}" if query else route.path).format(**known)


async def test_every_list_sends_what_the_document_says(many: Many, spec: Any) -> None:
    api, made = many
    for route in LISTS:
        answer = await api.call("GET", by_two(route, made))

        declared = sent(spec, route)
        is_empty = route.path.endswith("/dead_letters")
        missing = {"Link"} if is_empty else set()
        assert seen(answer) == declared - missing, route.path
        if "per-page" in declared:
            whole = await api.call("GET", route.path.format(**made.ids))
            length = int(whole.headers["per-page"])
            assert length <= HEADERS["per-page"]["schema"]["maximum"], route.path


async def test_every_read_sends_a_tag_and_is_answered_304_as_the_document_says(
    many: Many, spec: Any
) -> None:
    api, made = many
    ids = await ids_of(api, made)
    tagged = 0
    for route in routes("GET"):
        if route.answer is MediaType.STREAM or route in LISTS:
            continue
        first = await api.call("GET", path_of(route, ids))
        known = {"If-None-Match": first.headers.get("ETag", STALE)}
        again = await api.call("GET", path_of(route, ids), headers=known)

        responses = spec["paths"][route.path]["get"]["responses"]
        is_declared = "304" in responses
        assert ("If-None-Match" in read(spec, route)) is is_declared, route.path
        assert (again.status == 304) is is_declared, (route.path, again)
        if first.status == 200:
            assert seen(first) == sent(spec, route), route.path
        tagged += "ETag" in first.headers
    assert tagged >= 6


async def test_every_change_reads_a_version_where_the_document_says(
    many: Many, spec: Any
) -> None:
    api, made = many
    ids = await ids_of(api, made)
    for route in (*routes("PATCH"), *routes("DELETE")):
        body: object = [] if route.path.endswith("/members") else {}
        refused = await api.call(
            route.method,
            path_of(route, ids),
            body if route.method == "PATCH" else None,
            headers={"If-Match": STALE},
        )

        is_read = refused.status == 409 and "Current ETag is" in refused.text
        assert is_read is ("If-Match" in read(spec, route)), (route, refused)
        if is_read:
            continue
        assert "Current ETag is" not in refused.text, route.path
    change = spec["paths"]["/api/data/projects/{project_id}"]["patch"]
    (version,) = [each for each in change["parameters"] if each["name"] == "If-Match"]
    assert version["required"] is True


async def test_every_change_of_what_has_versions_answers_with_the_new_one(
    many: Many, spec: Any
) -> None:
    api, made = many
    ids = await ids_of(api, made)
    changed = 0
    for route in routes("PATCH"):
        if "ETag" not in sent(spec, route):
            continue
        path = path_of(route, ids)
        before = (await api.call("GET", path)).headers["ETag"]
        answer = await api.call(
            "PATCH", path, {"description": route.name}, headers={"If-Match": before}
        )

        assert answer.status == 200, answer
        assert seen(answer) == sent(spec, route), route.path
        assert answer.headers["ETag"] != before
        changed += 1
    assert changed == 4


async def test_every_post_takes_a_key_where_the_document_says(
    many: Many, spec: Any
) -> None:
    api, made = many
    ids = await ids_of(api, made)
    for route in routes("POST"):
        answer = await api.call(
            "POST", path_of(route, ids), {}, headers={"Idempotency-Key": "no key"}
        )

        assert answer.status == 422, (route.path, answer)
        told = answer.json["error"]["message"]
        is_taken = "expected 1 to 255 characters" in told
        declared = "Idempotency-Key" in read(spec, route)
        assert is_taken is declared, (route.path, told)
        assert ("Idempotency-Replayed" in sent(spec, route)) is declared


async def test_the_head_of_whatever_is_read_is_answered_without_a_body(
    many: Many,
) -> None:
    api, made = many
    ids = await ids_of(api, made)
    for route in (route for route in ROUTES if route.method == "GET"):
        path = path_of(route, ids)
        head = await api.call("HEAD", path)

        assert head.text == "", path
        if route.answer is MediaType.STREAM:
            assert head.status == 200, path
            continue
        whole = await api.call("GET", path)
        assert head.status == whole.status, path
        names = ("ETag", "Content-Type", *HEADERS)
        for name in names:
            assert head.headers.get(name) == whole.headers.get(name), (path, name)


def test_streams_are_taken_up_again(spec: Any) -> None:
    for route in ROUTES:
        is_stream = route.answer is MediaType.STREAM
        assert ("Last-Event-ID" in read(spec, route)) is is_stream, route.path


async def test_a_delivery_is_described_with_what_it_is_refused_for(
    many: Many, spec: Any
) -> None:
    api, _ = many
    operation = spec["paths"]["/webhooks/github/{hook_id}"]["post"]
    gitlab = spec["paths"]["/webhooks/gitlab/{hook_id}"]["post"]
    path = "/webhooks/github/nothing"

    stranger = await api.bare("POST", path, {}, headers={"X-GitHub-Event": "push"})

    assert set(operation["requestBody"]["content"]) == {
        "application/json",
        "application/x-www-form-urlencoded",
    }
    assert set(gitlab["requestBody"]["content"]) == {"application/json"}
    assert {"400", "401", "403", "413", "415"} <= set(operation["responses"])
    assert str(stranger.status) in operation["responses"]
