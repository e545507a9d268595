"""The sweep: few questions, at a distance, and nothing that was lost stays lost."""

import itertools
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from consumers.loops.wakeup import Wakeup
from consumers.sweep import Sweep
from service.adapters.store import SqlStore
from service.domain.building.build import EnvironmentId
from service.domain.evaluation.comparison import RefMissing
from service.domain.evaluation.sweep import PollPolicy
from service.domain.launcher import LauncherId
from service.domain.push import Trigger
from service.domain.repository import CommitSha, Ref, Repository
from service.domain.source import Head, Revision, Seen, SourceId
from service.errors import RemoteRefusedError, ServiceError, TransientError
from service.ports.store import Store
from tests.support.clock import NOW
from tests.support.databases import sqlite_database
from tests.support.values import a_launcher, a_source
from tests.support.world import DEBOUNCE

MAIN = Ref("refs/heads/main")
BEFORE, AFTER = CommitSha("a" * 40), CommitSha("b" * 40)
RHYTHM = PollPolicy()
PER_HOUR = 600
APART = timedelta(hours=1) / PER_HOUR


class RunningClock:
    """Time that passes while somebody sleeps, and not otherwise."""

    def __init__(self) -> None:
        self._now = NOW

    def now(self) -> datetime:
        return self._now

    async def sleep(self, length: timedelta) -> None:
        self._now += max(length, timedelta(0))


class ToldHeads:
    """Implements the port `Heads`; says what it is told to, and remembers who asked."""

    def __init__(self, clock: RunningClock) -> None:
        self._clock = clock
        self.asked: list[tuple[str, datetime]] = []
        self.moved: set[str] = set()
        self.error: ServiceError | None = None

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        self.asked.append((repository.path, self._clock.now()))
        if self.error:
            raise self.error
        commit = AFTER if repository.path in self.moved else BEFORE
        return {revision: Head(commit=commit, ref=MAIN) for revision in revisions}

    def take(self) -> list[str]:
        """Return who was asked for, and forget it."""
        asked = [path for path, _ in self.asked]
        self.asked.clear()
        return asked


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock()


@pytest.fixture
def heads(clock: RunningClock) -> ToldHeads:
    return ToldHeads(clock)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with sqlite_database(tmp_path / "relaunch.db") as database:
        yield SqlStore(database)


@pytest.fixture
def sweep(store: Store, clock: RunningClock, heads: ToldHeads) -> Sweep:
    return a_sweep(store, clock, heads)


def a_sweep(store: Store, clock: RunningClock, heads: ToldHeads) -> Sweep:
    return Sweep(
        store=store,
        heads=heads,
        anonymous_heads=heads,
        clock=clock,
        poll_policy=RHYTHM,
        per_hour=PER_HOUR,
        debounce=DEBOUNCE,
        wakeup=Wakeup(clock=clock),
        chance=lambda: 0.5,
    )


async def follow(store: Store, path: str, directory: str = "") -> SourceId:
    source = SourceId(f"{path}:{directory}")
    seen = Seen(
        commit=BEFORE, ref=MAIN, fingerprint=None, meaning=None, kind=None, at=NOW
    )
    async with store.transaction() as tx:
        await tx.sources.find_or_add(
            a_source(
                id=source,
                repository=Repository.from_url(f"https://forge.test/{path}"),
                context_dir=directory,
                seen=seen,
            )
        )
        await tx.launchers.add(
            a_launcher(
                id=LauncherId(source),
                environment_id=EnvironmentId(source),
                source_id=source,
                wanted_builder="told/1 none",
            )
        )
    return source


async def asked(store: Store, source: SourceId) -> list[Trigger]:
    async with store.reading() as tx:
        return [look.trigger for _, look in await tx.evaluation_queue.requests(source)]


async def pass_an_interval(sweep: Sweep, clock: RunningClock) -> None:
    await sweep.round()
    await clock.sleep(RHYTHM.first)
    await sweep.round()


async def test_one_question_answers_for_all_sources_of_a_repository(
    store: Store, sweep: Sweep, clock: RunningClock, heads: ToldHeads
) -> None:
    sources = [await follow(store, "a/course", name) for name in ("", "one", "two")]
    heads.moved.add("a/course")

    await pass_an_interval(sweep, clock)

    assert heads.take() == ["a/course"]
    assert [await asked(store, source) for source in sources] == [[Trigger.SWEEP]] * 3


async def test_who_did_not_move_is_not_looked_at(
    store: Store, sweep: Sweep, clock: RunningClock, heads: ToldHeads
) -> None:
    source = await follow(store, "a/course")

    await pass_an_interval(sweep, clock)

    assert heads.take() == ["a/course"]
    assert await asked(store, source) == []


async def test_questions_to_one_host_keep_their_distance(
    store: Store, sweep: Sweep, clock: RunningClock, heads: ToldHeads
) -> None:
    for number in range(200):
        await follow(store, f"a/{number}")

    await pass_an_interval(sweep, clock)
    await sweep.round()

    moments = [when for _, when in heads.asked]
    assert len(moments) > 50
    assert min(b - a for a, b in itertools.pairwise(moments)) >= APART


async def test_a_restart_forgets_no_turn_and_repeats_none(
    store: Store, sweep: Sweep, clock: RunningClock, heads: ToldHeads
) -> None:
    await follow(store, "a/course")
    await pass_an_interval(sweep, clock)
    heads.take()

    again = a_sweep(store, clock, heads)
    await again.round()
    early = heads.take()
    await clock.sleep(RHYTHM.longest)
    await again.round()

    assert early == []
    assert heads.take() == ["a/course"]


async def test_a_push_that_came_while_the_round_went_on_is_no_lost_delivery(
    store: Store, sweep: Sweep, clock: RunningClock, heads: ToldHeads
) -> None:
    source = await follow(store, "a/course")
    heads.moved.add("a/course")
    seeing = _SeeingHeads(heads, store, source)

    await pass_an_interval(a_sweep(store, clock, seeing), clock)  # type: ignore[arg-type]

    assert await asked(store, source) == []
    del sweep


class _SeeingHeads:
    """Implements `Heads`; a look sees the source while its head is asked for."""

    def __init__(self, heads: ToldHeads, store: Store, source: SourceId) -> None:
        self._heads = heads
        self._store = store
        self._source = source

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        async with self._store.transaction() as tx:
            source = await tx.sources.get(self._source)
            assert source.seen is not None
            seen = replace(source.seen, commit=AFTER)
            await tx.sources.save_all([replace(source, seen=seen, generation=1)])
        return await self._heads.heads(repository, revisions)


async def test_a_repository_that_is_refused_must_evaluate_so_that_it_is_said_why(
    store: Store, sweep: Sweep, clock: RunningClock, heads: ToldHeads
) -> None:
    source = await follow(store, "a/course")
    heads.error = RemoteRefusedError("it is private now")

    await pass_an_interval(sweep, clock)

    assert await asked(store, source) == [Trigger.SWEEP]


async def test_a_host_that_asks_for_rest_is_left_alone_and_asked_afterwards(
    store: Store, sweep: Sweep, clock: RunningClock, heads: ToldHeads
) -> None:
    sources = [await follow(store, f"a/{number}") for number in range(5)]
    heads.moved |= {"a/0", "a/1", "a/2", "a/3", "a/4"}
    heads.error = TransientError("too often", retry_after=timedelta(minutes=20))
    await pass_an_interval(sweep, clock)
    await sweep.round()
    while_resting = heads.take()
    heads.error = None

    await clock.sleep(timedelta(minutes=20))
    await sweep.round()

    assert len(while_resting) == 1
    assert sorted(heads.take()) == ["a/0", "a/1", "a/2", "a/3", "a/4"]
    assert [await asked(store, source) for source in sources] == [[Trigger.SWEEP]] * 5
