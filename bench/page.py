"""How fast the page is, and how long the guide takes: `python -m bench.page`.

`relaunch dev` runs as a process, with a folder of its own. A real Chromium opens each
page: at the first request of a fresh process with nothing in its cache, and again with
everything warm. What is told is the browser's own first contentful paint, from the
beginning of the navigation: https://www.w3.org/TR/paint-timing/. Then somebody follows
the user guide, as fast as a browser lets them, until the environment is ready; what is
built is a real environment of one small package.

A file of ten lines from the same service is opened between the pages: what it takes is
the browser's own, which begins a process for each new window, and the machine's, which
has other work to do than this. It is opened as often as a page, at the same moments:
what the machine does meanwhile is the same for both.
"""

import asyncio
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from playwright.async_api import Browser, Page, StorageState, async_playwright

from bench.report import machine
from bench.servers import Server, running
from tests.support.repos import Repo

__all__ = ["main"]

DEV: Final = ("-m", "service.cli", "dev", "--listen", "127.0.0.1:0")
TIMES: Final = 7
FRESH: Final = ("launchers", "launcher", "create")
"""Opened first of all in a process of their own."""
READY_WITHIN: Final = 180_000
BLANK: Final = "/static/vendor/LICENSE-htmx.txt"
"""A page that needs nothing of the service, and nothing but itself."""
PAINT: Final = """new Promise(done => new PerformanceObserver(list => {
  const [paint] = list.getEntriesByName("first-contentful-paint");
  const [navigation] = performance.getEntriesByType("navigation");
  const loaded = [navigation, ...performance.getEntriesByType("resource")];
  const sent = loaded.reduce((sum, each) => sum + each.transferSize, 0);
  if (paint) done([paint.startTime, navigation.responseEnd, sent]);
}).observe({type: "paint", buffered: true}))"""
_LINK: Final = re.compile(r"Open it in a browser: (\S+)")


@dataclass(kw_only=True)
class StopWatch:
    """Seconds from the beginning, by step."""

    began: float = field(default_factory=time.monotonic)
    steps: list[tuple[str, float]] = field(default_factory=list)

    def note(self, step: str) -> None:
        """Note when a step was done."""
        self.steps.append((step, time.monotonic() - self.began))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How one page was opened."""

    painted: float
    """When its first content was there, in ms from the beginning of the navigation."""
    read: float
    """When its HTML was: the service's part, and the way."""
    size: float
    """Bytes that were sent until it was loaded, of everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Openings:
    """How one page was opened many times."""

    new: Sequence[Opening]
    """In windows without a cache."""
    blank: Sequence[Opening]
    """The blank page, in such windows, each a moment later."""
    warm: Sequence[Opening]

    def row(self, name: str, fresh: float | None) -> str:
        """Return it as a row of the table."""
        alone = "" if fresh is None else f"{fresh:.0f}"
        figures = (
            median(each.painted for each in self.new),
            median(each.painted for each in self.blank),
            median(each.read for each in self.new),
            min(each.painted for each in self.new),
            median(each.painted for each in self.warm),
            max(each.size for each in self.new) / 1000,
        )
        return f"{name:12}{alone:>8}" + "".join(f"{each:8.0f}" for each in figures)

    @staticmethod
    def head() -> str:
        """Return the head of the table."""
        columns = ("fresh", "new", "blank", "read", "least", "warm", "kB")
        return f"{'':12}" + "".join(f"{each:>8}" for each in columns)


@contextmanager
def dev(folder: Path) -> Iterator[tuple[Server, str]]:
    """Run the embedded edition; yield it, and the link that signs in."""
    log = folder / "dev.log"
    settings = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - a bench's own
        if name.startswith(("PIP_", "UV_", "SSL_")) or name.lower().endswith("_proxy")
    }
    with running((*DEV, "--data", str(folder / "data")), settings, log) as server:
        while not (found := _LINK.search(log.read_text())):
            time.sleep(0.01)
        yield server, found[1]


async def paint(page: Page, url: str) -> Opening:
    """Open a page, and say how that went."""
    await page.goto(url)
    painted, read, size = await page.evaluate(PAINT)
    return Opening(painted=painted, read=read, size=size)


async def follow_guide(page: Page, repository: str) -> StopWatch:
    """Create a launcher from code as the user guide says, until it is ready."""
    watch = StopWatch()
    await page.get_by_role("link", name="Create from code").click()
    await page.get_by_label("Code repository").fill(repository)
    await page.get_by_role("button", name="Look").click()
    await page.get_by_text("Can be built", exact=True).wait_for()
    watch.note("the repository is read")
    await page.get_by_role("radio", name="None").check()
    await page.get_by_label("Name").fill("Guide")
    await page.get_by_role("button", name="Add session launcher").click()
    await page.get_by_role("heading", name="Connect the webhook").wait_for()
    watch.note("the launcher is made")
    await page.get_by_label("Forge").select_option("gitlab")
    await page.get_by_role("button", name="Make the webhook").click()
    await page.get_by_text("Waiting for the first delivery").wait_for()
    watch.note("the webhook is made")
    await page.get_by_role("link", name="To the launcher").click()
    status = page.locator("[sse-swap=status]")
    await status.get_by_text("Build succeeded").wait_for(timeout=READY_WITHIN)
    watch.note("the environment is ready")
    await page.get_by_role("button", name="Rebuild").click()
    await status.get_by_text("Build in progress").wait_for()
    watch.note("it is built again")
    return watch


async def measure(browser: Browser, folder: Path) -> None:
    """Follow the guide, then open every page cold and warm."""
    repo = Repo(folder / "course.git")
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    with dev(folder) as (server, link):
        page = await (await browser.new_context()).new_page()
        first = await paint(page, link)
        print(
            f"first page of a fresh process: painted {first.painted:.0f} ms, "
            f"read {first.read:.0f}"
        )
        watch = await follow_guide(page, repo.url)
        for step, seconds in watch.steps:
            print(f"{seconds:7.1f} s  {step}")
        root = f"http://127.0.0.1:{server.port}"
        pages = await _pages(page, root)
    print("until the first paint, in ms")
    print(Openings.head())
    fresh = {name: await _fresh(browser, folder, pages[name]) for name in FRESH}
    with dev(folder) as (server, link):
        root = f"http://127.0.0.1:{server.port}"
        state = await _signed_in(browser, link)
        for name, path in pages.items():
            openings = await _often(browser, state, root, path)
            print(openings.row(name, fresh.get(name)))


async def _fresh(browser: Browser, folder: Path, path: str) -> float:
    """Open one page first of all in a fresh process, by a browser without a cache."""
    with dev(folder) as (server, link):
        state = await _signed_in(browser, link)
        context = await browser.new_context(storage_state=state)
        root = f"http://127.0.0.1:{server.port}"
        opening = await paint(await context.new_page(), root + path)
        await context.close()
    return opening.painted


async def _signed_in(browser: Browser, link: str) -> StorageState:
    """Sign in without a page: what is measured is the first that is rendered."""
    context = await browser.new_context()
    await context.request.get(link, max_redirects=0)
    return await context.storage_state()


async def _often(
    browser: Browser, state: StorageState, root: str, path: str
) -> Openings:
    """Open a page in new windows, each beside the blank one, and warm in one window."""
    new: list[Opening] = []
    blank: list[Opening] = []
    for _ in range(TIMES):
        for openings, wanted in ((new, path), (blank, BLANK)):
            other = await browser.new_context(storage_state=state)
            openings.append(await paint(await other.new_page(), root + wanted))
            await other.close()
    context = await browser.new_context(storage_state=state)
    page = await context.new_page()
    warm = [await paint(page, root + path) for _ in range(TIMES + 1)]
    await context.close()
    return Openings(new=new, blank=blank, warm=warm[1:])


async def _pages(page: Page, root: str) -> dict[str, str]:
    launcher = page.url.removeprefix(root)
    # The one that has ended: a page that is reloaded when a build ends is not measured.
    build = await page.locator("a[href^='/builds/']").last.get_attribute("href")
    await page.goto(f"{root}/hooks")
    hook = await page.locator("a[href^='/hooks/']").first.get_attribute("href")
    return {
        "launchers": "/",
        "launcher": launcher,
        "build": build or "",
        "why": f"{launcher}/why",
        "create": "/create",
        "connect": f"{launcher}/connect",
        "webhooks": "/hooks",
        "webhook": hook or "",
        "operation": "/operation",
        "storage": "/operation/storage",
        "sign-in": "/sign-in",
    }


async def _main() -> None:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox"]
        )
        with TemporaryDirectory() as folder:
            await measure(browser, Path(folder))
        await browser.close()


def main() -> None:
    """Measure, and print it."""
    print(machine())
    asyncio.run(_main())


if __name__ == "__main__":
    main()
