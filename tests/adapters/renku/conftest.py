"""What the tests of the upstream share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.renku.building import Upstream, an_upstream


@pytest.fixture
async def upstream(tmp_path: Path) -> AsyncIterator[Upstream]:
    async with an_upstream(tmp_path) as opened:
        yield opened
