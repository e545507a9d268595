"""Every route, driven by every kind of caller, does what the table in docs/ states."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from handlers.route import ListOf, MediaType, Route, Surface
from handlers.routes import ROUTES
from scripts.rights import ANSWERS, CALLERS
from service.adapters.clock import SystemClock
from service.domain.rights.decision import Permission
from service.domain.rights.project import Visibility
from tests.support.api import Api, a_table_bus, serving
from tests.support.repos import Repo
from tests.support.rights import Populated, populate
from tests.support.world import a_world

GUARDED = [route for route in ROUTES if route.needs.reads_credentials]
DENIED = {401, 403, 404}
WRONG = ("bad", "expired", "revoked")
"""Credentials that were never any, or are none any more."""
_NO_PROJECTS = (
    "/user",
    "/tokens",
    "/environments",
    "/resource_pools",
    "/classes",
    "/pauses",
    "/alerts",
    "/build_options",
)
"""Lists of what belongs to a user, or to everybody, or of what is not there."""


@asynccontextmanager
async def filled(
    folder: Path, repo: Repo, *, visibility: Visibility = Visibility.PRIVATE
) -> AsyncIterator[tuple[Api, Populated]]:
    async with (
        a_world(folder) as world,
        a_table_bus(folder) as bus,
        serving(world, bus, allows_anonymous=True, clock=SystemClock()) as api,
    ):
        yield api, await populate(world, repo.repository, visibility=visibility)


async def status_of(api: Api, route: Route, made: Populated, caller: str) -> int:
    path = route.path.format(**made.ids)
    token = made.tokens[caller]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if route.method == "PATCH" and route.path.endswith("{project_id}"):
        headers["If-Match"] = made.project.etag
    if route.answer is MediaType.STREAM:
        async with api.session.get(api.url + path, headers=headers) as response:
            return response.status
    body = body_of(route, made) if route.method in {"POST", "PATCH"} else None
    return (await api.bare(route.method, path, body, headers=headers)).status


def body_of(route: Route, made: Populated) -> Any:
    """Return a body that names the project, and is wrong in nothing that decides."""
    if route.needs is not Permission.EDITOR_BY_BODY:
        return [] if route.path.endswith("/members") else {}
    url = made.project.repositories[0].url
    if route.path.endswith("/hooks"):
        return {"repository": url, "forge": "gitlab", "paste": True}
    environment = {
        "repository": url,
        "builder_variant": "python",
        "frontend_variant": "none",
        "environment_image_source": "build",
    }
    return {
        "name": "another",
        "project_id": made.project.id,
        "environment": environment,
        "launcher_type": "interactive",
    }


def is_as_stated(status: int, stated: str) -> bool:
    if stated in {"yes", "own"}:
        return status < 500 and status not in DENIED
    return status == int(stated)


def stated_of(route: Route) -> dict[str, str]:
    """Return the row of the table, but for ids of what is not there."""
    stated = dict(zip(CALLERS, ANSWERS[route.needs], strict=True))
    if "{token_id}" in route.path:
        return dict.fromkeys(stated, "403") | {"anonymous": "401", "admin": "404"}
    if route.path.endswith("/sign_in_links"):
        # These callers show API tokens, which make no links.
        return dict.fromkeys(stated, "403") | {"anonymous": "401", "admin": "yes"}
    if any(name in route.path for name in ("{pool_id}", "{letter_id}", "{class_id}")):
        absent = {name for name, cell in stated.items() if cell in {"own", "yes"}}
        return stated | dict.fromkeys(absent, "404")
    is_global = route.path.endswith("/environments/{environment_id}")
    if is_global and route.method != "DELETE":
        # Global environments alone are found there, and this one is a launcher's.
        served = {name for name, cell in stated.items() if cell in {"own", "yes"}}
        return stated | dict.fromkeys(served, "404")
    if "{slug}" in route.path:
        return dict.fromkeys(stated, "yes") | {"anonymous": "404"}
    return stated


async def differences(api: Api, route: Route, made: Populated) -> dict[str, Any]:
    """Drive a route with every caller; return what is not as stated."""
    wrong: dict[str, Any] = {}
    stated = stated_of(route) | dict.fromkeys(WRONG, "401")
    for caller in (*WRONG, *CALLERS):
        status = await status_of(api, route, made, caller)
        if not is_as_stated(status, stated[caller]):
            wrong[f"{route.method} {route.path} {caller}"] = (status, stated[caller])
        # What an allowed caller removed cannot show what others are answered.
        if route.method == "DELETE" and status == 204:
            break
    return wrong


async def test_every_route_answers_each_caller_as_the_table_states(
    repo: Repo, tmp_path: Path
) -> None:
    wrong: dict[str, Any] = {}
    async with filled(tmp_path, repo) as (api, made):
        for route in sorted(GUARDED, key=lambda each: each.method):
            if route.method != "DELETE":
                wrong |= await differences(api, route, made)

    assert wrong == {}


@pytest.mark.parametrize(
    "route",
    [route for route in GUARDED if route.method == "DELETE"],
    ids=lambda route: route.path,
)
async def test_a_removal_answers_each_caller_as_the_table_states(
    route: Route, repo: Repo, tmp_path: Path
) -> None:
    async with filled(tmp_path, repo) as (api, made):
        assert await differences(api, route, made) == {}


async def test_what_a_public_project_holds_is_read_by_anyone(
    repo: Repo, tmp_path: Path
) -> None:
    refused: dict[str, int] = {}
    async with filled(tmp_path, repo, visibility=Visibility.PUBLIC) as (api, made):
        for route in GUARDED:
            if route.needs is not Permission.VIEWER:
                continue
            for caller in ("anonymous", "outsider"):
                status = await status_of(api, route, made, caller)
                if status in DENIED or status >= 500:
                    refused[f"{route.path} {caller}"] = status

    assert refused == {}


async def test_the_other_lists_show_nothing_of_a_private_project(
    repo: Repo, tmp_path: Path
) -> None:
    lists = [
        route.path
        for route in ROUTES
        if route.needs in {Permission.ANYONE, Permission.USER}
        and route.method == "GET"
        and "{" not in route.path
        and isinstance(route.answer, ListOf)
        and not route.path.endswith((*_NO_PROJECTS, "/explanations"))
    ]
    async with filled(tmp_path, repo) as (api, made):
        for path in lists:
            found = {}
            for caller in ("outsider", "viewer", "editor", "admin"):
                headers = {"Authorization": f"Bearer {made.tokens[caller]}"}
                answer = await api.bare("GET", path, headers=headers)
                found[caller] = len(answer.json)

            assert found["outsider"] == 0, path
            assert found["editor"] > 0, path
            assert found["viewer"] == (0 if path.endswith("/hooks") else 1) or (
                found["viewer"] == found["editor"]
            ), path


@pytest.mark.parametrize("what", ["launcher_id", "build_id", "delivery_id"])
async def test_an_explanation_is_for_those_who_read_the_project(
    what: str, repo: Repo, tmp_path: Path
) -> None:
    async with filled(tmp_path, repo) as (api, made):
        for caller, expected in {"outsider": 404, "viewer": 200, "admin": 200}.items():
            answer = await api.bare(
                "GET",
                f"/api/relaunch/explanations?of={made.ids[what]}",
                headers={"Authorization": f"Bearer {made.tokens[caller]}"},
            )
            assert answer.status == expected, (caller, answer)


async def test_what_is_not_there_and_what_is_not_ones_own_get_one_answer(
    repo: Repo, tmp_path: Path
) -> None:
    async with filled(tmp_path, repo) as (api, made):
        headers = {"Authorization": f"Bearer {made.tokens['outsider']}"}
        said = []
        for name in (made.ids["launcher_id"], "7" + "Z" * 25):
            path = f"/api/data/session_launchers/{name}"
            answer = await api.bare("GET", path, headers=headers)
            said.append(answer.json["error"]["message"].replace(name, "X"))

    assert said[0] == said[1]
    assert said[0].endswith(" does not exist or you do not have access to it.")


def test_a_route_cannot_need_a_role_in_the_project_of_nothing() -> None:
    with pytest.raises(ValueError, match="its path names nothing of a project"):
        Route(
            method="GET",
            path="/api/data/nothing",
            handler=GUARDED[0].handler,
            answer=MediaType.JSON,
            needs=Permission.VIEWER,
            part=Surface.API,
        )
