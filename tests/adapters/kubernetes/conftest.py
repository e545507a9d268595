from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.adapters.local.package_index import Wheel, an_index
from tests.support.githttp import GitForge, git_forge
from tests.support.kube import Kube


@pytest.fixture
async def forge(kube: Kube, tmp_path: Path) -> AsyncIterator[GitForge]:
    """Repositories that pods can reach."""
    async with git_forge(tmp_path / "forge", host=kube.host) as forge:
        yield forge


@pytest.fixture
def index(kube: Kube, tmp_path: Path) -> Iterator[str]:
    """A package index that pods can reach."""
    wheels = Wheel(name="words"), Wheel(name="broken", code="import absent_module\n")
    with an_index(tmp_path / "index", *wheels, host=kube.host) as url:
        yield url
