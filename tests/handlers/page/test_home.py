"""The list of launchers."""

import re
from datetime import timedelta

from service.domain.building.failure import FailureClass
from tests.support.api import Api
from tests.support.browsing import Browser, browsing
from tests.support.repos import Repo
from tests.support.rights import populate

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


async def test_an_empty_list_says_what_to_do(browser: Browser) -> None:
    shown = await browser.get("/")

    assert "No session launchers yet" in shown.text
    assert 'href="/create"' in shown.text


async def test_a_launcher_is_shown_with_its_state_and_its_image(
    api: Api, browser: Browser, repo: Repo
) -> None:
    await api.add_launcher(repo.url)
    fresh = await browser.get("/")
    await api.world.settle()
    building = await browser.get("/")
    api.world.builder.succeed()
    await api.world.settle()
    done = await browser.get("/")

    assert "Build in progress" in fresh.text
    assert "Build in progress" in building.text
    assert "Build succeeded" in done.text
    assert str(repo.tip("refs/heads/main"))[:8] in done.text
    assert ">pip<" in done.text


async def test_names_are_text_whatever_they_hold(
    api: Api, browser: Browser, repo: Repo
) -> None:
    await api.add_launcher(repo.url, name=HOSTILE)

    shown = await browser.get("/")

    assert "&lt;script&gt;alert(1)" in shown.text
    assert "<script>alert" not in shown.text
    assert "<img" not in shown.text


async def test_a_failed_build_beside_an_older_image_is_said(
    api: Api, browser: Browser, repo: Repo
) -> None:
    made = await api.add_built_launcher(repo.url)
    await api.call(
        "POST", f"/api/relaunch/environments/{made['environment']['id']}/builds"
    )
    await api.world.settle()
    api.world.builder.fail(FailureClass.CONFLICT)
    await api.world.settle()

    shown = await browser.get("/")

    assert "Build failed" in shown.text
    assert "Only an older image available" in shown.text


async def test_a_project_of_others_is_not_shown(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    body = {"name": "reader", "role": "viewer", "projects": ["0" * 26]}
    token = (await api.call("POST", "/api/relaunch/tokens", body)).json["token"]

    async with browsing(api) as reader:
        await reader.sign_in(token)
        seen = await reader.get("/")
        project = await reader.get(f"/projects/{'1' * 26}")

    assert made["name"] in seen.text
    assert 'href="/create"' not in seen.text
    assert project.status == 404


async def test_the_list_is_sent_again_when_it_changed_and_not_before(
    live: Api, repo: Repo
) -> None:
    async with browsing(live) as browser:
        await browser.sign_in()
        page = await browser.get("/")
        url = page.text.partition('sse-connect="')[2].partition('"')[0]
        await live.add_launcher(repo.url)

        async with browser.stream(url) as parts:
            first = await anext(parts)
            async with browser.stream(url, after=first.id) as again:
                await live.add_launcher(repo.url)
                second = await anext(again)

    assert first.name == second.name == "launchers"
    assert "course-1" not in first.data
    assert "course-1" in second.data


async def test_that_time_passes_is_nothing_to_be_sent_again(
    api: Api, browser: Browser, repo: Repo
) -> None:
    await api.add_built_launcher(repo.url)
    seen, ages = [], []
    for minutes in (0, 3):
        api.world.clock.advance(timedelta(minutes=minutes))
        page = (await browser.get("/")).text
        seen += re.findall(r"seen=(\w+)", page)
        ages += re.findall(r"<time [^>]*>([^<]*)<", page)

    assert ages == ["just now", "3 min ago"]
    assert seen[0] == seen[1]


async def test_only_who_edits_a_project_is_offered_to_create(
    api: Api, repo: Repo
) -> None:
    made = await populate(api.world, repo.repository)
    offered = {}
    for role in ("viewer", "editor"):
        async with browsing(api) as person:
            await person.sign_in(made.tokens[role] or "")
            offered[role] = "Create from code" in (await person.get("/")).text

    assert offered == {"viewer": False, "editor": True}
