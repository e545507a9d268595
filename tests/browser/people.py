"""People with a real browser, signed in at a served world."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.support.api import Api

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
"""https://github.com/dequelabs/axe-core, unchanged."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCREENSHOTS = Path(__file__).parents[2] / ".make" / "screenshots"
WIDTHS = (360, 768, 1440)
MOST_SHIFT = 0.01
"""https://web.dev/articles/cls calls a tenth good; nothing of ours moves at all."""
WATCH = """window.acted = 1500;
for (const act of ["paste", "click", "keydown"])
  addEventListener(act, () => {
    window.acted = Math.min(window.acted, performance.now());
  }, true);
new PerformanceObserver(list => {
  for (const entry of list.getEntries())
    if (!entry.hadRecentInput && entry.startTime < window.acted)
      reportShift(location.href, entry.value);
}).observe({type: "layout-shift", buffered: true});"""
"""Reports what moves while a page is loaded; what changes later is news.

What somebody does ends the loading, also where a script does it, which the browser
does not take for input, and where the answer takes longer than the half second for
which the browser holds it for the reason.
"""


def program() -> str:
    """Return the browser of this machine; skip without one."""
    named = os.environ.get("RELAUNCH_TEST_BROWSER")  # noqa: TID251 - a test's own
    found = named or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("there is no Chromium here")
    return found


@dataclass(kw_only=True)
class People:
    """Opens windows; what their consoles complain of is kept."""

    browser: Browser
    api: Api
    complaints: list[str] = field(default_factory=list)

    async def sign_in(self, **options: Any) -> Page:
        """Open a window of somebody else, signed in as the administrator."""
        answer = await self.api.call("POST", "/api/relaunch/sign_in_links")
        page = await self.open(**options)
        await page.goto(answer.json["path"])
        return page

    async def open(self, **options: Any) -> Page:
        """Open a window of somebody who is not signed in."""
        context = await self.browser.new_context(
            base_url=self.api.url, viewport={"width": 1440, "height": 900}, **options
        )
        await context.expose_function("reportShift", self._shifted)
        await context.add_init_script(WATCH)
        page = await context.new_page()
        page.on("console", self._keep)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _shifted(self, url: str, share: float) -> None:
        if share > MOST_SHIFT:
            self.complaints.append(f"{url}: {share} of it moved while it was loaded")

    def _keep(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.location.get('url')}: {message.text}")


@asynccontextmanager
async def people(api: Api) -> AsyncIterator[People]:
    """Open a browser; at the end its console has complained of nothing."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program(), args=["--no-sandbox"]
        )
        found = People(browser=browser, api=api)
        yield found
        await browser.close()
    assert not found.complaints, found.complaints


async def examine(page: Page, name: str) -> list[str]:
    """Audit a page at every width, and take its picture; return what is wrong."""
    return await photograph(page, name, check=audit)


async def audit(page: Page) -> list[str]:
    """Return what is wrong with a page for who does not see it, or has no mouse."""
    # Not through the page: its policy runs nothing that did not come from us.
    await page.evaluate(AXE.read_text())
    found = await page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
    )
    return [
        f"{page.url}: {violation['id']}: {node['html'][:160]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


async def nothing(page: Page) -> list[str]:
    """Find nothing wrong with a page."""
    del page
    return []


async def photograph(
    page: Page, name: str, *, check: Callable[[Page], Awaitable[list[str]]] = nothing
) -> list[str]:
    """Take pictures at every width; return where the page is wider than its window."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    problems = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.screenshot(
            path=str(SCREENSHOTS / f"{name}-{width}.png"), full_page=True
        )
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            problems.append(f"{page.url} at {width}")
        problems += [f"{problem} at {width}" for problem in await check(page)]
    await page.set_viewport_size({"width": 1440, "height": 900})
    return problems
