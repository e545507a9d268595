"""Builds below `/api/data`, read strictly: every request of Renku's own tests.

https://github.com/SwissDataScienceCenter/renku-data-services,
`test/bases/renku_data_services/data_api/test_sessions.py`: test_rebuild,
test_get_build, test_get_environment_builds, test_patch_build.
"""

from typing import Any

import pytest

from tests.handlers.api.renku.shapes import (
    Build,
    BuildLogs,
    SessionLauncher,
    Succeeded,
    Unfinished,
    read,
    read_error,
)
from tests.support.api import Api
from tests.support.repos import Repo

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def add_launcher(api: Api, repository: str, **environment: Any) -> Any:
    """Add a launcher as Renku's page does."""
    body = {
        "name": "Launcher 1",
        "project_id": ULID,
        "description": "A session launcher.",
        "environment": {
            "repository": repository,
            "builder_variant": "python",
            "frontend_variant": "vscodium",
            "environment_image_source": "build",
        }
        | environment,
    }
    answer = await api.call("POST", "/api/data/session_launchers", body)
    return read(answer, SessionLauncher, 201)


async def builds_of(api: Api, launcher: Any) -> Any:
    """List the builds of a launcher's environment."""
    path = f"/api/data/environments/{launcher['environment']['id']}/builds"
    return read(await api.call("GET", path), list[Build])


async def test_a_rebuild_is_refused_while_one_is_in_progress(
    api: Api, repo: Repo
) -> None:
    launcher = await add_launcher(api, repo.url)
    environment = launcher["environment"]["id"]
    path = f"/api/data/environments/{environment}/builds"

    refused = read_error(await api.call("POST", path), 409)
    (first,) = await builds_of(api, launcher)
    shown = await api.call("GET", f"/api/data/builds/{first['id']}")
    cancelled = await api.call(
        "PATCH", f"/api/data/builds/{first['id']}", {"status": "cancelled"}
    )
    again = await api.call("POST", path)

    assert refused == (
        f"Session environment with id '{environment}' already has a build in progress."
    )
    assert read(shown, Unfinished)["status"] == "in_progress"
    assert read(cancelled, Unfinished)["status"] == "cancelled"
    second = read(again, Unfinished, 201)
    assert second["status"] == "in_progress"
    assert second["environment_id"] == environment
    assert [build["id"] for build in await builds_of(api, launcher)] == [
        second["id"],
        first["id"],
    ]


async def test_a_build_that_succeeded_has_a_result_and_cannot_be_cancelled(
    api: Api, repo: Repo
) -> None:
    launcher = await add_launcher(api, repo.url)
    await api.world.settle()
    image = api.world.builder.succeed()
    await api.world.settle()

    (build,) = await builds_of(api, launcher)
    path = f"/api/data/builds/{build['id']}"
    shown = read(await api.call("GET", path), Succeeded)
    refused = await api.call("PATCH", path, {"status": "cancelled"})

    assert shown == build
    assert shown["result"]["image"] == image
    assert read_error(refused, 422) == (
        f"Cannot update build with id '{build['id']}': the build has status succeeded."
    )


async def test_whoever_reads_succeeded_may_start_from_the_image_at_once(
    api: Api, repo: Repo
) -> None:
    """Only the watcher has run: no event was carried to anybody."""
    launcher = await add_launcher(api, repo.url)
    await api.world.settle()
    image = api.world.builder.succeed()

    await api.world.watcher.watch()

    (build,) = await builds_of(api, launcher)
    path = f"/api/data/session_launchers/{launcher['id']}"
    found = read(await api.call("GET", path), SessionLauncher)
    assert build["status"] == "succeeded"
    assert found["environment"]["container_image"] == image


async def test_a_change_of_nothing_leaves_a_build_as_it_is(
    api: Api, repo: Repo
) -> None:
    (build,) = await builds_of(api, await add_launcher(api, repo.url))

    answer = await api.call("PATCH", f"/api/data/builds/{build['id']}", {})

    assert read(answer, Unfinished) == build


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/builds/{ULID}", None),
        ("PATCH", f"/builds/{ULID}", {"status": "cancelled"}),
        ("GET", f"/builds/{ULID}/logs", None),
    ],
)
async def test_an_unknown_build_is_not_found_in_renkus_words(
    api: Api, method: str, path: str, body: object
) -> None:
    answer = await api.call(method, f"/api/data{path}", body)

    assert read_error(answer, 404) == (
        f"Build with id '{ULID}' does not exist or you do not have access to it."
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_environment_is_not_found_in_renkus_words(
    api: Api, method: str
) -> None:
    answer = await api.call(method, f"/api/data/environments/{ULID}/builds")

    assert read_error(answer, 404) == (
        f"Session environment with id '{ULID}' does not exist or you do not have "
        "access to it."
    )


@pytest.mark.parametrize(
    "body", [{"status": "succeeded"}, {"status": "cancelled", "x": 1}]
)
async def test_a_build_takes_no_other_change(
    api: Api, repo: Repo, body: object
) -> None:
    (build,) = await builds_of(api, await add_launcher(api, repo.url))

    answer = await api.call("PATCH", f"/api/data/builds/{build['id']}", body)

    message = read_error(answer, 422)
    assert message.startswith("There are errors in the following fields, ")


async def test_logs_are_the_last_lines_of_every_container(api: Api, repo: Repo) -> None:
    launcher = await add_launcher(api, repo.url)
    await api.world.settle()
    (build,) = await builds_of(api, launcher)
    await api.log(build["id"], "one", "two", "three")

    path = f"/api/data/builds/{build['id']}/logs"
    whole = read(await api.call("GET", path), BuildLogs)
    last = read(await api.call("GET", f"{path}?max_lines=2"), BuildLogs)

    assert whole == {"build": "one\ntwo\nthree"}
    assert last == {"build": "two\nthree"}


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        (
            "max_line=2",
            "max_line: Extra inputs are not permitted; did you mean 'max_lines'?",
        ),
        ("max_lines=x", "max_lines: "),
        ("max_lines=1&max_lines=2", "given more than once: max_lines"),
    ],
)
async def test_a_parameter_that_nothing_knows_is_refused_with_the_nearest(
    api: Api, query: str, problem: str
) -> None:
    answer = await api.call("GET", f"/api/data/builds/{ULID}/logs?{query}")

    assert problem in read_error(answer, 422)


async def test_a_field_that_nothing_knows_is_refused_with_the_nearest(api: Api) -> None:
    body = {"name": "x", "project_id": ULID, "enviroment": {"repository": "x"}}

    answer = await api.call("POST", "/api/data/session_launchers", body)

    assert (
        "enviroment: Extra inputs are not permitted; did you mean 'environment'?"
        in read_error(answer, 422)
    )
