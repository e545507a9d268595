"""Nobody is shown what they may not do."""

import pytest
from playwright.async_api import Page

from tests.browser.crawling import crawl, forms_of
from tests.browser.people import people
from tests.support.api import Api
from tests.support.repos import Repo
from tests.support.rights import populate

pytestmark = pytest.mark.browser


async def sign_in(page: Page, token: str) -> None:
    await page.goto("/sign-in")
    await page.get_by_text("Use a token instead").click()
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/")


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
async def test_what_a_role_is_shown_it_may_use(api: Api, repo: Repo, role: str) -> None:
    made = await populate(api.world, repo.repository)
    launcher = f"/launchers/{made.ids['launcher_id']}"
    forms: set[str] = set()
    async with people(api) as opened:
        page = await opened.open()
        await sign_in(page, made.tokens[role] or "")

        async def visit(path: str) -> None:
            del path
            forms.update(await forms_of(page))

        statuses = await crawl(page, visit)

    refused = {path: status for path, status in statuses.items() if status >= 400}
    assert refused == {}
    assert {launcher, f"{launcher}/why", "/hooks"} <= set(statuses)
    assert f"/builds/{made.ids['build_id']}" in statuses
    if role == "viewer":
        # Questions, and what a person does to herself.
        assert forms == {"/sign-out", "/why"}
    else:
        assert {f"{launcher}/cancel", f"{launcher}/remove", "/create"} <= forms


async def test_a_stranger_is_shown_nothing_of_a_private_project(
    api: Api, repo: Repo
) -> None:
    made = await populate(api.world, repo.repository)
    secret = ("notebooks", "Course", repo.repository.path)
    async with people(api) as opened:
        page = await opened.open()
        await sign_in(page, made.tokens["outsider"] or "")
        shown = []

        async def visit(path: str) -> None:
            shown.append(f"{path} {await page.content()}")

        await crawl(page, visit)
        for path in (f"/launchers/{made.ids['launcher_id']}", f"/why?of={repo.tip()}"):
            answer = await page.goto(path)
            assert answer is not None
            assert answer.status == 404
            shown.append(await page.content())
        opened.complaints.clear()

    assert not [name for name in secret for text in shown if name in text]
