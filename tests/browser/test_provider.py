"""Somebody signs in at an OpenID provider, in a real browser."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from service.domain.rights.caller import MemberRole, ProjectId, UserId
from tests.browser.people import examine, people
from tests.support.oidc.installation import a_client, an_installation
from tests.support.oidc.process import a_provider, a_provider_process
from tests.support.repos import Repo

pytestmark = pytest.mark.browser


async def test_ada_sees_her_project_and_signs_out(tmp_path: Path, repo: Repo) -> None:
    with a_provider_process() as url:
        async with (
            a_provider(url) as idp,
            an_installation(idp, tmp_path, client=a_client()) as api,
            people(api) as opened,
        ):
            await idp.register(api.url)
            projects = [
                (await api.call("POST", "/projects", body)).json
                for body in (
                    {"name": "Statistics", "namespace": "ada"},
                    {"name": "Secrets of others", "namespace": "grace"},
                )
            ]
            for project in projects:
                await api.add_launcher(
                    repo.url, name=project["name"], project_id=project["id"]
                )
            async with api.world.store.transaction() as tx:
                mine = ProjectId(projects[0]["id"])
                await tx.projects.set_role(mine, UserId("ada-1"), MemberRole.EDITOR)
            page = await opened.open(bypass_csp=True)

            await page.goto("/hooks")
            problems = await examine(page, "sign-in-provider")
            await page.get_by_role("link", name="Sign in with the university").click()
            await page.get_by_label("User").fill("ada")
            await page.get_by_role("button", name="Log in").click()
            await expect(page).to_have_url(f"{api.url}/hooks")
            await page.get_by_role("link", name="Launchers", exact=True).click()
            await expect(page.get_by_role("link", name="Statistics")).to_be_visible()
            await expect(page.get_by_text("Secrets of others")).to_have_count(0)
            await page.get_by_role("button", name="Sign out").click()
            await expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
            problems += await examine(page, "signed-out")
            await page.get_by_role("link", name="Sign out at the university").click()
            await page.get_by_role("button", name="Log out").click()
            await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
            await page.goto("/hooks")
            await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

            assert problems == []
