from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.adapters.clock import SystemClock
from tests.support.api import Api, a_table_bus, serving
from tests.support.repos import Repo
from tests.support.world import World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as it:
        yield it


@pytest.fixture
async def api(world: World, tmp_path: Path) -> AsyncIterator[Api]:
    """The service by the machine's clock, reached under its own address."""
    async with (
        a_table_bus(tmp_path) as bus,
        serving(world, bus, clock=SystemClock(), is_reachable=True) as it,
    ):
        yield it


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "six==1.16.0\n", "README.md": "A course\n"})
    return repo
