"""Create from code, and connect the webhook."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from service.domain.building.resource_pool import ResourceClass, ResourcePool
from tests.support.api import Api, serving
from tests.support.browsing import Browser, browsing
from tests.support.memory import MemoryBus
from tests.support.repos import Repo
from tests.support.rights import populate
from tests.support.world import World

FORM = {"frontend": "none", "name": "Statistics", "policy": "notify"}


async def test_a_repository_is_probed_before_anything_is_made(
    api: Api, browser: Browser, repo: Repo
) -> None:
    shown = await browser.get(f"/create?url={repo.url}")

    assert "Can be built" in shown.text
    assert "requirements.txt" in shown.text
    assert "main" in shown.text
    assert await api.get("/session_launchers") == []


async def test_branches_are_offered_to_choose_from(
    browser: Browser, repo: Repo
) -> None:
    for name in ("autumn", "feature/<b>"):
        repo.commit({"requirements.txt": "six\n"}, branch=name)

    shown = await browser.get(f"/create?url={repo.url}")

    offered = re.findall(r'<option value="([^"]*)"></option>', shown.text)
    assert offered == ["autumn", "feature/&lt;b&gt;", "main"]
    assert "3 branches to choose from" in shown.text


async def test_compute_resources_have_names(world: World, repo: Repo) -> None:
    small = ResourceClass(
        id=7, name="small", cpu=1, memory=4, max_storage=20, default_storage=1
    )
    large = replace(small, id=8, name="large", cpu=7.5, memory=64, gpu=2)
    pool = ResourcePool(id=1, name="Teaching", classes=(small, large))
    async with (
        serving(world, MemoryBus(), pools=(pool,)) as api,
        browsing(api) as browser,
    ):
        await browser.sign_in()
        form = await browser.get(f"/create?url={repo.url}&resource_class_id=8")
        fields = FORM | {"url": repo.url, "resource_class_id": "8"}
        await browser.post("/create", fields)
        (made,) = await api.get("/session_launchers")

    assert '<optgroup label="Teaching"><option value="7">small: 1 core, 4 GB' in (
        form.text
    )
    assert 'value="8" selected>large: 7.5 cores, 64 GB, 2 GPUs' in form.text
    assert made["resource_class_id"] == 8


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"README.md": "x"}, "Nothing to build"),
        ({"environment.yml": "channels: [defaults]\ndependencies: [x]\n"}, "Error"),
    ],
)
async def test_what_is_wrong_is_shown_before_the_build(
    browser: Browser, repo: Repo, files: Mapping[str, str], expected: str
) -> None:
    repo.commit(files, clear=True)

    shown = await browser.get(f"/create?url={repo.url}")

    assert expected in shown.text


@pytest.mark.parametrize(
    "query",
    [
        "url=ssh://git@host/x",
        "url=<script>alert(1)</script>",
        "url=file:///nowhere/at/all",
        "url={url}&revision=no-such-branch",
    ],
)
async def test_a_repository_that_cannot_be_read_is_said_in_the_form(
    browser: Browser, repo: Repo, query: str
) -> None:
    shown = await browser.get(f"/create?{query.format(url=repo.url)}")

    assert shown.status == 200
    assert 'role="alert"' in shown.text
    assert "<script>alert" not in shown.text


async def test_a_launcher_is_created_and_its_first_build_begins(
    api: Api, browser: Browser, repo: Repo
) -> None:
    command = {"command": '["bash", "-c"]', "args": '["streamlit run app.py"]'}

    made = await browser.post("/create", {"url": repo.url, **FORM, **command})
    (launcher,) = await api.get("/session_launchers")
    page = await browser.get(made.location)

    assert made.status == 303
    assert made.location == f"/launchers/{launcher['id']}/connect"
    assert launcher["name"] == "Statistics"
    assert launcher["update_policy"] == "notify"
    assert launcher["environment"]["args"] == ["streamlit run app.py"]
    assert launcher["latest_build"]["state"] == "queued"
    assert "Make the webhook" in page.text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "Name"),
        ("name", "n" * 100, "Name"),
        ("command", "bash -c", "Command"),
        ("args", '{"a": 1}', "Args"),
        ("context_dir", "../../etc", "Folder"),
        ("disk_storage", "many", "Disk"),
        ("policy", "whenever", "Updates"),
        ("frontend", "rstudio", "rstudio"),
        ("url", "nonsense", "nonsense"),
    ],
)
async def test_a_mistake_is_said_and_what_was_typed_stays(
    api: Api, browser: Browser, repo: Repo, *, field: str, value: str, said: str
) -> None:
    fields = {"url": repo.url, **FORM, "name": "Kept", field: value}

    shown = await browser.post("/create", fields)

    assert shown.status == 422
    assert said in shown.text
    assert await api.get("/session_launchers") == []
    if field not in {"name", "url"}:
        assert 'value="Kept"' in shown.text


async def test_a_project_is_for_its_editors(api: Api, repo: Repo) -> None:
    made = await populate(api.world, repo.repository)
    statuses = {}
    for role in ("viewer", "editor"):
        async with browsing(api) as person:
            await person.sign_in(made.tokens[role] or "")
            fields = {"url": repo.url, **FORM, "project": made.project.id}
            statuses[role] = (await person.post("/create", fields)).status

    assert statuses == {"viewer": 404, "editor": 303}


async def test_the_secret_of_a_webhook_is_shown_once(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_launcher(repo.url)
    path = f"/launchers/{made['id']}/connect"

    unnamed = await browser.post(path)
    new = await browser.post(path, {"forge": "gitlab"})
    again = await browser.get(path)

    assert unnamed.status == 422
    secret = re.search(r'id="hook-secret">([^<]+)<', new.text)
    assert secret
    assert "Waiting for the first delivery" in new.text
    assert secret[1] not in again.text
    assert "told by a webhook already" in again.text
    (hook,) = await api.get("/hooks")
    assert hook["forge"] == "gitlab"
