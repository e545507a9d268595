"""`relaunch sweep`: who is asked sooner, and who was due already."""

import asyncio
from pathlib import Path

from service.adapters.clock import SystemClock
from service.adapters.store import SqlStore, open_database
from tests.cli.conftest import Run
from tests.contracts.test_store_sweeps import follow, save
from tests.support.databases import KEYS


async def test_sources_are_due_at_once_whatever_their_interval(
    run: Run, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/relaunch.sqlite"
    async with open_database(url, keys=KEYS) as database:
        store = SqlStore(database)
        await follow(store, "h/r/a", "h/s/b", "h/t/new")
        # Long before and long after the clock of this machine.
        await save(store, h_r_a=-1, h_s_b=1_000_000)

    done = await asyncio.to_thread(run, "sweep", RELAUNCH_DATABASE=url)

    assert (done.exit_code, done.output) == (0, "1 source is asked sooner\n")
    async with (
        open_database(url, keys=KEYS) as database,
        SqlStore(database).reading() as tx,
    ):
        due = await tx.sweeps.due(now=SystemClock().now(), per_host=10)
    assert {turn.source.id for turn in due} == {"h/r/a", "h/s/b", "h/t/new"}
