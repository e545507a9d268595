"""What cannot be undone at once is asked before, on a page of its own."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from consumers.subscriptions import BUILDING
from tests.contracts.test_bus import bury_one
from tests.support.api import Api, a_table_bus, serving
from tests.support.browsing import Browser, Shown, browsing
from tests.support.repos import Repo
from tests.support.rights import populate
from tests.support.world import World

HOSTILE = "<script>alert(1)</script>"


async def answer(browser: Browser, page: Shown, path: str) -> Shown:
    """Press the button of a page that asks, as a browser does."""
    assert f'action="{path.partition("?")[0]}"' in page.text
    named = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    fields = {name: value for name, value in named if name != "csrf"}
    return await browser.post(path.partition("?")[0], fields)


async def test_a_launcher_is_removed_once_somebody_said_so(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_launcher(repo.url, name=HOSTILE)
    path = f"/launchers/{made['id']}/remove"

    asked = await browser.get(path)
    still = await browser.get(f"/launchers/{made['id']}")
    done = await answer(browser, asked, path)

    assert "Remove this launcher?" in asked.text
    assert HOSTILE not in asked.text
    assert (still.status, done.location) == (200, "/")
    assert (await browser.get(f"/launchers/{made['id']}")).status == 404


async def test_a_launcher_is_rolled_back_to_what_was_asked_about(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url)
    first = repo.tip()
    repo.commit({"requirements.txt": "six\nattrs\n"})
    await api.world.push(repo.repository)
    await api.world.settle()
    api.world.clock.advance(timedelta(seconds=5))
    await api.world.settle()
    api.world.builder.succeed()
    await api.world.settle()
    page = await browser.get(f"/launchers/{made['id']}")
    path = re.search(r'href="(/launchers/\w+/roll-back\?build=\w+)"', page.text)
    assert path

    asked = await browser.get(path[1])
    await answer(browser, asked, path[1])

    assert first[:8] in asked.text
    assert "pinned" in (await browser.get(f"/launchers/{made['id']}")).text


async def test_nothing_is_asked_about_what_another_launcher_built(
    api: Api, browser: Browser, repo: Repo
) -> None:
    launchers = [await api.add_built_launcher(repo.url, name=name) for name in "ab"]
    env = launchers[1]["environment"]["id"]
    build = (await api.get(f"/environments/{env}/builds"))[0]["id"]

    path = f"/launchers/{launchers[0]['id']}/roll-back"
    asked = [await browser.get(f"{path}{query}") for query in (f"?build={build}", "")]

    assert [page.status for page in asked] == [404, 404]


async def test_nothing_is_asked_about_a_build_without_an_image(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    (running,) = await api.get(f"/environments/{made['environment']['id']}/builds")
    path = f"/launchers/{made['id']}/roll-back"

    asked = await browser.get(f"{path}?build={running['id']}")
    done = await browser.post(path, {"build": running["id"]})

    assert (asked.status, done.status) == (422, 422)
    assert "expected one that succeeded" in asked.text


@pytest.mark.parametrize("what", ["remove", "retire"])
async def test_a_webhook_is_asked_about(api: Api, repo: Repo, what: str) -> None:
    made = await populate(api.world, repo.repository)
    path = f"/hooks/{made.ids['hook_id']}/{what}"
    asked = {}
    for role in ("viewer", "editor"):
        async with browsing(api) as person:
            await person.sign_in(made.tokens[role] or "")
            asked[role] = await person.get(path)

    assert {role: page.status for role, page in asked.items()} == {
        "viewer": 404,
        "editor": 200,
    }
    assert f'action="{path}"' in asked["editor"].text


async def test_a_dead_letter_is_dropped_once_somebody_said_so(
    world: World, tmp_path: Path
) -> None:
    async with (
        a_table_bus(tmp_path) as bus,
        serving(world, bus) as api,
        browsing(api) as browser,
    ):
        await bury_one(bus, role=BUILDING, error=HOSTILE)
        (letter,) = await bus.dead_letters()
        path = f"/operation/dead-letters/{letter.id}/drop"
        await browser.sign_in()
        shown = await browser.get("/operation")
        asked = await browser.get(path)
        kept = await bus.dead_letters()
        await answer(browser, asked, path)
        gone = await browser.get(path)

        assert await bus.dead_letters() == []
    assert f'href="{path}"' in shown.text
    assert "alert(1)" in asked.text
    assert HOSTILE not in asked.text
    assert len(kept) == 1
    assert gone.status == 404
