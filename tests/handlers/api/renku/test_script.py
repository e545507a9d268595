"""One client's way through Renku's API: each request with status, shape and sentence.

The requests are those of Renku's own tests (`test_sessions.py`, `test_projects.py`,
`test_repositories.py`), of its pages (`sessionsV2`, `sessionLaunchersV2`,
`persistedLogs`, `computeResources`, `projectV2` of renku-ui) and of its documents
(`api.spec.yaml` of session, project, repositories, crc, notifications). They are sent
in one order, so that each finds what those before it left.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, TypeAdapter

from service.domain.building.failure import FailureClass
from service.domain.building.resource_pool import ResourceClass, ResourcePool
from tests.handlers.api.renku.shapes import (
    Build,
    BuildLogs,
    Environment,
    ErrorResponse,
    PersistedLogs,
    SessionLauncher,
    Shape,
    Succeeded,
    Unfinished,
)
from tests.support.api import Answer, Api, a_table_bus, serving
from tests.support.repos import Repo
from tests.support.world import a_world

DATA = "/api/data"
ADD = "/session_launchers"
GONE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
POOL = ResourcePool(
    id=1,
    name="default",
    is_default=True,
    classes=(
        ResourceClass(
            id=3, name="small", cpu=1, memory=4, max_storage=20, default_storage=5
        ),
        ResourceClass(
            id=4, name="large", cpu=8, memory=32, max_storage=99, default_storage=5
        ),
    ),
)


class Metadata(Shape):
    git_url: str
    web_url: str | None = None
    pull_permission: bool
    push_permission: bool | None = None
    visibility: str


class RepositoryInfo(Shape):
    status: str
    metadata: Metadata | None = None
    error_code: str | None = None


class ImageCheck(Shape):
    accessible: bool
    platforms: list[dict[str, str]] | None = None


class Class(Shape):
    id: int
    name: str
    cpu: float
    memory: int
    gpu: int
    max_storage: int
    default_storage: int
    default: bool
    matching: bool | None = None


class Pool(Shape):
    id: int
    name: str
    classes: list[Class]
    public: bool
    default: bool
    platform: Literal["linux/amd64", "linux/arm64"]


class Alert(Shape):
    id: str = Field(min_length=26, max_length=26)
    title: str
    message: str
    event_type: str
    user_id: str
    creation_date: str


class Permissions(Shape):
    write: bool
    delete: bool
    change_membership: bool


@dataclass
class Script:
    """Sends requests, and keeps what was not as it should be."""

    api: Api
    repo: Repo
    sent: int = 0
    here: str = ""
    """The path of the project."""
    project: Any = None
    one: str = ""
    """The path of the launcher."""
    builds: str = ""
    """The path of its builds."""
    first: Any = None
    image: str = ""
    """Of the first build."""
    base: str = ""
    """The path of the global environment."""

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int = 200,
        shape: Any = Any,
        says: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request; check status, shape and sentence."""
        answer = await self.api.call(method, DATA + path, body, headers=headers)
        self.sent += 1
        what = f"{self.sent}. {method} {path}: {answer.status} {answer.text[:300]}"
        assert answer.status == status, what
        if status >= 400:
            shape = ErrorResponse
        if answer.text:
            TypeAdapter(shape).validate_json(answer.text)
            assert ":null" not in answer.text, what
        if status >= 400:
            assert answer.json["error"]["code"] == 1000 + status, what
            assert says is None or says in answer.json["error"]["message"], what
        self.last: Answer = answer
        return answer.json


def code(repository: str, **more: Any) -> dict[str, Any]:
    return {
        "repository": repository,
        "builder_variant": "python",
        "frontend_variant": "jupyterlab",
        "environment_image_source": "build",
    } | more


@pytest.fixture
async def script(tmp_path: Path, repo: Repo) -> AsyncIterator[Script]:
    async with (
        a_world(tmp_path) as world,
        a_table_bus(tmp_path) as bus,
        serving(world, bus, pools=(POOL,)) as api,
    ):
        yield Script(api, repo)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "course.git")
    made.commit({"requirements.txt": "six==1.16.0\n"})
    return made


async def finish(script: Script) -> str:
    await script.api.world.settle()
    image = script.api.world.builder.succeed()
    await script.api.world.settle()
    return image


def launcher(script: Script, environment: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "Notebooks",
        "project_id": script.project["id"],
        "environment": environment,
        "resource_class_id": 3,
    } | more


async def opens_a_page(script: Script) -> None:
    """A page opens: version, user, pools, no alerts, no launchers."""
    send = script.send
    await send("GET", "/version")
    await send("GET", "/user")
    await send("GET", "/alerts", shape=list[Alert])
    (pool,) = await send("GET", "/resource_pools?cpu=2&memory=8", shape=list[Pool])
    assert [each["matching"] for each in pool["classes"]] == [False, True]
    one = await send("GET", "/resource_pools/1", shape=Pool)
    # Renku's model of one pool knows no such field of a class.
    assert "matching" not in one["classes"][0]
    for path in ("/classes/4", "/resource_pools/1/classes/4"):
        assert (await send("GET", path, shape=Class))["name"] == "large"
    await send("GET", "/classes/9", status=404, says="class with ID 9 cannot be found")
    await send("GET", "/resource_pools/1/classes/9", status=404, says="cannot be found")
    (large,) = await send("GET", "/resource_pools/1/classes?name=la", shape=list[Class])
    assert large["id"] == 4
    await send("GET", "/resource_pools/2/classes", status=404, says="resource pool")
    await send("GET", "/resource_pools?cpus=2", status=422, says="mean 'cpu'?")
    assert await send("GET", "/session_launchers", shape=list[SessionLauncher]) == []


async def makes_a_project(script: Script) -> None:
    """A project, with versions."""
    send = script.send
    script.project = await send(
        "POST",
        "/projects",
        {
            "name": "Course",
            "namespace": "ada",
            "slug": "course",
            "repositories": [script.repo.url],
        },
        status=201,
    )
    script.here = f"/projects/{script.project['id']}"
    await send("GET", script.here)
    etag = script.last.headers["ETag"]
    await send("GET", script.here, status=304, headers={"If-None-Match": etag})
    await send("PATCH", script.here, {"description": "A"}, status=428, says="If-Match")
    await send(
        "PATCH",
        script.here,
        {"description": "A"},
        status=409,
        headers={"If-Match": '"0"'},
        says="Current ETag is",
    )
    await send("PATCH", script.here, {"description": "A"}, headers={"If-Match": etag})
    await send("GET", "/namespaces/ada/projects/course")
    await send(
        "GET", "/namespaces/ada/projects/none", status=404, says="does not exist"
    )
    await send("GET", f"/projects/{GONE}/session_launchers", status=404, says=GONE)
    await send("GET", "/projects")
    assert script.last.headers["per-page"] == "20"
    await send("GET", f"{script.here}/permissions", shape=Permissions)
    await send("GET", f"{script.here}/members")


async def is_refused(script: Script) -> None:
    """What the form for a launcher asks and is refused."""
    send = script.send
    await send("GET", f"/repository?url={script.repo.url}", shape=RepositoryInfo)
    assert script.last.json["metadata"]["pull_permission"] is True
    for url, problem in {
        "github.com/a/b": "no_url_scheme",
        "ssh://git@github.com/a/b": "invalid_url_scheme",
        "https:///a/b": "no_url_host",
        "https://github.com/": "no_url_path",
        f"{script.repo.url}-none": "metadata_unauthorized",
    }.items():
        found = await send("GET", f"/repository?url={url}", shape=RepositoryInfo)
        assert (found["status"], found["error_code"]) == ("invalid", problem)
    await send("GET", "/repository", status=422, says="url: Field required")

    script.api.world.builder.lacks_platform = "linux/arm64"
    refusals = [
        (
            code(script.repo.url, builder_variant="r", frontend_variant="rstudio"),
            "renv.lock",
        ),
        (
            code(script.repo.url, builder_variant="conda"),
            "Valid values are ['python', 'r']",
        ),
        (code(script.repo.url, frontend_variant="rstudio"), "Invalid combination"),
        (code(script.repo.url, platforms=["linux/arm64"]), "builds no images for it"),
        (
            code(script.repo.url, platforms=["linux/amd64", "linux/arm64"]),
            "only one platform",
        ),
        (code(script.repo.url, context_dir="../x"), "context_dir: holds .."),
        (code(script.repo.url, frontend="none"), "did you mean 'frontend_variant'?"),
        (code("git@github.com:a/b"), "repository"),
        (
            code(f"{script.repo.url}-none"),
            # A folder; of a URL Renku's sentence: rights/test_private_repositories.py
            "There is no git repository that can be read",
        ),
    ]
    for environment, sentence in refusals:
        await send(
            "POST", ADD, launcher(script, environment), status=422, says=sentence
        )
    await send(
        "POST",
        ADD,
        launcher(script, code(script.repo.url), resource_class_id=9),
        status=404,
        says="Resource class with id '9' does not exist",
    )
    await send(
        "POST",
        ADD,
        launcher(script, code(script.repo.url), project_id=GONE),
        status=404,
        says=f"Project with id '{GONE}' does not exist",
    )
    reserved = [{"name": "RENKU_X", "value": "1"}]
    await send(
        "POST",
        ADD,
        launcher(script, code(script.repo.url), env_variables=reserved),
        status=422,
        says="should not start with 'RENKU'",
    )
    assert await send("GET", ADD) == []


async def adds_a_launcher_once(script: Script) -> None:
    """A launcher from code, sent twice by a client that retries."""
    send = script.send
    again = {"Idempotency-Key": "launcher-1"}
    body = launcher(
        script, code(script.repo.url), env_variables=[{"name": "A", "value": "1"}]
    )
    made = await send(
        "POST", ADD, body, status=201, shape=SessionLauncher, headers=again
    )
    assert made == await send("POST", ADD, body, status=201, headers=again)
    assert script.last.headers["Idempotency-Replayed"] == "true"
    await send(
        "POST", ADD, body | {"name": "B"}, status=422, headers=again, says="another"
    )
    await send("POST", ADD, body, status=409, says="already")
    assert made["environment"]["container_image"] == "image:unknown-at-the-moment"
    script.one, environment = f"{ADD}/{made['id']}", made["environment"]["id"]
    script.builds = f"/environments/{environment}/builds"


async def follows_the_first_build(script: Script) -> None:
    """The first build."""
    send = script.send
    (script.first,) = await send("GET", script.builds, shape=list[Build])
    await send(
        "POST", script.builds, status=409, says="already has a build in progress"
    )
    await send("POST", f"{script.builds}?queues=true", status=422, says="mean 'queue'?")
    script.image = await finish(script)
    await script.api.log(script.first["id"], "one", "two", "three")
    done = await send("GET", f"/builds/{script.first['id']}", shape=Succeeded)
    assert done["result"]["image"] == script.image
    logs = f"/builds/{script.first['id']}/logs"
    assert await send("GET", f"{logs}?max_lines=2", shape=BuildLogs) == {
        "build": "two\nthree"
    }
    await send("GET", f"{logs}?max_lines=0", status=422, says="max_lines")
    await send("GET", f"{logs}?max_line=2", status=422, says="mean 'max_lines'?")
    kept = await send(
        "GET", f"/persisted_logs/builds/{script.first['id']}", shape=PersistedLogs
    )
    (container,) = kept["logs"]
    # Renku's pages put the lines together as they are.
    text = "".join(line["log_line"] for line in container["logs"])
    assert text == "one\ntwo\nthree\n"
    times = [int(line["timestamp"]) for line in container["logs"]]
    assert times == sorted(set(times))
    await send("GET", f"/persisted_logs/builds/{GONE}", status=404, says=GONE)
    await send(
        "PATCH",
        f"/builds/{script.first['id']}",
        {"status": "cancelled"},
        status=422,
        says="the build has status succeeded.",
    )
    await send(
        "PATCH", f"/builds/{script.first['id']}", {"status": "failed"}, status=422
    )
    checked = await send(
        "GET", f"/sessions/images?image_url={script.image}", shape=ImageCheck
    )
    assert checked == {
        "accessible": True,
        "platforms": [{"os": "linux", "architecture": "amd64"}],
    }
    unknown = await send(
        "GET", "/sessions/images?image_url=renku/other:1", shape=ImageCheck
    )
    assert unknown == {"accessible": False}
    await send("GET", "/sessions/images", status=422, says="image_url: Field required")
    await send("GET", f"/repository?url={done['result']['repository_url']}")
    tag = script.last.headers["ETag"]
    await send(
        "GET",
        f"/repository?url={script.repo.url}",
        status=304,
        headers={"If-None-Match": tag},
    )


async def names_versions(script: Script) -> None:
    """Versions of launchers, for who names them."""
    send = script.send
    await send("GET", script.one, shape=SessionLauncher)
    version = script.last.headers["ETag"]
    await send("GET", script.one, status=304, headers={"If-None-Match": version})
    await send("PATCH", script.one, {"description": "A"}, headers={"If-Match": version})
    await send(
        "PATCH",
        script.one,
        {"description": "B"},
        status=409,
        headers={"If-Match": version},
        says="Current ETag is",
    )
    await send("DELETE", script.one, status=409, headers={"If-Match": version})


async def changes_and_resets(script: Script) -> None:
    """Changes, and what resets."""
    send = script.send
    changed = await send(
        "PATCH", script.one, {"env_variables": []}, shape=SessionLauncher
    )
    assert "env_variables" not in changed
    changed = await send("PATCH", script.one, {"description": None, "disk_storage": 5})
    assert "description" not in changed
    await send("PATCH", script.one, {"environment": {"args": []}}, status=422)
    await send(
        "PATCH", script.one, {"resource_class_id": 9}, status=404, says="expected one"
    )
    await send(
        "PATCH", script.one, {"nam": "x"}, status=422, says="did you mean 'name'?"
    )
    parameters = {"platforms": [], "repository_revision": ""}
    await send("PATCH", script.one, {"environment": {"build_parameters": parameters}})
    await send(
        "PATCH",
        script.one,
        {"environment": {"build_parameters": {"platforms": ["linux/arm64"]}}},
        status=422,
        says="builds no images for it",
    )


async def cancels_and_fails(script: Script) -> None:
    """A rebuild that is cancelled, and one that fails: the alert of its launcher."""
    send = script.send
    second = await send("POST", script.builds, status=201, shape=Unfinished)
    off = {"status": "cancelled"}
    await send("PATCH", f"/builds/{second['id']}", off, shape=Unfinished)
    await send("PATCH", f"/builds/{second['id']}", off, shape=Unfinished)
    third = await send("POST", script.builds, status=201, shape=Unfinished)
    await script.api.world.settle()
    script.api.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await script.api.world.settle()
    failed = await send("GET", f"/builds/{third['id']}", shape=Unfinished)
    assert (failed["status"], failed["error_reason"]) == ("failed", "Failed")
    (alert,) = await send("GET", "/alerts", shape=list[Alert])
    assert alert["id"] == third["id"]
    assert alert["message"].endswith(". Sessions start from the image before.")
    assert await send("GET", "/alerts?session_name=mine", shape=list[Alert]) == []
    listed = await send("GET", script.builds, shape=list[Build])
    assert [build["id"] for build in listed] == [
        third["id"],
        second["id"],
        script.first["id"],
    ]


async def makes_a_dashboard(script: Script) -> None:
    """The dashboard of the guide: Custom Environment, command and args."""
    send = script.send
    dashboard = await send(
        "PATCH",
        script.one,
        {
            "environment": {
                "environment_image_source": "image",
                "environment_kind": "CUSTOM",
                "container_image": script.image,
                "command": ["bash", "-c"],
                "args": ["streamlit run app.py"],
            }
        },
        shape=SessionLauncher,
    )
    assert dashboard["environment"]["container_image"] == script.image
    await send(
        "POST", script.builds, status=422, says="only environments from code are built"
    )
    assert await send("GET", "/alerts", shape=list[Alert]) == []
    cleared = await send(
        "PATCH", script.one, {"environment": {"command": None, "args": None}}
    )
    assert "command" not in cleared["environment"]


async def takes_a_global_environment(script: Script) -> None:
    """Global environments."""
    send = script.send
    ready = {
        "name": "Base",
        "container_image": "renku/base:1",
        "environment_image_source": "image",
    }
    shared = await send("POST", "/environments", ready, status=201, shape=Environment)
    script.base = f"/environments/{shared['id']}"
    await send("GET", script.base, shape=Environment)
    version = script.last.headers["ETag"]
    await send(
        "PATCH",
        script.base,
        {"port": 9000},
        headers={"If-Match": version},
        shape=Environment,
    )
    await send(
        "PATCH", script.base, {"port": 1}, status=409, headers={"If-Match": version}
    )
    await send("GET", f"{script.base}/builds", status=404, says="Session environment")
    await send("POST", f"{script.base}/builds", status=404, says="Session environment")
    taken = await send("PATCH", script.one, {"environment": {"id": shared["id"]}})
    assert taken["environment"]["environment_kind"] == "GLOBAL"
    assert taken["environment"]["port"] == 9000
    everybody = await send("GET", "/sessions/images?image_url=renku/base:1")
    assert everybody["accessible"] is True
    await send("DELETE", script.base, status=409, says="archive it instead")
    await send("PATCH", script.base, {"is_archived": True})
    assert await send("GET", "/environments", shape=list[Environment]) == []
    await send("GET", "/environments?include_archived=true", shape=list[Environment])
    await send("GET", "/environments?archived=1", status=422, says="include_archived")


async def goes_back_to_code_and_away(script: Script) -> None:
    """Back to code, then away."""
    send = script.send
    back = await send(
        "PATCH",
        script.one,
        {
            "environment": {
                "environment_kind": "CUSTOM",
                "environment_image_source": "build",
                "build_parameters": {
                    "repository": script.repo.url,
                    "builder_variant": "python",
                    "frontend_variant": "vscodium",
                },
            }
        },
        shape=SessionLauncher,
    )
    assert back["environment"]["build_parameters"]["repository"] == script.repo.url
    await send("GET", f"{script.here}/session_launchers", shape=list[SessionLauncher])
    assert script.last.headers["total"] == "1"
    await send("DELETE", script.one, status=204)
    await send("DELETE", script.one, status=204)
    await send("GET", script.one, status=404, says="or you do not have access to it.")
    await send("GET", f"/builds/{GONE}", status=404, says=f"Build with id '{GONE}'")
    await send("DELETE", script.base, status=204)
    await send("DELETE", script.base, status=204)
    await send("DELETE", script.here, status=204)
    await send("DELETE", script.here, status=204)


async def test_a_clients_way(script: Script) -> None:
    for step in (
        opens_a_page,
        makes_a_project,
        is_refused,
        adds_a_launcher_once,
        follows_the_first_build,
        names_versions,
        changes_and_resets,
        cancels_and_fails,
        makes_a_dashboard,
        takes_a_global_environment,
        goes_back_to_code_and_away,
    ):
        await step(script)

    assert script.sent > 100
