"""Who may use what."""

from pathlib import Path

import pytest

from handlers.route import Surface
from handlers.routes import ROUTES
from service.domain.delivery import Forge
from service.domain.hook import HookId
from tests.support.api import TOKEN, Api, serving
from tests.support.memory import MemoryBus
from tests.support.world import World

OPEN = {
    "/api/data/version",
    "/api/docs",
    "/api/events",
    "/api/spec.json",
    "/healthz",
    "/livez",
    "/metrics",
    "/readyz",
    "/version",
    *(f"/webhooks/{forge.value}/{{hook_id}}" for forge in Forge),
}


def test_only_these_paths_are_open() -> None:
    assert {route.path for route in ROUTES if not route.needs.reads_credentials} == OPEN


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN} {TOKEN}",
        "Bearer tök\u00e9n",
    ],
)
async def test_without_the_token_nothing_is_told(api: Api, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for route in ROUTES:
        if route.path in OPEN:
            continue
        path = route.path.replace("{", "").replace("}", "")
        answer = await api.bare(route.method, path, headers=headers)

        assert (answer.status, answer.json["error"]["code"]) == (401, 1401), path
        assert TOKEN not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_opens(api: Api, scheme: str) -> None:
    answer = await api.bare(
        "GET", "/api/relaunch/builds", headers={"Authorization": f"{scheme} {TOKEN}"}
    )

    assert answer.status == 200


@pytest.mark.parametrize("path", ["/", "/api/data/version", "/healthz", "/metrics"])
async def test_some_things_are_open_to_everybody(api: Api, path: str) -> None:
    answer = await api.bare("GET", path)

    assert answer.status == 200


async def test_an_unknown_path_of_the_api_is_told_to_nobody_without_a_token(
    api: Api,
) -> None:
    answer = await api.bare("GET", "/api/data/nothing")
    known = await api.call("GET", "/nothing")
    wrong = await api.call("PUT", "/builds")

    assert answer.status == 401
    assert (known.status, known.json["error"]["code"]) == (404, 1404)
    assert (wrong.status, wrong.json["error"]["code"]) == (405, 1405)


async def test_the_version_is_told(api: Api) -> None:
    answer = await api.bare("GET", "/api/data/version")

    assert answer.json == {"version": "1.2.3"}


async def test_a_receiver_serves_webhooks_and_no_api(
    world: World, tmp_path: Path
) -> None:
    del tmp_path
    parts = frozenset({Surface.RECEIVE})
    async with serving(world, MemoryBus(), parts=parts) as api:
        builds = await api.call("GET", "/builds")
        page = await api.bare("GET", "/")
        healthy = await api.bare("GET", "/healthz")
        hook = HookId("unknown")
        delivered = await api.bare("POST", f"/webhooks/github/{hook}", data=b"{}")

    assert builds.status == 404
    assert page.status == 404
    assert healthy.status == 200
    assert delivered.status == 401
