from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.api import Api, a_table_bus, serving
from tests.support.many import add_more
from tests.support.repos import Repo
from tests.support.rights import Populated, populate
from tests.support.world import a_world

Many = tuple[Api, Populated]


@pytest.fixture
async def many(repo: Repo, tmp_path: Path) -> AsyncIterator[Many]:
    """A project with several of everything."""
    async with (
        a_world(tmp_path) as world,
        a_table_bus(tmp_path) as bus,
        serving(world, bus) as api,
    ):
        made = await populate(world, repo.repository)
        await add_more(world, made)
        yield api, made
