"""A name is one launcher's within its project."""

import asyncio
from dataclasses import replace

import pytest

from tests.support.api import Api

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
COURSE = "https://github.com/me/course"


def a_body(name: str, url: str = COURSE, **more: object) -> dict[str, object]:
    environment = {
        "repository": url,
        "builder_variant": "python",
        "frontend_variant": "none",
        "environment_image_source": "build",
    }
    return {"name": name, "environment": environment} | more


async def test_a_taken_name_is_refused_with_what_the_other_follows(api: Api) -> None:
    made = await api.add_launcher(COURSE, name="course")

    answer = await api.call(
        "POST", "/session_launchers", a_body("course", "https://github.com/you/other")
    )

    assert answer.status == 409
    message = answer.json["error"]["message"]
    assert made["id"] in message
    assert f"follows the default branch of {COURSE}" in message
    assert len(await api.get("/session_launchers")) == 1


async def test_another_project_may_have_the_name(api: Api) -> None:
    await api.add_launcher(COURSE, name="course")
    await api.add_launcher(COURSE, name="course", project_id=ULID)

    assert len(await api.get("/session_launchers")) == 2


async def test_a_launcher_is_not_renamed_to_a_taken_name(api: Api) -> None:
    await api.add_launcher(COURSE, name="course")
    made = await api.add_launcher(COURSE, name="other")
    path = f"/session_launchers/{made['id']}"

    refused = await api.call("PATCH", path, {"name": "course"})
    same = await api.call("PATCH", path, {"name": "other", "description": "x"})
    free = await api.call("PATCH", path, {"name": "third"})

    assert (refused.status, same.status, free.status) == (409, 200, 200)


@pytest.mark.parametrize("how", ["removed", "renamed"])
async def test_a_name_that_was_given_up_is_free(api: Api, how: str) -> None:
    made = await api.add_launcher(COURSE, name="course")
    path = f"/session_launchers/{made['id']}"
    if how == "removed":
        await api.call("DELETE", path)
    else:
        await api.call("PATCH", path, {"name": "another"})

    await api.add_launcher(COURSE, name="course")


async def test_of_many_at_once_one_gets_the_name(api: Api) -> None:
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(api.call("POST", "/session_launchers", a_body("course")))
            for _ in range(8)
        ]

    assert sorted(task.result().status for task in asked) == [201, *[409] * 7]


async def test_those_that_share_a_name_already_keep_working(api: Api) -> None:
    first = await api.add_launcher(COURSE, name="course")
    second = await api.add_launcher(COURSE, name="soon")
    async with api.world.store.transaction() as tx:
        twin = await tx.launchers.get(second["id"])
        await tx.launchers.save(replace(twin, name="course"))
    path = f"/session_launchers/{second['id']}"

    described = await api.call("PATCH", path, {"description": "the twin"})
    await api.call("DELETE", f"/session_launchers/{first['id']}")
    added = await api.call("POST", "/session_launchers", a_body("course"))

    assert described.status == 200
    assert added.status == 409
    assert second["id"] in added.json["error"]["message"]
