"""Making every source due, beside a sweep that saves: neither waits for the other."""

import asyncio

import asyncpg
import pytest

from service.adapters.store import SqlStore, open_database
from service.adapters.store.database.sweep_restart import make_all_due
from service.ports.store import Store
from tests.contracts.test_store_sweeps import a_beat, follow, save
from tests.support.clock import NOW
from tests.support.databases import KEYS, migrated_schema

_WAITS = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid)))"
)
_LOCK = "SELECT FROM sweeps WHERE source_id = $1 FOR UPDATE"


async def _write(writer: str, store: Store, url: str) -> int:
    if writer == "the command":
        return await make_all_due(url, now=NOW)
    states = [a_beat(name, hours=2) for name in ("h/s/b", "h/r/a")]
    async with store.transaction() as tx:
        await tx.sweeps.save(states)
    return len(states)


@pytest.mark.postgresql
@pytest.mark.parametrize("writer", ["the sweep", "the command"])
async def test_who_waits_for_one_source_holds_none_that_comes_after_it(
    writer: str,
) -> None:
    async with migrated_schema() as url, open_database(url, keys=KEYS) as database:
        store = SqlStore(database)
        await follow(store, "h/s/b", "h/r/a")
        await save(store, h_s_b=1, h_r_a=1)
        first, other = await asyncpg.connect(url), await asyncpg.connect(url)
        try:
            async with asyncio.TaskGroup() as group, first.transaction():
                await first.execute(_LOCK, "h/r/a")
                waiting = group.create_task(_write(writer, store, url))
                pid = first.get_server_pid()
                while not await other.fetchval(_WAITS, pid):
                    assert not waiting.done()
                    await asyncio.sleep(0.02)
                await other.execute(f"{_LOCK} NOWAIT", "h/s/b")
            assert waiting.result() == 2
        finally:
            await first.close()
            await other.close()
