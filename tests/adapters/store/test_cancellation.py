"""A task that is cancelled in the middle of a transaction leaves no lock behind."""

import asyncio
import random
from pathlib import Path

from service.adapters.store import SqlStore, open_database
from service.domain.hook import Secret
from tests.support.databases import TEST_KEY
from tests.support.values import a_rebuild

ROUNDS = 150


async def test_whatever_moment_a_writer_is_cancelled_at_the_next_one_writes(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    async with open_database(url, keys=[Secret(TEST_KEY)]) as database:
        store = SqlStore(database)

        async def write(number: int) -> None:
            async with store.transaction() as tx:
                await tx.rebuilds.add(a_rebuild(id=f"rebuild-{number}"))
                await tx.rebuilds.list(limit=10)

        for number in range(ROUNDS):
            async with asyncio.TaskGroup() as group:
                task = group.create_task(write(number))
                await asyncio.sleep(random.uniform(0, 0.01))
                task.cancel()
            async with asyncio.timeout(5), store.transaction() as tx:
                await tx.rebuilds.add(a_rebuild(id=f"next-{number}"))
