"""No answer tells a caller of a private project: not its ids, nor that it is there.

Every route of the table is asked, with ids of what is there and of what is nowhere.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handlers.route import ListOf, MediaType, Route
from handlers.routes import ROUTES
from service.domain.rights.decision import Permission
from service.domain.rights.project import DEFAULT_PROJECT
from tests.handlers.rights.conftest import Installation
from tests.handlers.rights.test_every_route import body_of, filled
from tests.support.api import TOKEN, Answer, Api
from tests.support.repos import Repo
from tests.support.rights import Populated

GUARDED = [route for route in ROUTES if route.needs.reads_credentials]
NOWHERE: Mapping[str, str] = {
    "project_id": "7" + "Z" * 25,
    "namespace": "nowhere",
    "slug": "nothing",
    "launcher_id": "7" + "Y" * 25,
    "environment_id": "7" + "X" * 25,
    "build_id": "7" + "W" * 25,
    "source_id": "7" + "V" * 25,
    "delivery_id": "d-" + "9" * 24,
    "hook_id": "hook-9",
    "member_id": "nobody",
    "channel_id": "7" + "T" * 25,
}
"""Ids of what does not exist, each as long as the one of what does."""
ELSEWHERE = "https://nowhere.example/uni/course"


def named(route: Route) -> set[str]:
    """Return what a request names, in its path or in its body."""
    names = set(re.findall(r"{(\w+)}", route.path))
    if route.needs is Permission.EDITOR_BY_BODY:
        names.add("project_id")
    return names & NOWHERE.keys()


async def send(
    api: Api, route: Route, made: Populated, ids: Mapping[str, str], token: str | None
) -> tuple[Answer, str]:
    """Send a request; return its answer, and its text without the ids that it named."""
    path = route.path.format(**dict(made.ids) | dict(ids))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if route.method == "PATCH" and route.path.endswith("{project_id}"):
        headers["If-Match"] = made.project.etag
    body: Any = None
    if route.method in {"POST", "PATCH"}:
        body = body_of(route, replace(made, project=_called(made, ids)))
    answer = await api.bare(route.method, path, body, headers=headers)
    text = answer.text
    for name in named(route):
        text = text.replace(ids.get(name, made.ids[name]), f"<{name}>")
    return answer, text


def _called(made: Populated, ids: Mapping[str, str]) -> Any:
    name = ids.get("project_id", made.project.id)
    return replace(made.project, id=type(made.project.id)(name))


async def test_what_is_private_is_answered_as_what_is_nowhere(
    repo: Repo, tmp_path: Path
) -> None:
    told: dict[str, Any] = {}
    async with filled(tmp_path, repo) as (api, made):
        for route in GUARDED:
            if not named(route) or route.answer is MediaType.STREAM:
                continue
            for caller in ("outsider", "anonymous"):
                token = made.tokens[caller]
                there, here = await send(api, route, made, {}, token)
                absent, gone = await send(api, route, made, NOWHERE, token)
                if (there.status, here) != (absent.status, gone):
                    told[f"{route.method} {route.path} {caller}"] = (
                        (there.status, here[:200]),
                        (absent.status, gone[:200]),
                    )

    assert told == {}


async def test_a_removal_of_what_the_caller_cannot_see_removes_nothing(
    repo: Repo, tmp_path: Path
) -> None:
    async with filled(tmp_path, repo) as (api, made):
        headers = {"Authorization": f"Bearer {made.tokens['outsider']}"}
        for path in (
            f"/api/data/session_launchers/{made.ids['launcher_id']}",
            f"/api/data/projects/{made.ids['project_id']}",
        ):
            answer = await api.bare("DELETE", path, headers=headers)

            assert answer.status == 204
            assert (await api.call("GET", path)).status == 200
            viewer = {"Authorization": f"Bearer {made.tokens['viewer']}"}
            assert (await api.bare("DELETE", path, headers=viewer)).status == 404


def asked(made: Populated, url: str) -> Iterator[tuple[str, str, str]]:
    """Return queries about what is private, and their likes about what is nowhere."""
    data, ours = "/api/data", "/api/relaunch"
    yield f"{data}/sessions/images?image_url=", "registry/one:1", "registry/two:1"
    yield f"{data}/projects?namespace=", "ada", "eve"
    yield f"{data}/session_launchers?name=", "notebooks", "elsewhere"
    yield f"{data}/alerts?session_name=", "notebooks", "elsewhere"
    yield f"{ours}/session_launchers?repository=", url, ELSEWHERE
    yield f"{ours}/session_launchers?name=", "notebooks", "elsewhere"
    yield f"{ours}/deliveries?hook=", made.ids["hook_id"], NOWHERE["hook_id"]
    for name in ("launcher_id", "build_id", "delivery_id", "source_id"):
        yield f"{ours}/explanations?of=", made.ids[name], NOWHERE[name]
    yield f"{ours}/explanations?of=", "notebooks", "elsewhere"


@pytest.mark.parametrize("caller", ["outsider", "anonymous"])
async def test_no_search_finds_what_is_private(
    caller: str, repo: Repo, tmp_path: Path
) -> None:
    told: dict[str, Any] = {}
    async with filled(tmp_path, repo) as (api, made):
        token = made.tokens[caller]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for path, there, nowhere in asked(made, repo.url):
            seen = []
            for value in (there, nowhere):
                answer = await api.bare("GET", path + value, headers=headers)
                counts = {
                    name: answer.headers.get(name)
                    for name in ("total", "total-pages", "Link", "next-cursor")
                }
                seen.append(
                    (answer.status, answer.text.replace(value, "<value>"), counts)
                )
            if seen[0] != seen[1]:
                told[path] = seen

    assert told == {}


async def test_no_list_names_anything_private(repo: Repo, tmp_path: Path) -> None:
    told: dict[str, Any] = {}
    async with filled(tmp_path, repo) as (api, made):
        secrets = {
            text for name, text in made.ids.items() if name in NOWHERE and len(text) > 5
        } | {made.project.name, repo.url, repo.tip()}
        for route in ROUTES:
            if route.method != "GET" or "{" in route.path:
                continue
            if route.answer is MediaType.STREAM:
                continue
            for caller in ("outsider", "anonymous"):
                token = made.tokens[caller]
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                answer = await api.bare("GET", route.path, headers=headers)
                found = {text for text in secrets if text in answer.text}
                is_list = isinstance(route.answer, ListOf)
                # A caller has tokens of their own.
                is_list = is_list and not route.path.endswith("/tokens")
                is_counted = is_list and answer.headers.get("total", "0") != "0"
                if found or is_counted:
                    told[f"{route.path} {caller}"] = (found, answer.text[:300])

    assert told == {}


@pytest.mark.parametrize("caller", ["outsider", "anonymous"])
async def test_whether_somebody_follows_a_private_repository_is_told_to_nobody(
    caller: str, place: Installation
) -> None:
    await place.follow(place.secret.url, token=TOKEN, project=DEFAULT_PROJECT)
    await place.build()
    headers = {}
    if caller == "outsider":
        headers["Authorization"] = f"Bearer {place.outsider}"
    seen = []
    for url in (place.secret.url, f"{place.forge.url}/ada/no-such"):
        before = len(place.forge.requests)
        path = f"/api/data/repository?url={url}"
        answer = await place.api.bare("GET", path, headers=headers)
        # As many questions at the forge: the time of an answer tells, too.
        asked = len(place.forge.requests) - before
        seen.append((answer.status, answer.json, asked > 0))

    assert seen[0] == seen[1]
