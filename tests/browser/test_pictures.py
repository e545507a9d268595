"""The pictures of the README: a project whose course is pushed to.

    RELAUNCH_TEST_PICTURES=docs/images make test ARGS=tests/browser/test_pictures.py

writes them there; else they are taken and looked at by nobody.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.async_api import Page

from service.adapters.git.remote import GitRemote
from service.domain.building.build import Package
from service.domain.building.failure import FailureClass
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.ports.remote import NO_READS, ExpectedReads, Tree
from tests.browser.people import SCREENSHOTS, people
from tests.support.api import Api, a_table_bus, serving
from tests.support.repos import Repo
from tests.support.world import a_world

pytestmark = pytest.mark.browser

HOST = "https://github.com/university"
BEFORE = (
    Package(name="jupyterlab", version="4.4.1"),
    Package(name="numpy", version="2.2.5"),
    Package(name="pandas", version="2.2.3"),
    Package(name="six", version="1.17.0"),
)
AFTER = (
    Package(name="jupyterlab", version="4.4.1"),
    Package(name="numpy", version="2.3.1"),
    Package(name="pandas", version="2.3.0"),
    Package(name="scikit-learn", version="1.7.0"),
    Package(name="scipy", version="1.16.0"),
)
TYPO = "there is no package `torchh` in the index (requirements.txt line 2)"
MEGABYTE = 1_000_000


@dataclass
class HostedRemote:
    """Implements the port `Remote`: repositories of a folder, as if of a forge."""

    folder: Path
    git: GitRemote = field(
        default_factory=lambda: GitRemote(environment={}, allow_files=True)
    )

    def here(self, repository: Repository) -> Repository:
        return Repo(self.folder / repository.path.rpartition("/")[2]).repository

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        return await self.git.head(self.here(repository), revision, expected=expected)

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        found = self.git.tree(self.here(repository), commit, expected=expected)
        async with found as tree:
            yield tree


class Faculty:
    """Fills a project, day by day."""

    def __init__(self, api: Api, folder: Path) -> None:
        self.api = api
        self.folder = folder
        self.world = api.world

    async def add(self, name: str, path: str, **fields: object) -> str:
        # A line of its own: courses with one definition share one build.
        content = f"pandas\nsix\ncourse-{path}\n"
        Repo(self.folder / path).commit({"requirements.txt": content})
        made = await self.api.add_launcher(f"{HOST}/{path}", name=name, **fields)
        await self.world.settle()
        return str(made["id"])

    async def push(self, path: str, content: str) -> None:
        Repo(self.folder / path).commit({"requirements.txt": content})
        await self.world.push(Repository.from_url(f"{HOST}/{path}"))
        await self.world.settle()
        await self.later(seconds=5)

    async def later(self, **length: float) -> None:
        self.world.clock.advance(timedelta(**length))
        await self.world.settle()

    async def finish(
        self, packages: tuple[Package, ...], size: int, **length: float
    ) -> None:
        self.world.clock.advance(timedelta(**length))
        self.world.builder.packages = packages
        self.world.builder.size = size * MEGABYTE
        self.world.builder.succeed()
        await self.world.settle()


async def a_term(faculty: Faculty) -> str:
    """Have courses in every state; return the launcher that was updated."""
    course = await faculty.add("Introduction to statistics", "statistics")
    await faculty.finish(BEFORE, 412, seconds=164)
    await faculty.add("Geodata", "geodata", update_policy="notify")
    await faculty.finish(BEFORE[:2], 388, seconds=97)
    await faculty.add("Deep learning", "deep-learning")
    await faculty.finish(BEFORE[:3], 402, seconds=128)
    await faculty.later(days=6)
    await faculty.push("geodata", "geopandas\nsix\n")
    await faculty.finish(BEFORE, 455, seconds=141)
    await faculty.push("deep-learning", "pandas\ntorchh\n")
    await faculty.later(seconds=20)
    faculty.world.builder.fail(FailureClass.NO_SUCH_PACKAGE, message=TYPO)
    await faculty.world.settle()
    await faculty.later(hours=3)
    await faculty.push("statistics", "pandas\nscikit-learn\n")
    await faculty.finish(AFTER, 447, seconds=181)
    await faculty.later(minutes=4)
    await faculty.add("Bioinformatics", "bioinformatics")
    await faculty.later(seconds=25)
    return course


async def picture(page: Page, name: str, *, height: int) -> None:
    folder = Path(os.environ.get("RELAUNCH_TEST_PICTURES", SCREENSHOTS))  # noqa: TID251 - a test's own
    await page.set_viewport_size({"width": 1080, "height": height})
    await page.screenshot(path=str(folder / f"{name}.png"), animations="disabled")


async def test_pictures_of_a_term(tmp_path: Path) -> None:
    folder = tmp_path / "repositories"
    folder.mkdir()
    async with (
        a_world(tmp_path, remote=HostedRemote(folder)) as world,
        a_table_bus(tmp_path) as bus,
        serving(world, bus, is_reachable=True) as api,
        people(api) as opened,
    ):
        world.builder.digest_for = lambda build: sha256(build.encode()).hexdigest()
        course = await a_term(Faculty(api, folder))
        page = await opened.sign_in(color_scheme="light")
        await picture(page, "project", height=640)
        await page.goto(f"/launchers/{course}")
        await picture(page, "launcher", height=860)
        await page.goto(f"/launchers/{course}/why")
        await picture(page, "why", height=640)
        shown = await page.get_by_role("heading", level=1).text_content()

    assert shown == "Why?"
