"""The settings of `docs/forges.md` are given to a service beside a forge, and work."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from service.domain.commit_status import CONTEXT
from tests.docs.reading import Page
from tests.docs.shell import run, settings_in
from tests.support.forge import Forge, Vendor, a_forge
from tests.support.service import Service

PAGE: Final = Page("docs/forges.md")
VENDORS: Final[tuple[Vendor, ...]] = ("github", "gitlab", "gitea")


def filled(folder: Path, forge: Forge, block: str) -> dict[str, str]:
    """Return the settings of a block, for this forge instead of the page's."""
    (host, example) = re.findall(r"(git\.example\.org)=(glpat-…)", PAGE.text)[0]
    lines = block.replace(host, forge.host)
    (content,) = re.findall(r"TOKENS_FILE=\S+ +# (.*)", lines)
    tokens = folder / "forges"
    tokens.write_text(content.replace(example, forge.token))
    given = settings_in(lines)
    given["RELAUNCH_FORGE_TOKENS_FILE"] = str(tokens)
    for kind in VENDORS:
        # The page has an example of one; its comment names the others.
        assert kind in block
    given["RELAUNCH_FORGE_KINDS"] = given["RELAUNCH_FORGE_KINDS"].replace(
        '"gitlab"', f'"{forge.vendor}"'
    )
    return given


@asynccontextmanager
async def a_configured_forge(
    folder: Path, vendor: Vendor
) -> AsyncIterator[tuple[Forge, dict[str, str]]]:
    async with a_forge(folder / "forge", vendor=vendor) as forge:
        yield forge, filled(folder, forge, PAGE.block("RELAUNCH_FORGE_TOKENS_FILE="))


@pytest.mark.parametrize("vendor", VENDORS)
async def test_the_token_of_the_file_is_taken_by_its_forge(
    tmp_path: Path, vendor: Vendor
) -> None:
    async with a_configured_forge(tmp_path, vendor) as (forge, settings):
        data = {"RELAUNCH_DATA": str(tmp_path / "data")}
        said = await run("relaunch doctor || true", tmp_path, **settings, **data)

        (line,) = [
            item for item in said.splitlines() if f"token of {forge.host}" in item
        ]
        assert line.startswith("ok ")
        assert forge.token not in said


@pytest.mark.parametrize("vendor", VENDORS)
async def test_commits_get_a_status_once_it_is_asked_for(
    tmp_path: Path, vendor: Vendor
) -> None:
    async with a_configured_forge(tmp_path, vendor) as (forge, settings):
        repo = forge.create("uni/course", files={"README.md": "nothing to install\n"})
        statuses = settings_in(PAGE.block("RELAUNCH_FORGE_COMMIT_STATUS="))
        service = Service(tmp_path / "data", **settings, **statuses)
        try:
            await asyncio.to_thread(service.start)
            await asyncio.to_thread(service.follow, repo.url, "course")
            await asyncio.to_thread(
                service.until, lambda: bool(repo.statuses), "a status", 20
            )
        finally:
            await asyncio.to_thread(service.kill)

        (said,) = repo.statuses
        assert CONTEXT in {said.get("context"), said.get("name")}
