"""What stands in the one file of scripts keeps to itself."""

import re

import pytest
from playwright.async_api import Page, Route, expect

from handlers.page.rendering import STATIC
from tests.browser.people import people
from tests.support.api import Api

pytestmark = pytest.mark.browser

SCRIPTS = "**/static/scripts.js*"
DECLARED = re.compile(r"^(?:const|let|class|function) (\w+)", re.MULTILINE)


async def replace_in_scripts(page: Page, old: str, new: str) -> None:
    """Have a window run other scripts than the service sends."""

    async def changed(route: Route) -> None:
        answer = await route.fetch()
        text = await answer.text()
        assert text.count(old) == 1
        await route.fulfill(response=answer, body=text.replace(old, new))

    await page.route(SCRIPTS, changed)


async def test_the_pages_script_is_strict_behind_those_of_others(api: Api) -> None:
    """Without strict mode, a name that is declared nowhere becomes everybody's."""
    async with people(api) as opened:
        page = await opened.sign_in()
        await replace_in_scripts(page, "const lost =", "leaked = 1; const lost =")
        await page.reload()
        await expect(page.get_by_role("heading").first).to_be_visible()

        assert await page.evaluate("typeof leaked") == "undefined"
        assert "leaked is not defined" in " ".join(opened.complaints)
        opened.complaints.clear()


async def test_what_the_pages_script_declares_is_its_own(api: Api) -> None:
    names = DECLARED.findall((STATIC / "page.js").read_text())
    assert "WatchedSource" in names
    async with people(api) as opened:
        page = await opened.sign_in()
        # What a whole script declares hides what the window has under that name.
        leaked = [
            name
            for name in names
            if await page.evaluate(
                f"typeof {name} !== 'undefined' && {name} !== window.{name}"
            )
        ]

        assert leaked == []
        assert await page.evaluate("window.WatchedSource.name") == "WatchedSource"
