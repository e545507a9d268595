"""Create from code, and connect the webhook."""

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape

import pytest

from service.domain.building.resource_pool import ResourceClass, ResourcePool
from service.domain.hook import HookId, Reach
from tests.support.api import Api, serving
from tests.support.browsing import Browser, browsing
from tests.support.deliveries import a_hook
from tests.support.memory import MemoryBus
from tests.support.repos import Repo
from tests.support.rights import populate
from tests.support.world import World

WRONG = re.compile(
    r'<(?:input|select|textarea) [^>]*\bid="(\w+)"[^>]* aria-invalid="true"[^>]*'
    r' aria-describedby="\1-error[ "]'
)
FORM = {"frontend": "none", "name": "Statistics", "policy": "notify"}


def wrong_fields(page: str) -> list[str]:
    """Return the fields that say that they are wrong, and where it stands why."""
    return WRONG.findall(page)


def look_of(page: str) -> dict[str, str]:
    """Return what a browser without scripts sends to have the repository read."""
    form = page[page.index('id="repository"') :].partition("</form>")[0]
    named = re.findall(r'<input [^>]*name="(\w+)"[^>]* value="([^"]*)"', form)
    return {name: unescape(value) for name, value in named if name != "csrf"} | {
        "context_dir": ""
    }


async def test_a_repository_is_probed_before_anything_is_made(
    api: Api, browser: Browser, repo: Repo
) -> None:
    shown = await browser.get(f"/create?url={repo.url}")

    assert "Can be built" in shown.text
    assert "requirements.txt" in shown.text
    assert "main" in shown.text
    assert await api.get("/session_launchers") == []


async def test_the_form_is_sent_so_that_no_address_stands_in_a_url(
    api: Api, browser: Browser, repo: Repo
) -> None:
    asked = await browser.get("/create")
    shown = await browser.post("/create", {"probe": "yes", "url": repo.url})

    assert 'method="post" action="/create" role="search"' in asked.text
    assert (shown.status, "Can be built" in shown.text) == (200, True)
    assert '<span class="tag">public</span>' in shown.text
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
    field = "revision" if "revision" in query else "url"
    assert wrong_fields(shown.text) == [field]
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
    ("field", "value"),
    [
        ("name", ""),
        ("name", "n" * 100),
        ("command", "bash -c"),
        ("command", "[" * 2000),
        ("args", '{"a": 1}'),
        ("context_dir", "../../etc"),
        ("disk_storage", "many"),
        ("schedule", "hourly"),
        ("policy", "whenever"),
        ("frontend", "rstudio"),
        ("url", "nonsense"),
    ],
)
async def test_a_mistake_is_said_at_its_field_and_what_was_typed_stays(
    api: Api, browser: Browser, repo: Repo, *, field: str, value: str
) -> None:
    fields = {"url": repo.url, **FORM, "name": "Kept", field: value}

    shown = await browser.post("/create", fields)

    assert shown.status == 422
    assert f'<a href="#{field}">' in shown.text
    # Choices have a group around them, which is not a field.
    marked = [] if field in {"policy", "frontend"} else [field]
    assert wrong_fields(shown.text) == marked
    assert f'id="{field}-error"' in shown.text
    assert await api.get("/session_launchers") == []
    if field != "name":
        assert 'value="Kept"' in shown.text


async def test_all_mistakes_are_said_at_once_and_the_first_has_the_focus(
    api: Api, browser: Browser, repo: Repo
) -> None:
    await api.add_launcher(repo.url, name="Taken")
    wrong = {"command": "bash", "disk_storage": "many", "name": ""}

    shown = await browser.post("/create", {"url": repo.url, **FORM, **wrong})
    taken = await browser.post("/create", {"url": repo.url, **FORM, "name": "Taken"})

    assert wrong_fields(shown.text) == ["name", "disk_storage", "command"]
    (focused,) = re.findall(r"<input[^>]* autofocus[^>]*>", shown.text)
    assert 'id="name"' in focused
    assert "Nothing was added yet" in shown.text
    assert wrong_fields(taken.text) == ["name"]


async def test_what_was_chosen_is_sent_along_when_the_repository_is_read_again(
    browser: Browser, repo: Repo
) -> None:
    chosen = {**FORM, "name": 'Ours & "theirs"', "command": "bash", "args": '["x"]'}
    wrong = {"url": repo.url, "context_dir": "../etc", **chosen}

    shown = await browser.post("/create", wrong)
    # A second mistake loses it no more than the first.
    again = await browser.post("/create", {**look_of(shown.text), "revision": "no"})
    found = await browser.post("/create", look_of(again.text) | {"revision": "main"})

    assert {name: look_of(found.text)[name] for name in chosen} == chosen
    assert "Can be built" in found.text
    form = found.text[found.text.index('id="launcher"') :]
    assert 'value="Ours &amp; &#34;theirs&#34;"' in form
    assert 'value="notify" checked' in form
    assert ">[&#34;x&#34;]</textarea>" in form


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

    new = await browser.post(path, {"forge": "gitlab"})
    again = await browser.get(path)

    secret = re.search(r'id="hook-secret">([^<]+)<', new.text)
    assert secret
    assert "Waiting for the first delivery" in new.text
    assert secret[1] not in again.text
    assert "told by a webhook already" in again.text
    (hook,) = await api.get("/hooks")
    assert hook["forge"] == "gitlab"


async def test_who_has_a_folder_is_asked_for_no_forge(
    api: Api, browser: Browser, repo: Repo
) -> None:
    folder = await api.add_launcher(repo.url)
    elsewhere = await api.add_launcher("https://git.example.org/ada/course")

    asked = await browser.get(f"/launchers/{folder['id']}/connect")
    made = await browser.post(f"/launchers/{folder['id']}/connect")
    unnamed = await browser.post(f"/launchers/{elsewhere['id']}/connect")

    assert "none, it is a folder" in asked.text
    # What is typed into a terminal is copied as it is.
    assert ">(set -e\n" in made.text
    assert "\nchmod +x post-receive\n)</code>" in made.text
    assert unnamed.status == 422
    launcher = await browser.get(f"/launchers/{folder['id']}")
    assert f'href="/launchers/{folder["id"]}/connect"' in launcher.text


async def test_a_definition_with_an_error_is_not_called_good(
    browser: Browser, repo: Repo
) -> None:
    broken = "channels: [defaults]\ndependencies: [numpy]\n"
    repo.commit({"environment.yml": broken}, clear=True)

    shown = await browser.post("/create", {"probe": "yes", "url": repo.url})

    assert "The build would fail" in shown.text
    assert "The build will fail until that is mended" in shown.text
    assert "Can be built" not in shown.text


async def test_a_webhook_of_the_host_tells_of_the_repository_already(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await populate(api.world, repo.repository)
    hosts = replace(repo.repository, path="")
    wide = a_hook(id=HookId("hosts"), repository=hosts, reach=Reach.HOST)
    async with api.world.store.transaction() as tx:
        await tx.hooks.remove(HookId(made.ids["hook_id"]))
        await tx.hooks.add(wide)
    path = f"/launchers/{made.ids['launcher_id']}/connect"

    shown = await browser.get(path)
    async with browsing(api) as editor:
        await editor.sign_in(made.tokens["editor"] or "")
        theirs = await editor.get(path)

    assert "told by a webhook of its forge already" in shown.text
    assert "told by a webhook of its forge already" in theirs.text
    assert ("/hooks/hosts" in shown.text, "/hooks/hosts" in theirs.text) == (
        True,
        False,
    )


async def test_a_webhook_is_known_among_very_many(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await populate(api.world, repo.repository)
    before = repo.repository
    async with api.world.store.transaction() as tx:
        for number in range(510):
            other = replace(before, path=f"other-{number}")
            first = a_hook(id=HookId(f"h-{number}"), repository=other)
            await tx.hooks.add(first)

    shown = await browser.get(f"/launchers/{made.ids['launcher_id']}/connect")

    assert "told by a webhook already" in shown.text
