"""The settings of `docs/renku.md` are those of a service beside a Renku."""

import asyncio
import re
from pathlib import Path
from typing import Final

from tests.docs.reading import Page
from tests.docs.shell import run, settings_in
from tests.support.renku import a_renku
from tests.support.service import Service

PAGE: Final = Page("docs/renku.md")


async def test_doctor_and_service_take_the_settings_of_the_page(tmp_path: Path) -> None:
    async with a_renku() as renku:
        first, second = renku.add_project(), renku.add_project("other")
        block = PAGE.block("RELAUNCH_LAUNCHERS=")
        settings = settings_in(block)
        (page_id,) = re.findall(r"\b01[0-9A-Z]{24}\b", block)
        token = tmp_path / "renku-refresh-token"
        token.write_text(renku.accounts.new_refresh())
        settings |= {
            "RELAUNCH_LAUNCHERS": f"renku+{renku.url}",
            "RELAUNCH_RENKU_PROJECTS": settings["RELAUNCH_RENKU_PROJECTS"].replace(
                page_id, second.id
            ),
            "RELAUNCH_RENKU_REFRESH_TOKEN_FILE": str(token),
        }
        assert f"ada/{first.slug}" in settings["RELAUNCH_RENKU_PROJECTS"]
        service = Service(tmp_path / "data", **settings)
        settings["RELAUNCH_DATA"] = str(service.data)

        try:
            # The token is the service's from its first start on: what replaces it is
            # in the database, which doctor reads while the service does not run.
            await asyncio.to_thread(service.start)
            assert await asyncio.to_thread(service.stop) == 0
            said = await run("relaunch doctor", tmp_path, **settings)
            await asyncio.to_thread(service.start)
        finally:
            await asyncio.to_thread(service.kill)

        assert f"{renku.url} builds; its projects ada/course, {second.id}" in said
        assert " 0 failed" in said
