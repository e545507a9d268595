"""Looks are the same whether git answers, our client of it, or a forge's API."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.repos import Repo
from tests.support.ways import WAYS, MetByApi, MetByHttp, met

ODD = "\udcff"
"""A byte that is no UTF-8."""


@pytest.fixture(params=WAYS)
async def repo(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Repo]:
    async with met(tmp_path, request.param) as repo:
        yield repo
    # What JSON cannot name is left to git; everything else the API has to answer.
    is_odd = ODD in request.node.callspec.params.get("name", "")
    if isinstance(repo, MetByHttp) or (isinstance(repo, MetByApi) and not is_odd):
        assert repo.git_instead.asked == []
