"""Global environments, read strictly: every request of Renku's own tests.

https://github.com/SwissDataScienceCenter/renku-data-services,
`test/bases/renku_data_services/data_api/test_sessions.py`, test_*_session_environment*.
"""

from typing import Any

import pytest

from tests.handlers.api.renku.shapes import Environment, read, read_error
from tests.support.api import Api

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
POST = {
    "name": "Environment 1",
    "description": "A session environment.",
    "container_image": "some_image:some_tag",
    "environment_image_source": "image",
}


async def add(api: Api, **fields: Any) -> Any:
    answer = await api.call("POST", "/api/data/environments", POST | fields)
    return read(answer, Environment, 201)


async def listed(api: Api, query: str = "") -> list[str]:
    found = await api.call("GET", f"/api/data/environments{query}")
    return [item["name"] for item in read(found, list[Environment])]


async def test_environments_are_listed_and_archived_ones_where_asked_for(
    api: Api,
) -> None:
    for number in range(1, 4):
        await add(api, name=f"Environment {number}")
    await add(api, name="Environment 4", is_archived=True)

    usual = await listed(api)
    everything = await listed(api, "?include_archived=true")

    assert usual == ["Environment 1", "Environment 2", "Environment 3"]
    assert everything == [*usual, "Environment 4"]


@pytest.mark.parametrize(
    "image",
    [
        "renku/renku",
        "u/renku/renku:latest",
        "docker.io/renku/renku:latest",
        "renku/renku@sha256:" + "eceed25752d7544db159e4144a41ed6e" * 2,
        "registry.renkulab.io/john.doe/test-34:38d8b3d",
        "localhost:5000/a__b/c-d.e:1@sha256:" + "a" * 64,
    ],
)
async def test_an_environment_has_any_image_and_renkus_defaults(
    api: Api, image: str
) -> None:
    made = await add(api, container_image=image)

    shown = await api.call("GET", f"/api/data/environments/{made['id']}")

    assert read(shown, Environment) == made
    assert made == {
        "id": made["id"],
        "name": "Environment 1",
        "creation_date": "2026-03-01T12:00:00Z",
        "description": "A session environment.",
        "container_image": image,
        "default_url": "/lab",
        "port": 8080,
        "uid": 1000,
        "gid": 1000,
        "is_archived": False,
        "strip_path_prefix": False,
    }


async def test_an_environment_is_changed_and_reset(api: Api) -> None:
    made = await add(api)
    path = f"/api/data/environments/{made['id']}"
    changes = {
        "name": "New name",
        "description": "New description.",
        "container_image": "new_image:new_tag",
        "command": ["python", "test.py"],
        "args": ["arg1", "arg2"],
        "working_directory": "/home/user",
        "mount_directory": "/home/user/work",
        "is_archived": True,
    }
    reset = {
        "args": None,
        "command": None,
        "working_directory": "",
        "mount_directory": "",
    }

    changed = read(await api.call("PATCH", path, changes), Environment)
    cleared = read(await api.call("PATCH", path, reset), Environment)

    assert changed == made | changes
    assert not set(reset) & set(cleared)
    assert cleared["name"] == "New name"


async def test_an_environment_that_launchers_take_is_archived_and_not_removed(
    api: Api,
) -> None:
    made = await add(api)
    path = f"/api/data/environments/{made['id']}"
    body = {"name": "x", "project_id": ULID, "environment": {"id": made["id"]}}
    launcher = await api.call("POST", "/api/data/session_launchers", body)

    used = await api.call("DELETE", path)
    await api.call("DELETE", f"/api/data/session_launchers/{launcher.json['id']}")
    removed = [(await api.call("DELETE", path)).status for _ in range(2)]

    assert "is used by 1 launchers; archive it instead" in read_error(used, 409)
    assert removed == [204, 204]
    assert await listed(api, "?include_archived=true") == []


async def test_the_environment_of_a_launcher_is_no_global_one(api: Api) -> None:
    environment = POST | {"environment_kind": "CUSTOM"}
    body = {"name": "x", "project_id": ULID, "environment": environment}
    launcher = await api.call("POST", "/api/data/session_launchers", body)
    own = launcher.json["environment"]["id"]

    shown = await api.call("GET", f"/api/data/environments/{own}")
    taken = await api.call(
        "PATCH",
        f"/api/data/session_launchers/{launcher.json['id']}",
        {"environment": {"id": own}},
    )

    assert read_error(shown, 404) == (
        f"Session environment with id '{own}' does not exist or you do not have "
        "access to it."
    )
    assert read_error(taken, 422) == (
        "Cannot set the environment for a launcher to an existing environment if that "
        "existing environment is not global"
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"container_image": "https://example.com/r/test:latest"}, "container_image"),
        ({"environment_image_source": "build"}, "environment_image_source"),
        ({"name": ""}, "name"),
        ({"command": []}, "command"),
        ({"mount_directory": "home"}, "absolute"),
        ({"image": "x"}, "image: Extra inputs are not permitted"),
    ],
)
async def test_a_wrong_environment_is_refused(
    api: Api, changes: Any, problem: str
) -> None:
    answer = await api.call("POST", "/api/data/environments", POST | changes)

    assert problem in read_error(answer, 422)
    assert await listed(api) == []


async def test_a_parameter_that_nothing_knows_is_refused(api: Api) -> None:
    answer = await api.call("GET", "/api/data/environments?include_archive=true")

    assert "did you mean 'include_archived'?" in read_error(answer, 422)
