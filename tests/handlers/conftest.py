from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.adapters.clock import SystemClock
from tests.support.api import Api, a_table_bus, serving
from tests.support.memory import MemoryBus
from tests.support.repos import Repo
from tests.support.rights import add_project
from tests.support.world import World, a_world

ANOTHER_PROJECT = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
"""Beside the project that every installation has."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as it:
        await add_project(it, ANOTHER_PROJECT)
        yield it


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    """The API by the world's clock, which stands still."""
    async with serving(world, MemoryBus()) as it:
        yield it


@pytest.fixture
async def live(world: World, tmp_path: Path) -> AsyncIterator[Api]:
    """The API by the machine's clock, over a bus that can be followed."""
    async with (
        a_table_bus(tmp_path) as bus,
        serving(world, bus, clock=SystemClock()) as it,
    ):
        yield it


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "six==1.16.0\n", "README.md": "A course\n"})
    return repo
