"""Follow every link that a person is shown."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page

Visit = Callable[[str], Coroutine[Any, Any, None]]
FOLLOWED = 60
"""More pages than a small project has."""


async def crawl(page: Page, visit: Visit) -> dict[str, int]:
    """Open each page that links lead to, once; return their statuses by path."""
    found: dict[str, int] = {}
    waiting = ["/"]
    while waiting and len(found) < FOLLOWED:
        path = waiting.pop(0)
        if path in found:
            continue
        if path.endswith("log.txt"):
            found[path] = (await page.request.get(path)).status
            continue
        answer = await page.goto(path)
        assert answer is not None
        found[path] = answer.status
        await visit(path)
        for target in await page.eval_on_selector_all(
            "a[href]", "links => links.map(link => link.href)"
        ):
            parts = urlsplit(target)
            is_ours = target.startswith(page.url.partition("/")[0]) and (
                parts.netloc == urlsplit(page.url).netloc
            )
            if is_ours and not parts.path.startswith(("/api/", "/metrics")):
                query = f"?{parts.query}" if parts.query else ""
                waiting.append(parts.path + query)
    return found


async def forms_of(page: Page) -> set[str]:
    """Return where the forms of a page send, but for the search in a log."""
    actions: list[str] = await page.eval_on_selector_all(
        "form[method=post]",
        "forms => forms.map(form => new URL(form.action).pathname)",
    )
    return set(actions)
