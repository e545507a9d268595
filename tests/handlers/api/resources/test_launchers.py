"""Session launchers over REST, in Renku's shapes."""

from typing import Any
from urllib.parse import urlencode

import pytest

from service.events.envelope import data_of
from service.events.models import EvaluationRequested
from tests.support.api import Api, serving
from tests.support.memory import MemoryBus
from tests.support.repos import Repo
from tests.support.world import World

NOT_BUILT = "image:unknown-at-the-moment"
ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def post(**changes: Any) -> dict[str, Any]:
    environment = {
        "environment_image_source": "build",
        "repository": "https://github.com/me/course",
        "builder_variant": "python",
        "frontend_variant": "vscodium",
        "platforms": ["linux/amd64"],
    }
    environment |= changes.pop("environment", {})
    return {"name": "course", "project_id": ULID, "environment": environment} | changes


async def test_a_new_launcher_has_renkus_shape_and_no_nulls(api: Api) -> None:
    body = post(
        launcher_type="interactive",
        resource_class_id=4,
        disk_storage=10,
        env_variables=[{"name": "A", "value": "b"}, {"name": "C"}],
        environment={"repository_revision": "feature/x", "context_dir": "env"},
    )

    answer = await api.call("POST", "/session_launchers", body)

    assert answer.status == 201
    found = answer.json
    environment = found.pop("environment")
    latest = found.pop("latest_build")
    assert (latest["state"], latest["waiting"]["kind"]) == ("queued", "evaluation")
    assert found == {
        "id": found["id"],
        "project_id": ULID,
        "name": "course",
        "creation_date": "2026-03-01T12:00:00Z",
        "resource_class_id": 4,
        "disk_storage": 10,
        "env_variables": [{"name": "A", "value": "b"}, {"name": "C"}],
        "launcher_type": "interactive",
        "update_policy": "automatic",
        "rebuild_schedule": "never",
        "source_id": found["source_id"],
        "generation": 0,
        "outdated": False,
    }
    assert environment == {
        "id": environment["id"],
        "name": "course",
        "creation_date": "2026-03-01T12:00:00Z",
        "description": "Generated environment for course",
        "environment_kind": "CUSTOM",
        "environment_image_source": "build",
        "build_parameters": {
            "repository": "https://github.com/me/course",
            "builder_variant": "python",
            "frontend_variant": "vscodium",
            "platforms": ["linux/amd64"],
            "repository_revision": "feature/x",
            "context_dir": "env",
        },
        "container_image": NOT_BUILT,
        "default_url": "/",
        "port": 8888,
        "uid": 1000,
        "gid": 1000,
        "working_directory": "/home/renku/work",
        "mount_directory": "/home/renku/work",
        "is_archived": False,
        "strip_path_prefix": False,
    }


async def test_a_new_launcher_asks_for_its_first_build(api: Api) -> None:
    made = (await api.call("POST", "/session_launchers", post())).json

    (build,) = await api.get(f"/environments/{made['environment']['id']}/builds")
    assert build["status"] == "in_progress"
    assert build["reason"] == "launcher"
    (event,) = await api.spooled()
    data = data_of(event)
    assert isinstance(data, EvaluationRequested)
    assert data.trigger == "launcher"
    assert data.source_ids == (made["source_id"],)
    assert data.rebuild_ids == (build["id"],)


async def test_a_launcher_starts_from_its_image_once_there_is_one(
    api: Api, repo: Repo
) -> None:
    made = await api.add_launcher(
        repo.url, environment={"frontend_variant": "jupyterlab"}
    )
    await api.world.settle()
    image = api.world.builder.succeed()
    await api.world.settle()

    found = await api.get(f"/session_launchers/{made['id']}")

    assert found["environment"]["container_image"] == image
    assert found["environment"]["default_url"] == "/lab"
    assert found["generation"] == 1
    assert found["outdated"] is False


async def test_two_launchers_of_one_repository_share_their_source(api: Api) -> None:
    one = await api.add_launcher("https://github.com/me/course")
    other = await api.add_launcher("https://github.com/Me/Course.git/")

    assert one["source_id"] == other["source_id"]
    assert one["environment"]["id"] != other["environment"]["id"]


async def test_a_launcher_without_a_project_has_the_common_one(api: Api) -> None:
    made = await api.add_launcher("https://github.com/me/course")

    assert made["project_id"] == "0" * 26


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"name": ""}, "name", id="no name"),
        pytest.param({"name": "n" * 100}, "name", id="long name"),
        pytest.param({"name": "a\x00b"}, "control characters", id="nul in a name"),
        pytest.param({"project_id": "no-ulid"}, "project_id", id="project"),
        pytest.param({"description": "d" * 501}, "description", id="description"),
        pytest.param({"resource_class_id": 2**40}, "resource_class_id", id="class"),
        pytest.param({"disk_storage": 0}, "disk_storage", id="no disk"),
        pytest.param({"unknown": 1}, "unknown: Extra inputs", id="unknown field"),
        pytest.param({"launcher_type": "app"}, "launcher_type", id="type"),
        pytest.param({"update_policy": "never"}, "update_policy", id="policy"),
        pytest.param({"rebuild_schedule": "hourly"}, "rebuild_schedule", id="schedule"),
        pytest.param(
            {"env_variables": [{"name": "A"}, {"name": "A"}]}, "twice", id="same name"
        ),
        pytest.param(
            {"env_variables": [{"name": f"A{n}"} for n in range(33)]},
            "env_variables",
            id="too many variables",
        ),
    ],
)
async def test_a_wrong_launcher_is_refused_in_renkus_words(
    api: Api, changes: dict[str, Any], words: str
) -> None:
    answer = await api.call("POST", "/session_launchers", post(**changes))

    assert answer.status == 422
    error = answer.json["error"]
    assert error["code"] == 1422
    assert error["message"].startswith("There are errors in the following fields, ")
    assert words in error["message"]
    assert await api.get("/session_launchers") == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            {"frontend_variant": "rstudio"}, "Invalid combination", id="python+rstudio"
        ),
        pytest.param({"context_dir": "../x"}, "inside the repository", id="out of it"),
        pytest.param({"context_dir": "a/../../x"}, "inside the repository", id="up"),
        pytest.param({"context_dir": "/etc"}, "inside the repository", id="absolute"),
        pytest.param({"context_dir": "a\\b"}, "backslash", id="backslash"),
        pytest.param({"repository": "git@github.com:me/x"}, "expected https", id="ssh"),
        pytest.param(
            {"repository": "https://me:pw@github.com/me/x"},
            "credentials",
            id="password",
        ),
        pytest.param({"command": []}, "command", id="empty command"),
    ],
)
async def test_a_wrong_environment_is_refused(
    api: Api, changes: dict[str, Any], words: str
) -> None:
    answer = await api.call("POST", "/session_launchers", post(environment=changes))

    assert answer.status == 422, answer
    assert answer.json["error"]["code"] == 1422
    assert words in answer.json["error"]["message"]
    assert "pw" not in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a//b/./c/", "a/b/c"), (".", None), ("", None), ("./env", "env")],
)
async def test_a_context_directory_is_kept_without_detours(
    api: Api, given: str, kept: str | None
) -> None:
    made = await api.add_launcher(
        "https://github.com/me/x", environment={"context_dir": given}
    )

    assert made["environment"]["build_parameters"].get("context_dir") == kept


async def test_the_same_platform_twice_is_one(api: Api) -> None:
    made = await api.add_launcher(
        "https://github.com/me/x",
        environment={"platforms": ["linux/arm64", "linux/arm64"]},
    )

    assert made["environment"]["build_parameters"]["platforms"] == ["linux/arm64"]


async def test_launchers_are_listed_newest_first_and_by_project(api: Api) -> None:
    first = await api.add_launcher("https://github.com/me/x", name="first")
    second = await api.add_launcher(
        "https://github.com/me/y", name="second", project_id=ULID
    )

    everyone = await api.get("/session_launchers")
    of_project = await api.get(
        f"/api/relaunch/projects/{ULID.lower()}/session_launchers"
    )

    assert [item["id"] for item in everyone] == [second["id"], first["id"]]
    assert of_project == [second]


async def test_pages_are_counted_in_headers(api: Api) -> None:
    for name in ("a", "b", "c"):
        await api.add_launcher("https://github.com/me/x", name=name)

    answer = await api.call("GET", "/session_launchers?page=2&per_page=2")

    assert [item["name"] for item in answer.json] == ["a"]
    assert answer.headers["page"] == "2"
    assert answer.headers["per-page"] == "2"
    assert answer.headers["total"] == "3"
    assert answer.headers["total-pages"] == "2"
    assert "Link" not in answer.headers


async def test_a_page_names_the_next_one(api: Api) -> None:
    for name in ("a", "b", "c"):
        await api.add_launcher("https://github.com/me/x", name=name)

    answer = await api.call("GET", "/session_launchers?per_page=2")

    cursor = answer.headers["next-cursor"]
    expected = f"/api/relaunch/session_launchers?per_page=2&page=2&after={cursor}"
    assert answer.headers["Link"] == f'<{expected}>; rel="next"'

    await api.add_launcher("https://github.com/me/x", name="d")
    after = await api.call(
        "GET", f"/session_launchers?per_page=2&page=2&after={cursor}"
    )

    assert [item["name"] for item in after.json] == ["a"]
    assert (after.headers["page"], after.headers["total"]) == ("2", "4")
    assert "Link" not in after.headers


@pytest.mark.parametrize("cursor", ["x", "AAAA", "MTcwMA", "\udcff", "9" * 90])
async def test_a_cursor_that_nobody_gave_is_refused(api: Api, cursor: str) -> None:
    answer = await api.call(
        "GET", "/session_launchers?" + urlencode({"after": cursor}, errors="replace")
    )

    assert answer.status == 422
    assert "no cursor" in answer.text


async def test_launchers_are_found_by_name(api: Api) -> None:
    for name in ("a", "b"):
        await api.add_launcher("https://github.com/me/x", name=name)

    (found,) = await api.get("/session_launchers?name=b")

    assert found["name"] == "b"
    assert await api.get("/session_launchers?name=c") == []


@pytest.mark.parametrize("query", ["page=0", "per_page=101", "page=x", "page=1&page=2"])
async def test_a_page_that_cannot_be_is_refused(api: Api, query: str) -> None:
    answer = await api.call("GET", f"/session_launchers?{query}")

    assert answer.status == 422


async def test_a_launcher_that_is_gone_may_be_removed_again(api: Api) -> None:
    made = await api.add_launcher("https://github.com/me/x")
    path = f"/api/data/session_launchers/{made['id']}"

    answers = [await api.call("DELETE", path) for _ in range(2)]

    assert [answer.status for answer in answers] == [204, 204]


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("launcher", [ULID, "nothing", "..%2f..", "%00"])
async def test_an_unknown_launcher_is_not_found(
    api: Api, method: str, launcher: str
) -> None:
    body = {"name": "x"} if method == "PATCH" else None

    answer = await api.call(method, f"/session_launchers/{launcher}", body)

    assert answer.status == 404
    assert answer.json["error"]["code"] == 1404


async def test_repositories_of_the_machine_are_followed_only_where_that_is_allowed(
    world: World, repo: Repo
) -> None:
    file = {"repository": repo.url}
    async with serving(world, MemoryBus(), allow_files=False) as api:
        refused = await api.call("POST", "/session_launchers", post(environment=file))
        added = await api.call("POST", "/session_launchers", post())
        path = f"/session_launchers/{added.json['id']}"
        change = {"environment": {"build_parameters": file}}
        moved = await api.call("PATCH", path, change)
        left = await api.call("GET", path)

    assert (refused.status, added.status, moved.status) == (422, 201, 422)
    for answer in (refused, moved):
        message = answer.json["error"]["message"]
        assert "may not be followed here; expected https:// or http://" in message
    assert left.json["source_id"] == added.json["source_id"]


async def test_an_image_of_its_own_registry_is_told_with_the_secret_to_pull_it(
    api: Api, repo: Repo
) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    image = api.world.builder.succeed()
    api.world.builder.pull_secrets[image] = "its-secret"
    await api.world.settle()

    found = await api.get(f"/session_launchers/{made['id']}")

    assert found["environment"]["container_image"] == image
    assert found["image_pull_secret"] == "its-secret"
