"""Pins, pauses, comparisons and statistics over REST."""

from typing import Any

import pytest

from service.domain.building.build import Package
from tests.support.api import Api
from tests.support.repos import Repo

OURS = "/api/relaunch"


async def rebuilt(api: Api, repo: Repo) -> Any:
    """Add a launcher, and push what gives it a second image."""
    launcher = await api.add_built_launcher(repo.url)
    repo.commit({"requirements.txt": "rich==14.0.0\n"})
    api.world.builder.packages = (Package(name="rich", version="14.0.0"),)
    await api.world.push(repo.repository)
    await api.world.later(5)
    api.world.builder.succeed()
    await api.world.settle()
    return launcher


async def test_a_launcher_is_rolled_back_pinned_and_let_go(
    api: Api, repo: Repo
) -> None:
    first = await rebuilt(api, repo)
    path = f"{OURS}/session_launchers/{first['id']}"
    choices = (await api.call("GET", f"{path}/images")).json

    back = await api.call("POST", f"{path}/rollback", {})
    again = await api.call("POST", f"{path}/rollback", {})
    wrong = await api.call("POST", f"{path}/rollback", {"build": "x"})
    free = await api.call("POST", f"{path}/unpin")
    pinned = await api.call("POST", f"{path}/pin")

    (choice,) = choices
    assert choice["result"]["image"] == first["environment"]["container_image"]
    assert back.status == 200
    assert back.json["environment"] == first["environment"]
    assert back.json["outdated"]
    assert "pinned_at" in back.json
    assert again.status == 409
    assert "did you mean 'build_id'?" in wrong.json["error"]["message"]
    assert "pinned_at" not in free.json
    assert "pinned_at" in pinned.json
    explanation = await api.get(f"/explanations?of={first['id']}")
    assert "a person pinned it to its image" in explanation["behind"]


@pytest.mark.parametrize("scope", ["", "/projects/" + "0" * 26])
async def test_a_pause_is_listed_and_shown_with_launchers_until_it_ends(
    api: Api, repo: Repo, scope: str
) -> None:
    made = await api.add_built_launcher(repo.url)
    path = f"{OURS}{scope}/pause"

    paused = await api.call("POST", path, {"reason": "an exam"})
    listed = await api.call("GET", f"{OURS}/pauses")
    shown = await api.get(f"/session_launchers/{made['id']}")
    ended = [(await api.call("DELETE", path)).status for _ in range(2)]

    assert paused.status == 200
    assert listed.json == [paused.json]
    assert paused.json["reason"] == "an exam"
    assert ("project_id" in paused.json) == bool(scope)
    assert "(an exam)" in shown["paused"]
    assert ended == [204, 204]
    assert "paused" not in await api.get(f"/session_launchers/{made['id']}")
    assert (await api.call("GET", f"{OURS}/pauses")).json == []


async def test_two_images_are_compared_by_their_packages(api: Api, repo: Repo) -> None:
    launcher = await rebuilt(api, repo)
    new, old = await api.get(f"/environments/{launcher['environment']['id']}/builds")

    path = f"{OURS}/builds/{new['id']}/comparison"
    found = await api.call("GET", path)
    same = await api.call("GET", f"{path}?against={new['id']}")
    none = await api.call("GET", f"{OURS}/builds/{old['id']}/comparison")
    gone = await api.call("GET", f"{path}?against={'0' * 26}")

    assert found.json["before"]["build_id"] == old["id"]
    assert found.json["packages"] == {
        "added": [{"name": "rich", "manager": "pip", "after": "14.0.0"}],
        "removed": [{"name": "six", "manager": "pip", "before": "1.17.0"}],
        "changed": [],
    }
    assert same.json["packages"] == {"added": [], "removed": [], "changed": []}
    assert none.status == 422
    assert gone.status == 404


async def test_statistics_count_what_was_spared(api: Api, repo: Repo) -> None:
    await api.add_built_launcher(repo.url)
    await api.add_built_launcher(repo.url)
    await api.world.push(repo.repository)
    await api.world.later(5)

    counted = (await api.call("GET", f"{OURS}/statistics?days=1")).json

    assert counted["builds"] == {"built": 1, "reused": 1}
    assert counted["spared_builds"] == 1
    assert counted["spared_evaluations"] >= 1
    assert counted["evaluations"]["unchanged"] == counted["spared_evaluations"]


async def test_launchers_are_found_by_their_repository_in_any_spelling(
    api: Api, repo: Repo
) -> None:
    made = await api.add_launcher("https://github.com/ada/course")
    await api.add_launcher(repo.url)
    find = f"{OURS}/session_launchers?repository="

    found = await api.call("GET", f"{find}https://GitHub.com/Ada/Course.git/")
    none = await api.call("GET", f"{find}https://github.com/ada/other")
    wrong = await api.call("GET", f"{find}course")

    assert [launcher["id"] for launcher in found.json] == [made["id"]]
    assert found.headers["total"] == "1"
    assert none.json == []
    assert wrong.status == 422


async def test_a_key_that_is_not_obeyed_is_refused(api: Api, repo: Repo) -> None:
    body = {"repository": repo.url, "forge": "gitlab"}
    hook = await api.call(
        "POST", f"{OURS}/hooks", body, headers={"Idempotency-Key": "one"}
    )
    long = await api.call(
        "POST", f"{OURS}/pause", {}, headers={"Idempotency-Key": "a" * 256}
    )

    assert hook.status == long.status == 422
    assert "a secret that is shown once" in hook.json["error"]["message"]
    assert "1 to 255 characters" in long.json["error"]["message"]


async def test_a_refused_request_may_be_sent_again_with_its_key(api: Api) -> None:
    key = {"Idempotency-Key": "one"}
    path = "/api/data/session_launchers"
    environment = {"frontend_variant": "none", "repository": "https://a.example/b"}
    body = {"name": "a", "environment": environment}
    first = await api.call("POST", path, body, headers=key)
    name_is_taken = await api.call("POST", path, body, headers={"Idempotency-Key": "2"})
    await api.call("DELETE", f"{path}/{first.json['id']}")

    again = await api.call("POST", path, body, headers={"Idempotency-Key": "2"})

    assert (first.status, name_is_taken.status, again.status) == (201, 409, 201)
