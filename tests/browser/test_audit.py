"""Every page, for who sees little, has no mouse, or a narrow window."""

from typing import Literal

import pytest

from service.domain.building.failure import FailureClass
from tests.browser.people import examine, people
from tests.support.api import Api
from tests.support.repos import Repo

pytestmark = pytest.mark.browser


async def filled(api: Api, repo: Repo) -> dict[str, str]:
    """Have one of everything; return the pages by name."""
    made = await api.add_built_launcher(repo.url, name="Introduction to statistics")
    failing = await api.add_launcher(
        repo.url, name="Deep learning", environment={"frontend_variant": "jupyterlab"}
    )
    await api.world.settle()
    build = (await api.get(f"/environments/{failing['environment']['id']}/builds"))[0]
    await api.log(build["id"], "Collecting torch", "ERROR: No matching distribution")
    if api.world.builder.running:
        api.world.builder.fail(FailureClass.NO_SUCH_PACKAGE)
    await api.world.settle()
    await api.add_launcher(repo.url, name="Bioinformatics")
    body = {"repository": "https://gitlab.com/ada/course", "paste": True}
    hook = (await api.call("POST", "/hooks", body)).json["id"]
    return {
        "launchers": "/",
        "launcher": f"/launchers/{made['id']}",
        "failed": f"/launchers/{failing['id']}",
        "build": f"/builds/{build['id']}",
        "why": f"/launchers/{made['id']}/why",
        "create": f"/create?url={repo.url}",
        "connect": f"/launchers/{made['id']}/connect",
        "webhooks": "/hooks",
        "webhook": f"/hooks/{hook}",
        "operation": "/operation",
        "storage": "/operation/storage",
        "project": f"/projects/{made['project_id']}",
        "question": f"/launchers/{made['id']}/remove",
        "sign-in": "/sign-in",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_keeps_anybody_out(
    api: Api, repo: Repo, scheme: Literal["light", "dark"]
) -> None:
    problems: list[str] = []
    pages = await filled(api, repo)
    async with people(api) as opened:
        page = await opened.sign_in(color_scheme=scheme, bypass_csp=True)
        for name, path in pages.items():
            await page.goto(path)
            problems += await examine(page, f"{name}-{scheme}")

    assert problems == []


async def test_every_page_is_small(api: Api, repo: Repo) -> None:
    pages = await filled(api, repo)
    sizes = {}
    async with people(api) as opened:
        for name, path in pages.items():
            # A window of its own: nothing is in its cache.
            page = await opened.sign_in()
            await page.goto(path)
            sizes[name] = await page.evaluate(
                "performance.getEntriesByType('resource').concat("
                "performance.getEntriesByType('navigation'))"
                ".filter(entry => !entry.name.includes('/live/'))"
                ".reduce((sum, entry) => sum + entry.encodedBodySize, 0)"
            )
            await page.context.close()

    assert max(sizes.values()) < 100_000, sizes
