"""What the sweep costs a forge: counted, over half a day of a clock that runs alone."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from consumers.loops.wakeup import Wakeup
from consumers.sweep import POLL, Sweep
from service.adapters.store import Database, SqlStore
from service.adapters.store.repositories import sources
from service.adapters.store.repositories.configuration.launcher_rows import (
    launcher_to_row,
)
from service.adapters.store.statements import Statements
from service.adapters.store.tables import configuration, evaluations
from service.domain.building.build import EnvironmentId
from service.domain.evaluation.comparison import RefMissing
from service.domain.evaluation.queue import Debounce
from service.domain.evaluation.sweep import PollPolicy
from service.domain.launcher import LauncherId
from service.domain.push import Trigger
from service.domain.repository import CommitSha, Ref, Repository
from service.domain.source import Head, Revision, Seen, SourceId
from tests.support.clock import NOW
from tests.support.databases import sqlite_database
from tests.support.values import a_launcher, a_source

SOURCES = 10_000
HOUR = timedelta(hours=1)
RHYTHM = PollPolicy()
SPAN = 2 * RHYTHM.longest
"""Whoever moves in the first half is asked within it; so many sources keep the host
busy all the time."""
PER_HOUR = 2000
REF = Ref("refs/heads/main")
BEFORE, AFTER = CommitSha("a" * 40), CommitSha("b" * 40)


class RunningClock:
    """Time that passes while somebody sleeps, and not otherwise."""

    def __init__(self) -> None:
        self._now = NOW

    def now(self) -> datetime:
        return self._now

    async def sleep(self, length: timedelta) -> None:
        self._now += max(length, timedelta(0))


class CountedHeads:
    """Implements the port `Heads`: one request a repository, counted by the hour."""

    def __init__(self, clock: RunningClock) -> None:
        self._clock = clock
        self.requests: Counter[int] = Counter()
        self.moved: dict[str, datetime] = {}
        self.found: dict[str, datetime] = {}

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        now = self._clock.now()
        self.requests[(now - NOW) // HOUR] += 1
        moved = self.moved.get(repository.path)
        if moved and moved <= now:
            self.found.setdefault(repository.path, now)
            return {revision: Head(commit=AFTER, ref=REF) for revision in revisions}
        return {revision: Head(commit=BEFORE, ref=REF) for revision in revisions}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with sqlite_database(tmp_path / "relaunch.db") as database:
        yield database


async def _follow(database: Database) -> None:
    """Have every source followed, and seen where it is."""
    seen = Seen(
        commit=BEFORE, ref=REF, fingerprint=None, meaning=None, kind=None, at=NOW
    )
    kept, launched = [], []
    for number in range(SOURCES):
        path = f"owner/{number:05}"
        source = a_source(
            id=SourceId(f"source-{number:05}"),
            repository=Repository.from_url(f"https://forge.test/{path}"),
            seen=seen,
        )
        launcher = a_launcher(
            id=LauncherId(f"launcher-{number:05}"),
            environment_id=EnvironmentId(f"environment-{number:05}"),
            source_id=source.id,
            wanted_builder="told/1 none",
        )
        kept.append(sources._to_row(source))
        launched.append(launcher_to_row(launcher))
    async with database.writing() as connection:
        statements = Statements(connection, is_writing=True)
        await statements.add_all(configuration.sources, kept)
        await statements.add_all(configuration.launchers, launched)


async def test_ten_thousand_sources_cost_a_bounded_number_of_requests_an_hour(
    database: Database,
) -> None:
    await _follow(database)
    clock, drawn = RunningClock(), random.Random(5)
    heads = CountedHeads(clock)
    for number in drawn.sample(range(SOURCES), 50):
        heads.moved[f"owner/{number:05}"] = NOW + drawn.random() * RHYTHM.longest
    sweep = Sweep(
        store=SqlStore(database),
        heads=heads,
        anonymous_heads=heads,
        clock=clock,
        poll_policy=RHYTHM,
        per_hour=PER_HOUR,
        debounce=Debounce(),
        wakeup=Wakeup(clock=clock),
        chance=drawn.random,
    )

    while clock.now() < NOW + SPAN:
        await sweep.round()
        await clock.sleep(POLL)

    busiest = max(heads.requests.values())
    assert SOURCES / (RHYTHM.longest / HOUR) <= busiest <= PER_HOUR
    late = [heads.found[path] - moved for path, moved in heads.moved.items()]
    assert max(late) <= RHYTHM.longest
    async with database.reading() as connection:
        rows = await Statements(connection, is_writing=False).rows(
            select(evaluations.asks)
        )
    assert {row["evidence"] for row in rows} == {Trigger.SWEEP.value}
    asked = {row["source_id"].replace("source-", "owner/") for row in rows}
    assert asked == set(heads.moved)
