"""What every store does for many sources at once is what it does for each."""

from dataclasses import replace
from datetime import timedelta

from service.domain.building.build import EnvironmentId
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import Comparison, EvaluationId, Verdict
from service.domain.launcher import Launcher, LauncherId
from service.domain.source import Source, SourceId
from service.ports.store import Store
from tests.support.clock import NOW
from tests.support.deliveries import a_record
from tests.support.values import (
    a_launcher,
    a_repository,
    a_source,
    an_evaluation,
)

SECOND = timedelta(seconds=1)
ODD = "it's \\ \udcff"
"""An id that no service makes, which a statement has to take as it is."""


def source(name: str) -> Source:
    repository = a_repository(path=f"ada/{name}")
    return a_source(id=SourceId(name), repository=repository)


def launcher(number: int, of: str, *, wanted: int = 0) -> Launcher:
    return a_launcher(
        id=LauncherId(f"launcher-{number}"),
        environment_id=EnvironmentId(f"environment-{number}"),
        source_id=SourceId(of),
        wanted_generation=wanted,
        created_at=NOW - number * SECOND,
    )


async def keep(store: Store, names: str, *launchers: Launcher) -> None:
    async with store.transaction() as tx:
        for name in names:
            await tx.sources.find_or_add(source(name))
        for one in launchers:
            await tx.launchers.add(one)


async def test_launchers_of_sources_are_read_whole_or_not_at_all(store: Store) -> None:
    few = [launcher(1, "a"), launcher(2, "a"), launcher(3, "c")]
    many = [launcher(number, "d") for number in range(10, 20)]
    await keep(store, "abcd", *few, *many)
    names = [SourceId(name) for name in "abcd"]

    async with store.transaction() as tx:
        found = await tx.launchers.of_whole(names, limit=5)
        everything = await tx.launchers.of_whole(names, limit=13)
        nothing = await tx.launchers.of_whole([], limit=5)

    # Oldest first; what the limit cuts is left out, and not half of it.
    assert found == {"a": [few[1], few[0]], "b": [], "c": [few[2]]}
    assert {name: len(some) for name, some in everything.items()} == {
        "a": 2,
        "b": 0,
        "c": 1,
        "d": 10,
    }
    assert nothing == {}


async def test_the_newest_generation_is_that_of_each_source(store: Store) -> None:
    launchers = [
        launcher(1, "a", wanted=3),
        replace(launcher(2, "a", wanted=1), generation=7),
        launcher(3, "b", wanted=2),
    ]
    await keep(store, "abc", *launchers)

    async with store.reading() as tx:
        found = await tx.launchers.newest_generations(
            [SourceId(name) for name in "abc"]
        )

    assert found == {"a": 7, "b": 2}


async def test_sources_are_saved_together(store: Store) -> None:
    await keep(store, "ab", launcher(1, "a"))
    async with store.transaction() as tx:
        found = await tx.sources.some([SourceId("b"), SourceId(ODD), SourceId("a")])
        changed = [replace(one, generation=n) for n, one in enumerate(found, start=5)]
        await tx.sources.save_all([*changed, source("gone")])

    async with store.reading() as tx:
        again = await tx.sources.get_many([SourceId("a"), SourceId("b")])
        # How many follow a source is none of what is saved.
        followed = await tx.sources.list()
    assert [one.id for one in found] == ["a", "b"]
    assert {one.id: one.generation for one in again} == {"a": 5, "b": 6}
    assert [one.id for one in followed.items] == ["a"]


async def test_deliveries_are_read_together(store: Store) -> None:
    records = [a_record(id=DeliveryId(name)) for name in ("one", "other")]
    async with store.transaction() as tx:
        await tx.deliveries.record(records)

    async with store.reading() as tx:
        found = await tx.deliveries.some({DeliveryId("one"), DeliveryId(ODD)})
        assert await tx.deliveries.some(()) == ()

    assert list(found) == [records[0]]


async def test_the_latest_verdict_is_that_of_each_source(store: Store) -> None:
    await keep(store, "abc")
    verdicts = [
        ("a", 1, Verdict.CHANGED),
        ("a", 2, Verdict.UNKNOWN),
        ("b", 2, Verdict.INITIAL),
        ("b", 1, Verdict.UNKNOWN),
    ]
    async with store.transaction() as tx:
        await tx.evaluations.add_all([])
        await tx.evaluations.add_all(
            [
                an_evaluation(
                    id=EvaluationId(f"{name}-{at}"),
                    source_id=SourceId(name),
                    comparison=Comparison(verdict=verdict, reason="x", message=""),
                    completed_at=NOW + at * SECOND,
                )
                for name, at, verdict in verdicts
            ]
        )

    async with store.reading() as tx:
        found = await tx.evaluations.latest_verdicts(
            [SourceId(name) for name in ("a", "b", "c", ODD)]
        )
    assert found == {"a": Verdict.UNKNOWN, "b": Verdict.INITIAL}


async def test_many_locks_are_taken_in_one_order(store: Store) -> None:
    names = [f"source:{number}" for number in range(20)]

    async with store.transaction(*names, *names) as tx:
        assert await tx.outbox.peek(limit=1) == []
    async with store.transaction(*reversed(names)) as tx:
        assert await tx.outbox.peek(limit=1) == []
