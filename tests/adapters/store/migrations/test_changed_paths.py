"""Requests of before, and of older processes, beside those that name changed paths."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import bindparam, text

from service.adapters.store import Database, SqlStore, open_database
from service.adapters.store.database.maintenance import (
    downgrade_database,
    upgrade_database,
)
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.push import Trigger
from service.domain.source import SourceId
from tests.support.clock import NOW
from tests.support.databases import KEYS, migrated_schema

SOURCE = SourceId("source-1")
_AS_BEFORE = text(
    "INSERT INTO asks (source_id, evidence, delivery_id, rebuild_ids, asked_at)"
    " SELECT source_id, 'push', :delivery, '[]', first_asked_at FROM appointments"
).bindparams(bindparam("delivery"))
"""What a process of the version before does."""


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/relaunch.db"
        return
    async with migrated_schema() as made:
        yield made


async def named(database: Database) -> Sequence[tuple[str, ...]]:
    async with SqlStore(database).reading() as tx:
        found = await tx.evaluation_queue.requests(SOURCE)
    return [request.changed_paths for _, request in found]


async def ask_as_before(database: Database, delivery: str) -> None:
    async with database.writing() as connection:
        await connection.execute(_AS_BEFORE, {"delivery": delivery})


async def test_requests_stay_whichever_version_made_them(url: str) -> None:
    request = EvaluationRequest(
        source_id=SOURCE,
        trigger=Trigger.PUSH,
        changed_paths=("requirements.txt",),
        requested_at=NOW,
    )
    async with open_database(url, keys=KEYS) as database:
        async with SqlStore(database).transaction() as tx:
            await tx.evaluation_queue.enqueue(request, debounce=Debounce())
        await ask_as_before(database, "beside")
        assert await named(database) == [("requirements.txt",), ()]

    while (await downgrade_database(url)).now != "0030":
        pass
    await upgrade_database(url)

    async with open_database(url, keys=KEYS) as database:
        await ask_as_before(database, "later")
        assert await named(database) == [(), (), ()]
        async with SqlStore(database).transaction() as tx:
            ids = [id_ for id_, _ in await tx.evaluation_queue.requests(SOURCE)]
            await tx.evaluation_queue.settle(
                SOURCE, ids=ids[:2], now=NOW, debounce=Debounce()
            )
        assert await named(database) == [()]
