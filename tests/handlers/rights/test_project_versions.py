"""Who changes a project names the version that they have seen."""

import asyncio
from datetime import timedelta

from tests.handlers.rights.conftest import Installation
from tests.support.api import TOKEN, Answer


async def patch(place: Installation, etag: str | None, **change: object) -> Answer:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    if etag is not None:
        headers["If-Match"] = etag
    path = f"/api/data/projects/{place.project.id}"
    return await place.api.bare("PATCH", path, change, headers=headers)


async def read(place: Installation, **headers: str) -> Answer:
    path = f"/api/data/projects/{place.project.id}"
    given = {"Authorization": f"Bearer {place.editor}", **headers}
    return await place.api.bare("GET", path, headers=given)


async def test_a_change_needs_the_version_that_it_changes(place: Installation) -> None:
    etag = (await read(place)).headers["ETag"]

    assert (await patch(place, None, name="A")).status == 428
    for wrong in ('"0123"', "*", "", f"W/{etag}"):
        refused = await patch(place, wrong, name="A")
        assert refused.status in {409, 412, 422, 428}, (wrong, refused)
    assert (await read(place)).json["name"] == "Hers"

    changed = await patch(place, etag, name="A")
    assert changed.status == 200
    assert changed.headers["ETag"] != etag
    assert (await read(place)).headers["ETag"] == changed.headers["ETag"]
    assert (await patch(place, etag, name="B")).status == 409


async def test_a_change_of_nothing_leaves_the_version(place: Installation) -> None:
    before = await read(place)
    place.world.clock.advance(timedelta(minutes=1))
    fields = ("name", "slug", "namespace", "visibility", "keywords", "repositories")
    same = {name: before.json[name] for name in fields}

    for change in ({}, same):
        answer = await patch(place, before.headers["ETag"], **change)

        assert answer.status == 200, answer
        assert answer.headers["ETag"] == before.headers["ETag"], change
        assert answer.json["updated_at"] == before.json["updated_at"], change
    assert (await read(place)).json == before.json


async def test_a_change_of_nothing_leaves_a_launcher_and_its_builds(
    place: Installation,
) -> None:
    launcher = await place.follow(place.open_.url)
    path = f"/api/data/session_launchers/{launcher['id']}"
    before = await place.ask("GET", path)
    builds = f"/api/data/environments/{launcher['environment']['id']}/builds"
    given = before.json["environment"]["build_parameters"]
    same = {
        "name": before.json["name"],
        "environment": {"build_parameters": given},
    }

    for change in ({}, same):
        answer = await place.ask("PATCH", path, change)

        assert answer.status == 200, answer
        assert answer.headers["ETag"] == before.headers["ETag"], change
    assert len(await place.get(builds)) == 1


async def test_a_change_of_nothing_leaves_a_global_environment(
    place: Installation,
) -> None:
    body = {
        "name": "R",
        "container_image": "example.org/r:1",
        "environment_image_source": "image",
    }
    made = await place.ask("POST", "/api/data/environments", body, token=TOKEN)
    path = f"/api/data/environments/{made.json['id']}"

    for change in ({}, {"name": "R", "container_image": "example.org/r:1"}):
        answer = await place.ask("PATCH", path, change, token=TOKEN)

        assert answer.status == 200, answer
        assert answer.headers["ETag"] == made.headers["ETag"], change


async def test_who_has_the_version_already_is_answered_304(place: Installation) -> None:
    etag = (await read(place)).headers["ETag"]

    same = await read(place, **{"If-None-Match": etag})
    assert (same.status, same.text) == (304, "")
    assert same.headers["ETag"] == etag
    await patch(place, etag, description="new")
    assert (await read(place, **{"If-None-Match": etag})).status == 200


async def test_a_version_is_no_oracle_for_who_may_not_read(place: Installation) -> None:
    etag = (await read(place)).headers["ETag"]
    path = f"/api/data/projects/{place.project.id}"
    outsider = {"Authorization": f"Bearer {place.outsider}"}

    said = set()
    for headers in ({}, {"If-None-Match": etag}, {"If-None-Match": "*"}):
        answer = await place.api.bare("GET", path, headers=outsider | headers)
        said.add((answer.status, answer.text, answer.headers.get("ETag")))
    for headers in ({}, {"If-Match": etag}, {"If-Match": '"0"'}):
        answer = await place.api.bare(
            "PATCH", path, {"name": "Mine"}, headers=outsider | headers
        )
        said.add((answer.status, answer.text, answer.headers.get("ETag")))

    assert len(said) == 1
    assert next(iter(said))[0] == 404


async def test_an_unknown_field_of_a_member_is_told_beside_the_known_ones(
    place: Installation,
) -> None:
    path = f"/api/data/projects/{place.project.id}/members"
    body = [{"id": "x", "rolle": "owner"}]

    refused = await place.ask("PATCH", path, body, token=TOKEN)

    told = refused.json["error"]["message"]
    assert refused.status == 422
    assert "did you mean 'role'?" in told
    assert "root" not in told


async def test_of_two_at_once_one_wins(place: Installation) -> None:
    etag = (await read(place)).headers["ETag"]

    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(patch(place, etag, name=f"name {number}"))
            for number in range(5)
        ]

    statuses = sorted(each.result().status for each in asked)
    assert statuses == [200, 409, 409, 409, 409]
