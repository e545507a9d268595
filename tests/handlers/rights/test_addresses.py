"""Projects are found by their addresses, and by those that they have left."""

from typing import Any

from tests.handlers.rights.conftest import Installation
from tests.support.api import TOKEN, Answer

NAMESPACES = "/api/data/namespaces"


async def show(place: Installation, address: str, *, token: str = "") -> Answer:
    namespace, _, slug = address.partition("/")
    path = f"{NAMESPACES}/{namespace}/projects/{slug}"
    return await place.ask("GET", path, token=token)


async def rename(place: Installation, project: str, **change: str) -> Any:
    path = f"/api/data/projects/{project}"
    before = await place.ask("GET", path, token=TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}", "If-Match": before.headers["ETag"]}
    answer = await place.api.bare("PATCH", path, change, headers=headers)
    assert answer.status == 200, answer
    return answer.json


async def add(place: Installation, slug: str) -> str:
    body = {"name": "Another", "namespace": "mallory", "slug": slug}
    answer = await place.ask("POST", "/api/data/projects", body, token=TOKEN)
    assert answer.status == 201, answer
    return str(answer.json["id"])


async def test_a_renamed_project_is_found_where_it_was(place: Installation) -> None:
    await rename(place, place.project.id, slug="second")
    await rename(place, place.project.id, slug="third", namespace="other")

    for address in ("mallory/hers", "mallory/second", "other/third"):
        found = await show(place, address)
        assert found.status == 200, address
        assert found.json["id"] == place.project.id
        assert (found.json["namespace"], found.json["slug"]) == ("other", "third")
        assert (await show(place, address, token=place.outsider)).status == 404
    assert (await show(place, "other/hers")).status == 404


async def test_who_takes_an_address_is_found_there(place: Installation) -> None:
    await rename(place, place.project.id, slug="second")
    newer = await add(place, "hers")

    at_old = await show(place, "mallory/hers", token=TOKEN)
    assert at_old.json["id"] == newer
    # Whoever may not see the newer one is told nothing of it.
    assert (await show(place, "mallory/hers")).json["id"] == place.project.id

    await place.ask("DELETE", f"/api/data/projects/{newer}", token=TOKEN)
    again = await show(place, "mallory/hers", token=TOKEN)
    assert again.json["id"] == place.project.id


async def test_the_last_that_left_an_address_is_found_there(
    place: Installation,
) -> None:
    await rename(place, place.project.id, slug="second")
    newer = await add(place, "hers")
    await rename(place, newer, slug="third")

    found = await show(place, "mallory/hers", token=TOKEN)

    assert found.json["id"] == newer
    await place.ask("DELETE", f"/api/data/projects/{newer}", token=TOKEN)
    assert (await show(place, "mallory/hers", token=TOKEN)).status == 404


async def test_the_case_of_an_address_is_no_matter(place: Installation) -> None:
    for address in ("Mallory/Hers", "MALLORY/hers", "mallory/HERS"):
        assert (await show(place, address)).json["id"] == place.project.id
    listed = await place.get("/api/data/projects?namespace=MalloRy")
    assert [each["id"] for each in listed] == [place.project.id]
    body = {"name": "Another", "namespace": "Mallory", "slug": "HERS"}
    taken = await place.ask("POST", "/api/data/projects", body, token=TOKEN)
    assert taken.status in {409, 422}, taken
    await rename(place, place.project.id, slug="second")
    assert (await show(place, "MALLORY/Hers")).json["id"] == place.project.id
