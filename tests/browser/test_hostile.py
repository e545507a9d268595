"""A repository, a course and a build that mean ill: their names run nothing."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Dialog

from service.domain.building.build import Package
from service.domain.building.failure import FailureClass
from service.domain.delivery import DeliveryId
from service.domain.hook import HookId
from service.ports.store import DeliveryRecord
from tests.browser.crawling import crawl
from tests.browser.people import people, photograph
from tests.support.api import Api
from tests.support.repos import Repo

pytestmark = pytest.mark.browser

HOSTILE = "\"'><img src=x onerror=\"document.title='run'\"><script>alert(1)</script>"
LONG = "W" * 40 + "\u202egnp.exe\u202c" + "é\u0301" * 20
"""Nothing to break a line at, and letters that turn the text round."""
BRANCH = "x/<img/src=x>\"'"


async def a_hostile_course(api: Api, folder: Path) -> None:
    repo = Repo(folder / "<b onclick=alert(1)>.git")
    repo.commit({"requirements.txt": "six\n"}, branch=BRANCH)
    builder = api.world.builder
    builder.packages = (Package(name=HOSTILE, version=HOSTILE),)
    project = {"name": HOSTILE, "namespace": "ada", "description": HOSTILE}
    made = (await api.call("POST", "/projects", project)).json
    environment = {"repository_revision": BRANCH}
    launcher, _ = [
        await api.add_launcher(
            repo.url,
            name=name,
            description=name,
            project_id=made["id"],
            environment=environment,
        )
        for name in (HOSTILE, LONG)
    ]
    await api.world.settle()
    builds = await api.get(f"/environments/{launcher['environment']['id']}/builds")
    await api.log(builds[0]["id"], HOSTILE, f"ERROR: {HOSTILE}", phase=HOSTILE)
    await api.log(builds[0]["id"], LONG * 5, phase="build")
    builder.succeed()
    await api.world.settle()
    repo.commit({"requirements.txt": "six\nattrs\n", HOSTILE[:60]: ""}, branch=BRANCH)
    await api.world.push(repo.repository, f"refs/heads/{BRANCH}")
    await api.world.settle()
    api.world.clock.advance(timedelta(seconds=5))
    await api.world.settle()
    if builder.running:
        builder.fail(FailureClass.NO_SUCH_PACKAGE, message=HOSTILE)
    await api.world.settle()
    await a_hostile_delivery(api, repo)


async def a_hostile_delivery(api: Api, repo: Repo) -> None:
    body = {"repository": repo.url, "forge": "github", "paste": True}
    hook = (await api.call("POST", "/hooks", body)).json["id"]
    record = DeliveryRecord(
        id=DeliveryId("01J" + "Z" * 23),
        hook_id=HookId(hook),
        forge_delivery_id=HOSTILE,
        event=HOSTILE,
        status="refused",
        reason="bad_signature",
        message=HOSTILE,
        repository=HOSTILE,
        ref=f"refs/heads/{HOSTILE}",
        before="",
        after="",
        headers={"X": HOSTILE},
        received_at=api.world.clock.now(),
    )
    async with api.world.store.transaction() as tx:
        await tx.deliveries.record([record])


async def test_no_name_runs_or_breaks_anything(api: Api, tmp_path: Path) -> None:
    await a_hostile_course(api, tmp_path)
    problems: list[str] = []
    titles: set[str] = set()
    async with people(api) as opened:
        page = await opened.sign_in()

        async def ran(dialog: Dialog) -> None:
            problems.append(f"{page.url} asks {dialog.message}")
            await dialog.dismiss()

        page.on("dialog", ran)

        async def visit(path: str) -> None:
            titles.add(await page.title())
            made = await page.locator("img, script:not([src]), [onclick], b").count()
            if made:
                problems.append(f"{path} has {made} elements that it should not")
            name = "".join(filter(str.isalpha, path.partition("?")[0])) or "home"
            problems.extend(await photograph(page, f"hostile-{name[:30]}"))

        statuses = await crawl(page, visit)
        assert len(statuses) > 12
        assert {status for status in statuses.values() if status >= 400} == set()

    assert problems == []
    assert all(title.endswith("· relaunch") for title in titles), titles
    assert not any("<" in title or "W" * 9 in title for title in titles)
