"""Launchers below `/api/data`, read strictly: every request of Renku's own tests.

https://github.com/SwissDataScienceCenter/renku-data-services,
`test/bases/renku_data_services/data_api/test_sessions.py`, but for resource classes and
rights; and what is ours there, by the user guide.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.handlers.api.renku.shapes import SessionLauncher, read, read_error
from tests.support.api import Api
from tests.support.repos import Repo

ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
NOT_BUILT = "image:unknown-at-the-moment"
FIELDS = "There are errors in the following fields, "
IMAGE = {
    "container_image": "some_image:some_tag",
    "name": "custom_name",
    "environment_kind": "CUSTOM",
    "environment_image_source": "image",
}
CODE = {
    "repository": "https://github.com/SwissDataScienceCenter/renku",
    "builder_variant": "python",
    "frontend_variant": "vscodium",
    "environment_image_source": "build",
}
PARAMETERS = {
    "repository": "https://github.com/some/repo",
    "builder_variant": "python",
    "frontend_variant": "vscodium",
}


async def post(api: Api, environment: Any, **fields: Any) -> Any:
    body = {"name": "Launcher 1", "project_id": ULID, "environment": environment}
    return await api.call("POST", "/api/data/session_launchers", body | fields)


async def add(api: Api, environment: Any, **fields: Any) -> Any:
    return read(await post(api, environment, **fields), SessionLauncher, 201)


async def patch(api: Api, launcher: Any, body: Any) -> Any:
    path = f"/api/data/session_launchers/{launcher['id']}"
    return await api.call("PATCH", path, body)


async def change(api: Api, launcher: Any, **body: Any) -> Any:
    """Change a launcher; what is answered is what is read afterwards."""
    changed = read(await patch(api, launcher, body), SessionLauncher)
    path = f"/api/data/session_launchers/{launcher['id']}"
    assert read(await api.call("GET", path), SessionLauncher) == changed
    return changed


async def add_global(api: Api, **fields: Any) -> Any:
    body = {
        "name": "Some environment",
        "description": "A session environment.",
        "container_image": "some_image:some_tag",
        "environment_image_source": "image",
    }
    answer = await api.call("POST", "/api/data/environments", body | fields)
    assert answer.status == 201, answer
    return answer.json


@pytest.mark.parametrize("kind", ["interactive", "non-interactive"])
async def test_a_launcher_starts_from_an_image_with_renkus_defaults(
    api: Api, kind: str
) -> None:
    found = await add(
        api,
        IMAGE,
        description="A session launcher.",
        disk_storage=2,
        env_variables=[{"name": "KEY_NUMBER_1", "value": "a value"}],
        launcher_type=kind,
    )

    assert found == {
        "id": found["id"],
        "project_id": ULID,
        "name": "Launcher 1",
        "creation_date": "2026-03-01T12:00:00Z",
        "description": "A session launcher.",
        "disk_storage": 2,
        "env_variables": [{"name": "KEY_NUMBER_1", "value": "a value"}],
        "launcher_type": kind,
        "environment": {
            "id": found["environment"]["id"],
            "name": "custom_name",
            "creation_date": "2026-03-01T12:00:00Z",
            "container_image": "some_image:some_tag",
            "default_url": "/lab",
            "port": 8080,
            "uid": 1000,
            "gid": 1000,
            "is_archived": False,
            "strip_path_prefix": False,
            "environment_kind": "CUSTOM",
            "environment_image_source": "image",
        },
    }


@pytest.mark.parametrize(
    "repository",
    [
        "https://github.com/SwissDataScienceCenter/renku",
        "https://github.com/SwissDataScienceCenter/Renku.git/",
        "HTTPS://GitHub.com/SwissDataScienceCenter/renku",
    ],
)
async def test_a_launcher_from_code_has_its_repository_as_it_was_sent(
    api: Api, repository: str
) -> None:
    advanced = {"repository_revision": "some-branch", "context_dir": "path/to/context"}

    found = await add(api, CODE | advanced | {"repository": repository})

    environment = found["environment"]
    assert environment["build_parameters"] == {
        "repository": repository,
        "platforms": ["linux/amd64"],
        "builder_variant": "python",
        "frontend_variant": "vscodium",
        **advanced,
    }
    assert environment["container_image"] == NOT_BUILT
    assert environment["name"] == "Launcher 1"
    assert environment["description"] == "Generated environment for Launcher 1"


async def test_a_launcher_takes_a_global_environment_but_no_archived_one(
    api: Api,
) -> None:
    shared = await add_global(api)
    archived = await add_global(api, is_archived=True)

    found = await add(api, {"id": shared["id"].lower()})
    refused = await post(api, {"id": archived["id"]}, name="other")
    unknown = await post(api, {"id": ULID}, name="other")

    expected = {"environment_kind": "GLOBAL", "environment_image_source": "image"}
    assert found["environment"] == shared | expected
    assert read_error(refused, 422) == (
        "Cannot create a new session launcher with an archived environment."
    )
    assert read_error(unknown, 404) == (
        f"Session environment with id '{ULID}' does not exist or you do not have "
        "access to it."
    )


async def test_an_environment_is_changed_from_kind_to_kind(api: Api) -> None:
    """test_patch_session_launcher_environment."""
    shared = await add_global(api)
    launcher = await add(api, IMAGE, description="A session launcher.")

    taken = await change(api, launcher, environment={"id": shared["id"], "name": None})
    random = await patch(api, launcher, {"environment": {"random_field": "x"}})
    edit = await patch(api, launcher, {"environment": {"container_image": "new_image"}})
    own = await change(
        api, launcher, environment=IMAGE | {"container_image": "new_image"}
    )
    edited = await change(
        api,
        launcher,
        environment={"container_image": "nginx:latest", "args": ["a", "b", "c"]},
    )
    reset = await change(api, launcher, environment={"args": None, "command": None})
    parameters = await patch(
        api, launcher, {"environment": {"build_parameters": {"repository": "x"}}}
    )
    built = await change(
        api,
        launcher,
        environment={
            "environment_image_source": "build",
            "build_parameters": PARAMETERS,
        },
    )

    assert taken["environment"]["id"] == shared["id"]
    assert taken["environment"]["environment_kind"] == "GLOBAL"
    assert FIELDS in read_error(random, 422)
    assert read_error(edit, 422) == (
        FIELDS + "environment.environment_kind: Input should be 'custom'"
    )
    assert own["environment"]["id"] not in {shared["id"], launcher["environment"]["id"]}
    assert edited["environment"]["container_image"] == "nginx:latest"
    assert edited["environment"]["args"] == ["a", "b", "c"]
    assert "args" not in reset["environment"]
    assert read_error(parameters, 422) == (
        FIELDS + "environment.build_parameters: Must be null"
    )
    assert built["description"] == "A session launcher."
    assert built["environment"]["name"] == "custom_name"
    assert built["environment"]["id"] == own["environment"]["id"]
    assert built["environment"]["container_image"] == NOT_BUILT
    assert built["environment"]["build_parameters"] == PARAMETERS | {
        "platforms": ["linux/amd64"]
    }


async def test_a_global_environment_gives_way_to_code_and_code_to_an_image(
    api: Api,
) -> None:
    """test_patch_session_launcher_environment_with_build_parameters."""
    shared = await add_global(api)
    launcher = await add(api, {"id": shared["id"]})

    built = await change(
        api,
        launcher,
        environment={
            "environment_kind": "CUSTOM",
            "environment_image_source": "build",
            "build_parameters": PARAMETERS,
        },
    )
    other = {"repository": "https://github.com/new/repo", "builder_variant": "python"}
    edited = await change(api, launcher, environment={"build_parameters": other})
    image = await change(
        api, launcher, environment=IMAGE | {"container_image": "new_image"}
    )

    assert built["environment"]["id"] != shared["id"]
    assert built["environment"]["name"] == "Launcher 1"
    assert edited["environment"]["id"] == built["environment"]["id"]
    assert edited["environment"]["build_parameters"]["repository"] == (
        "https://github.com/new/repo"
    )
    assert image["environment"]["id"] == built["environment"]["id"]
    assert image["environment"]["name"] == "custom_name"
    assert image["environment"]["container_image"] == "new_image"
    assert "build_parameters" not in image["environment"]


async def test_advanced_parameters_are_set_and_reset(api: Api) -> None:
    """test_patch_session_launcher_with_advanced_environment_build."""
    launcher = await add(api, CODE)

    async def patched(**parameters: Any) -> Any:
        environment = {"build_parameters": parameters}
        found = await change(api, launcher, environment=environment)
        assert found["environment"]["id"] == launcher["environment"]["id"]
        assert found["environment"]["container_image"] == NOT_BUILT
        given = found["environment"]["build_parameters"]
        return {
            key: given.get(key) for key in ("context_dir", "repository_revision")
        } | {key: given[key] for key in ("platforms", "frontend_variant")}

    advanced = {"context_dir": "some/path", "repository_revision": "some-branch"}
    assert await patched(**advanced, platforms=["linux/arm64"]) == advanced | {
        "platforms": ["linux/arm64"],
        "frontend_variant": "vscodium",
    }
    assert (await patched(context_dir=""))["context_dir"] is None
    reset = {"context_dir": "", "repository_revision": "", "platforms": []}
    assert await patched(frontend_variant="jupyterlab", **reset) == {
        "context_dir": None,
        "repository_revision": None,
        "platforms": ["linux/amd64"],
        "frontend_variant": "jupyterlab",
    }


async def test_fields_are_reset_by_null_and_by_empty_lists(api: Api) -> None:
    """test_patch_session_launcher_reset_fields."""
    fields = {
        "resource_class_id": 3,
        "disk_storage": 2,
        "env_variables": [{"name": "A", "value": "a"}],
    }
    first = await add(api, IMAGE, **fields)
    second = await add(api, IMAGE, name="Launcher 2", **fields)

    kept = await change(api, first)
    none = await change(api, first, **dict.fromkeys(fields))
    empty = await change(api, second, env_variables=[])

    assert kept == first
    assert not set(fields) & set(none)
    assert "env_variables" not in empty
    assert empty["disk_storage"] == 2


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"builder_variant": "conda"},
            (
                "Invalid value for the field 'builder_variant': conda: Valid "
                "values are "
                "['python', 'r']"
            ),
        ),
        (
            {"frontend_variant": "jupyter"},
            (
                "Invalid value for the field 'frontend_variant': jupyter: Valid "
                "values are "
                "['vscodium', 'jupyterlab', 'ttyd', 'rstudio', 'infer', 'none']"
            ),
        ),
        (
            {"frontend_variant": "rstudio"},
            (
                "Invalid combination: builder 'python' is not compatible with frontend "
                "'rstudio'"
            ),
        ),
        (
            {"builder_variant": "r", "frontend_variant": "rstudio"},
            (
                "Invalid value for the field 'builder_variant': r: this "
                "installation reads "
                "definitions of Python environments and no renv.lock, so it could "
                "not be "
                "built. Valid values are ['python']"
            ),
        ),
    ],
)
async def test_what_cannot_be_built_is_refused_when_it_is_asked_for(
    api: Api, given: Any, sentence: str
) -> None:
    launcher = await add(api, CODE)

    added = await post(api, CODE | given, name="other")
    changed = await patch(api, launcher, {"environment": {"build_parameters": given}})

    assert read_error(added, 422) == sentence
    assert read_error(changed, 422) == sentence


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        (CODE | {"platforms": ["linux/amd64", "linux/arm64"]}, "only one platform at"),
        (CODE | {"command": []}, "environment.command: "),
        (IMAGE | {"args": []}, "environment.args: "),
        (IMAGE | {"port": 65400}, "environment.port: "),
        (IMAGE | {"uid": 0}, "environment.uid: "),
        (IMAGE | {"working_directory": "work"}, "is supposed to be absolute"),
        (IMAGE | {"container_image": "https://example.com/r/test:latest"}, "reference"),
        (IMAGE | {"container_image": "renku/_bla"}, "reference"),
        (IMAGE | {"container_image": "renku/test:töst"}, "reference"),
        (IMAGE | {"container_image": "renku/test@sha254:abcd"}, "reference"),
        (IMAGE | {"container_image": " renku/test:latest"}, "reference"),
        ({"environment_image_source": "image"}, "environment.name: Field required"),
        ({}, "environment.repository: Field required"),
        (CODE | {"repositry": "x"}, "did you mean 'repository'?"),
    ],
)
async def test_a_wrong_environment_is_refused(
    api: Api, environment: Any, problem: str
) -> None:
    message = read_error(await post(api, environment), 422)

    assert message.startswith(FIELDS)
    assert problem in message


async def test_a_folder_without_a_repository_is_no_matter_of_credentials(
    api: Api, tmp_path: Path
) -> None:
    environment = {**CODE, "repository": f"file://{tmp_path}"}

    message = read_error(await post(api, environment), 422)

    assert (
        f"There is no git repository that can be read at file://{tmp_path}" in message
    )


async def test_names_of_the_platform_are_refused_in_renkus_words(api: Api) -> None:
    variables = [{"name": "renkustuff_1", "value": "a value"}]
    launcher = await add(api, IMAGE)

    added = await post(api, IMAGE, name="other", env_variables=variables)
    changed = await patch(api, launcher, {"env_variables": variables})

    for answer in (added, changed):
        assert read_error(answer, 422) == (
            "Env variable name 'renkustuff_1' should not start with 'RENKU'."
        )


async def test_nothing_is_built_for_a_ready_image(api: Api) -> None:
    launcher = await add(api, IMAGE)
    path = f"/api/data/environments/{launcher['environment']['id']}/builds"

    listed = await api.call("GET", path)
    refused = await api.call("POST", path)

    assert listed.json == []
    assert "only environments from code are built" in read_error(refused, 422)


async def test_a_dashboard_by_the_recipe_of_the_guide(api: Api, repo: Repo) -> None:
    """Step 1 builds, step 2 makes it a custom environment, step 3 sets the command."""
    launcher = await add(api, CODE | {"repository": repo.url})
    await api.world.settle()
    image = api.world.builder.succeed()
    await api.world.settle()

    dashboard = await change(
        api,
        launcher,
        environment={
            "environment_kind": "CUSTOM",
            "environment_image_source": "image",
            "container_image": image,
            "default_url": "/",
            "port": 8888,
            "command": ["bash", "-c"],
            "args": ["streamlit run app.py --server.port $RENKU_SESSION_PORT"],
        },
    )
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await api.world.push(repo.repository)
    await api.world.later(60)

    environment = dashboard["environment"]
    assert environment["environment_image_source"] == "image"
    assert environment["container_image"] == image
    assert environment["command"] == ["bash", "-c"]
    assert environment["name"] == "Launcher 1"
    assert environment["port"] == 8888
    assert not api.world.builder.running


async def test_a_dashboard_from_code_keeps_its_settings_and_is_rebuilt(
    api: Api, repo: Repo
) -> None:
    settings = {
        "command": ["bash", "-c"],
        "args": ["streamlit run app.py"],
        "port": 8501,
        "default_url": "/app",
        "working_directory": "/srv/app",
        "mount_directory": "/srv",
    }
    launcher = await add(api, CODE | {"repository": repo.url} | settings)
    await api.world.settle()
    api.world.builder.succeed()
    await api.world.settle()
    edited = await change(
        api, launcher, environment={"port": 8502, "working_directory": ""}
    )

    repo.commit({"requirements.txt": "six==1.17.0\n"})
    await api.world.push(repo.repository)
    await api.world.later(60)
    image = api.world.builder.succeed()
    await api.world.settle()

    path = f"/api/data/session_launchers/{launcher['id']}"
    found = read(await api.call("GET", path), SessionLauncher)["environment"]
    assert {key: launcher["environment"][key] for key in settings} == settings
    assert found == edited["environment"] | {"container_image": image}
    assert found["port"] == 8502
    assert found["working_directory"] == "/home/renku/work"
    assert found["build_parameters"]["repository"] == repo.url


async def test_code_after_an_image_is_built_and_moves_the_launcher(
    api: Api, repo: Repo
) -> None:
    launcher = await add(api, CODE | {"repository": repo.url})
    await api.world.settle()
    api.world.builder.succeed()
    await api.world.settle()
    followed = await api.get("/sources")
    await change(api, launcher, environment=IMAGE)
    left = await api.get("/sources")

    parameters = PARAMETERS | {"repository": repo.url}
    again = await change(
        api,
        launcher,
        environment={
            "environment_image_source": "build",
            "build_parameters": parameters,
        },
    )
    await api.world.later(60)

    path = f"/api/data/session_launchers/{launcher['id']}"
    found = read(await api.call("GET", path), SessionLauncher)
    again_followed = await api.get("/sources")
    assert [len(followed), len(left), len(again_followed)] == [1, 0, 1]
    assert again["environment"]["container_image"] == NOT_BUILT
    assert found["environment"]["container_image"] not in {
        NOT_BUILT,
        "some_image:some_tag",
    }


async def test_a_required_build_parameter_that_misses_is_named(api: Api) -> None:
    launcher = await add(api, IMAGE)

    for given, sentence in [
        ({}, "The field 'builder_variant' is required"),
        ({"builder_variant": "python"}, "The field 'frontend_variant' is required"),
    ]:
        environment = {"environment_image_source": "build", "build_parameters": given}
        answer = await patch(api, launcher, {"environment": environment})
        assert read_error(answer, 422) == sentence
