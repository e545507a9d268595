from collections.abc import AsyncIterator

import pytest

from tests.support.api import Api
from tests.support.browsing import Browser, browsing


@pytest.fixture
async def stranger(api: Api) -> AsyncIterator[Browser]:
    async with browsing(api) as it:
        yield it


@pytest.fixture
async def browser(stranger: Browser) -> Browser:
    """Somebody who is signed in as the installation's administrator."""
    assert (await stranger.sign_in()).status == 303
    return stranger
