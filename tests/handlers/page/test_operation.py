"""The operator's page: the sweep, and what holds storage."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.domain.evaluation.sweep import PollState
from tests.support.api import Api, a_table_bus, serving
from tests.support.browsing import Browser, browsing
from tests.support.memory import MemoryBus
from tests.support.repos import Repo
from tests.support.world import World


@pytest.fixture
async def api(world: World, tmp_path: Path) -> AsyncIterator[Api]:
    """The service by the world's clock, over a bus that keeps dead letters."""
    async with a_table_bus(tmp_path) as bus, serving(world, bus) as it:
        yield it


async def test_the_last_and_the_next_sweep_are_shown(
    api: Api, browser: Browser, repo: Repo
) -> None:
    await api.add_launcher(repo.url)
    await api.world.settle()
    async with api.world.store.transaction() as tx:
        (item,) = await tx.sweeps.due(now=api.world.clock.now(), per_host=9)
    before = await browser.get("/operation")

    now = api.world.clock.now()
    state = PollState(
        source_id=item.source.id,
        interval=timedelta(minutes=15),
        due_at=now + timedelta(minutes=13),
        generation=1,
        polled_at=now - timedelta(minutes=2),
    )
    async with api.world.store.transaction() as tx:
        await tx.sweeps.save([state])
    after = await browser.get("/operation")
    api.world.clock.advance(timedelta(minutes=20))
    late = await browser.get("/operation")

    assert "ago</time></dd></div>\n<div><dt>Next sweep" not in before.text
    assert ">2 min ago</time>" in after.text
    assert ">in 13 min</time>" in after.text
    assert "due <small>since" in late.text


async def test_what_is_stored_is_shown_apart(
    api: Api, browser: Browser, repo: Repo
) -> None:
    await api.add_built_launcher(repo.url)

    operation = await browser.get("/operation")
    storage = await browser.get("/operation/storage")

    assert 'href="/operation/storage"' in operation.text
    assert (storage.status, "for ever" in storage.text) == (200, True)
    for part in ("log lines", "evaluations", "images"):
        assert f'<th scope="row">{part}</th><td class="num">' in storage.text
    assert "/projects/" in storage.text


async def test_queues_webhooks_and_times_are_shown(
    api: Api, browser: Browser, repo: Repo
) -> None:
    quiet = await browser.get("/operation")
    await api.add_built_launcher(repo.url)
    body = {"repository": "https://gitlab.com/ada/course", "paste": True}
    await api.call("POST", "/hooks", body)

    shown = await browser.get("/operation")

    assert "No build has ended in this time" in quiet.text
    assert "Rebuilds by hour: 1 succeeded, 0 failed" in shown.text
    assert '<th scope="row">evaluation</th><td class="num">0</td>' in shown.text
    assert "How long the last 1 builds took" in shown.text
    assert re.search("Waiting for the first delivery</span>\\s*<strong>1<", shown.text)


async def test_a_bus_that_is_away_is_shown_to_whoever_has_to_mend_it(
    world: World,
) -> None:
    bus = MemoryBus()
    bus.is_broken = True
    async with serving(world, bus) as api, browsing(api) as browser:
        await browser.sign_in()
        shown = await browser.get("/operation")

    assert (shown.status, "The bus does not answer" in shown.text) == (200, True)
    assert "Every message was handled" not in shown.text
