"""The user guide in a real browser, from nothing to a session's image."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from service.domain.building.failure import FailureClass
from tests.browser.people import people
from tests.support.api import Api
from tests.support.repos import Repo

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='run'\"><script>alert(1)</script>"
SOON = 15_000
"""Milliseconds: a page looks every two seconds while something is in progress."""


async def create(page: Page, url: str, name: str) -> None:
    await page.get_by_role("link", name="Create from code").click()
    await page.get_by_label("Code repository").fill(url)
    await page.get_by_role("button", name="Look").click()
    await expect(page.get_by_text("Can be built")).to_be_visible()
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Add session launcher").click()
    await expect(
        page.get_by_role("heading", name="Connect the webhook")
    ).to_be_visible()


async def test_from_nothing_to_ready(api: Api, repo: Repo) -> None:
    async with people(api) as opened:
        page = await opened.sign_in()
        await expect(page.get_by_text("No session launchers yet")).to_be_visible()
        await create(page, repo.url, "Statistics")
        await page.get_by_label("Forge").select_option("gitlab")
        await page.get_by_role("button", name="Make the webhook").click()
        await expect(page.get_by_text("Waiting for the first delivery")).to_be_visible()
        await page.get_by_role("link", name="To the launcher").click()
        status = page.locator("[sse-swap=status]")
        await expect(status.get_by_text("Build in progress")).to_be_visible()

        await api.world.settle()
        api.world.builder.succeed()
        await api.world.settle()

        # The page is not loaded again: it changes by itself.
        await expect(status.get_by_text("Build succeeded")).to_be_visible(timeout=SOON)
        environment = page.locator("[sse-swap=environment]")
        await expect(environment.get_by_text("requirements.txt")).to_be_visible()
        await expect(page).to_have_title("Session launcher · relaunch")


async def test_a_failing_build_says_what_to_mend(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    build = (await api.get(f"/environments/{made['environment']['id']}/builds"))[0]
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.goto(f"/builds/{build['id']}")
        await api.log(build["id"], "Collecting six", f"\x1b[31mERROR: {HOSTILE}\x1b[0m")
        line = page.locator("#log .is-error")
        await expect(line).to_contain_text(HOSTILE, timeout=SOON)
        api.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
        await api.world.settle()

        await expect(page.get_by_text("Build failed")).to_be_visible(timeout=SOON)
        await expect(page.get_by_text("no_such_package")).to_be_visible()
        await expect(page.locator("#log .is-error")).to_have_count(1)
        await expect(page).to_have_title("Build · relaunch")


async def test_two_people_see_what_the_other_does(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    async with people(api) as opened:
        first, second = await opened.sign_in(), await opened.sign_in()
        for page in (first, second):
            await page.goto(f"/launchers/{made['id']}")
        await first.get_by_role("button", name="Rebuild").click()

        shown = second.locator("[sse-swap=status]")
        await expect(shown.get_by_text("Build in progress")).to_be_visible(timeout=SOON)
        await second.get_by_role("button", name="Cancel build").click()
        theirs = first.locator("[sse-swap=status]")
        await expect(theirs.get_by_text("Build cancelled")).to_be_visible(timeout=SOON)
        await expect(theirs.get_by_text("Only an older image")).to_be_visible()


async def test_names_run_nothing(api: Api, repo: Repo) -> None:
    await api.add_launcher(repo.url, name=HOSTILE)
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.get_by_role("link", name=HOSTILE).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)

        assert await page.locator("img, script:not([src])").count() == 0
        await expect(page).to_have_title("Session launcher · relaunch")


async def test_without_scripts_everything_but_what_is_live_works(
    api: Api, repo: Repo
) -> None:
    async with people(api) as opened:
        page = await opened.sign_in(java_script_enabled=False)
        await create(page, repo.url, "Plain")
        await page.get_by_role("link", name="Later").click()
        await page.get_by_role("button", name="Cancel build").click()
        await page.get_by_role("link", name="Why?").click()

        await expect(page.get_by_role("heading", name="Why?")).to_be_visible()


async def test_the_keyboard_is_enough(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.keyboard.press("Tab")
        await expect(page.get_by_text("Skip to the content")).to_be_focused()
        await page.keyboard.press("Enter")
        for _ in range(2):
            await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name=made["name"])).to_be_focused()
        await page.keyboard.press("Enter")

        await expect(page.get_by_role("heading", name=made["name"])).to_be_visible()


async def test_a_push_changes_the_page_that_is_open(api: Api, repo: Repo) -> None:
    made = await api.add_built_launcher(repo.url)
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.goto(f"/launchers/{made['id']}")
        builds = page.locator("[sse-swap=builds]")
        await expect(builds.get_by_text("because of a new launcher")).to_be_visible()
        repo.commit({"requirements.txt": "six==1.17.0\n"})
        await api.world.push(repo.repository)
        await api.world.settle()
        api.world.clock.advance(timedelta(seconds=5))
        await api.world.settle()

        await expect(builds.get_by_text("because of a push")).to_be_visible(
            timeout=SOON
        )


async def test_a_lost_connection_is_shown_and_made_good(api: Api, repo: Repo) -> None:
    made = await api.add_launcher(repo.url)
    await api.world.settle()
    async with people(api) as opened:
        page = await opened.sign_in()
        await page.goto(f"/launchers/{made['id']}")
        status = page.locator("[sse-swap=status]")
        await expect(status.get_by_text("Build in progress")).to_be_visible()
        await page.route("**/live/**", lambda route: route.abort())
        await page.reload()
        await expect(page.get_by_text("Connection lost")).to_be_visible(timeout=SOON)
        api.world.builder.succeed()
        await api.world.settle()
        await page.unroute("**/live/**")

        await expect(status.get_by_text("Build succeeded")).to_be_visible(timeout=SOON)
        await expect(page.get_by_text("Connection lost")).to_be_hidden()
        # That the stream could not be opened is what was ordered; htmx reports it, too.
        ordered = ("/live/", "[object Event]")
        opened.complaints[:] = [
            text
            for text in opened.complaints
            if not any(part in text for part in ordered)
        ]
