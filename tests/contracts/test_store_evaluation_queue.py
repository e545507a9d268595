"""The evaluation queue of every store: no request is lost, none is claimed twice."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from service.adapters.store import SqlStore
from service.domain.delivery import DeliveryId
from service.domain.evaluation.queue import (
    Claim,
    Debounce,
    DueEvaluation,
    EvaluationRequest,
)
from service.domain.push import Trigger
from service.domain.source import SourceId
from service.ports.store import Renewal, Store
from tests.contracts.conftest import DATABASES, OpenDatabase
from tests.support.clock import NOW

SECOND: Final = timedelta(seconds=1)
LEASE: Final = timedelta(minutes=5)
DEBOUNCE: Final = Debounce(window=2 * SECOND, max_delay=30 * SECOND)
SOURCE: Final = SourceId("source-1")


def a_look(
    *, after: timedelta = timedelta(), source: str = SOURCE
) -> EvaluationRequest:
    return EvaluationRequest(
        source_id=SourceId(source), trigger=Trigger.PUSH, requested_at=NOW + after
    )


async def ask(store: Store, *looks: EvaluationRequest) -> None:
    async with store.transaction() as tx:
        for look in looks:
            await tx.evaluation_queue.enqueue(look, debounce=DEBOUNCE)


async def claim(
    store: Store, *, after: timedelta = timedelta()
) -> DueEvaluation | None:
    claimed = await claim_some(store, after=after, limit=1)
    return claimed[0] if claimed else None


async def claim_some(
    store: Store, *, limit: int, after: timedelta = timedelta()
) -> Sequence[DueEvaluation]:
    async with store.transaction() as tx:
        return await tx.evaluation_queue.claim(
            now=NOW + after, lease=LEASE, limit=limit
        )


async def next_due(store: Store) -> timedelta | None:
    async with store.reading() as tx:
        due = await tx.evaluation_queue.next_due()
    return None if due is None else due - NOW


async def settle(
    store: Store, places: list[int], *, after: timedelta = timedelta()
) -> None:
    async with store.transaction() as tx:
        await tx.evaluation_queue.settle(
            SOURCE, ids=places, now=NOW + after, debounce=DEBOUNCE
        )


async def open_asks(store: Store) -> list[tuple[int, EvaluationRequest]]:
    async with store.reading() as tx:
        return list(await tx.evaluation_queue.requests(SOURCE))


async def test_an_ask_keeps_everything(store: Store) -> None:
    look = EvaluationRequest(
        source_id=SOURCE,
        trigger=Trigger.MANUAL,
        delivery_id=DeliveryId("d-1"),
        rebuild_ids=("r-1", "r-2"),
        traceparent="00-aa-bb-01",
        suggested_number=2**53,
        changed_paths=("requirements.txt", "ünï/pyproject.toml"),
        requested_at=NOW,
    )
    await ask(store, look, a_look(source="other"))

    assert [request for _, request in await open_asks(store)] == [look]


async def test_an_empty_queue_has_nothing_due(store: Store) -> None:
    assert await claim(store) is None
    assert await next_due(store) is None
    assert await open_asks(store) == []


async def test_the_first_ask_is_due_at_once(store: Store) -> None:
    await ask(store, a_look())

    assert await next_due(store) == timedelta()
    assert await claim(store) == DueEvaluation(
        source_id=SOURCE, first_asked_at=NOW, due_at=NOW
    )


async def test_a_claimed_appointment_is_nobody_elses_until_its_lease_ends(
    store: Store,
) -> None:
    await ask(store, a_look())
    await claim(store)

    assert await claim(store, after=LEASE - SECOND) is None
    assert await next_due(store) == LEASE
    assert await claim(store, after=LEASE) is not None


async def test_sources_are_claimed_with_the_requests_for_them(store: Store) -> None:
    await ask(store, a_look(source="held"))
    await claim(store)
    looks = [a_look(source=name) for name in ("held", "one", "two")]
    later = a_look(source="later", after=SECOND)

    async with store.transaction() as tx:
        claimed = await tx.evaluation_queue.enqueue_all(
            [*looks, later],
            debounce=DEBOUNCE,
            claim=Claim(now=NOW, until=NOW + LEASE, limit=1),
        )

    assert [due.source_id for due in claimed] == ["one"]
    others = await claim_some(store, limit=10, after=SECOND)
    assert [due.source_id for due in others] == ["two", "later"]
    again = await claim_some(store, limit=10, after=LEASE)
    assert {due.source_id for due in again} == {"held", "one"}


async def test_a_renewed_claim_is_held_for_longer(store: Store) -> None:
    await ask(store, a_look())
    await claim(store)
    until = NOW + LEASE + SECOND
    async with store.transaction() as tx:
        renewed = await tx.evaluation_queue.renew(
            [SOURCE, SourceId("another")], held_until=NOW + LEASE, until=until
        )

    assert renewed == Renewal(renewed={SOURCE}, busy=set())
    assert await claim(store, after=LEASE) is None
    assert await claim(store, after=LEASE + SECOND) is not None


async def test_a_claim_that_others_took_is_not_renewed(store: Store) -> None:
    await ask(store, a_look())
    await claim(store)
    assert await claim(store, after=LEASE) is not None

    async with store.transaction() as tx:
        renewed = await tx.evaluation_queue.renew(
            [SOURCE], held_until=NOW + LEASE, until=NOW + LEASE + SECOND
        )
    assert renewed == Renewal(renewed=set(), busy=set())
    assert await next_due(store) == 2 * LEASE


@pytest.mark.postgresql
async def test_claims_are_renewed_beside_one_that_somebody_holds(
    tmp_path: Path,
) -> None:
    held, free, lost = SourceId("held"), SourceId("free"), SourceId("lost")
    async with (
        DATABASES["postgresql"](tmp_path) as databases,
        databases() as here,
        databases() as there,
    ):
        store = SqlStore(here)
        await ask(store, a_look(source=held), a_look(source=free))
        await claim_some(store, limit=2)
        async with SqlStore(there).transaction() as other, asyncio.timeout(10):
            await other.evaluation_queue.postpone(held, until=NOW)
            async with store.transaction() as tx:
                beside = await tx.evaluation_queue.renew(
                    [held, free, lost], held_until=NOW + LEASE, until=NOW + 2 * LEASE
                )
        async with store.transaction() as tx:
            afterwards = await tx.evaluation_queue.renew(
                [held], held_until=NOW + LEASE, until=NOW + 2 * LEASE
            )

    assert beside == Renewal(renewed={free}, busy={held})
    assert afterwards == Renewal(renewed=set(), busy=set())


async def test_the_longest_due_comes_first(store: Store) -> None:
    await ask(store, a_look(source="late", after=2 * SECOND), a_look(source="early"))

    first = await claim(store, after=5 * SECOND)
    second = await claim(store, after=5 * SECOND)
    assert first
    assert second
    assert (first.source_id, second.source_id) == ("early", "late")


async def test_a_settled_appointment_is_off_the_queue(store: Store) -> None:
    await ask(store, a_look(), a_look())
    await claim(store)
    await settle(store, [place for place, _ in await open_asks(store)])

    assert await open_asks(store) == []
    assert await next_due(store) is None
    assert await claim(store, after=LEASE) is None


async def test_an_ask_soon_after_a_look_waits_for_a_quiet_moment(store: Store) -> None:
    await ask(store, a_look())
    await claim(store)
    await settle(store, [place for place, _ in await open_asks(store)])
    await ask(store, a_look(after=SECOND))

    assert await next_due(store) == SECOND + DEBOUNCE.window


async def test_an_ask_during_a_look_stays_on_the_queue(store: Store) -> None:
    await ask(store, a_look())
    await claim(store)
    answered = [place for place, _ in await open_asks(store)]
    await ask(store, later := a_look(after=3 * SECOND))
    await settle(store, answered, after=4 * SECOND)

    assert [request for _, request in await open_asks(store)] == [later]
    assert await claim(store, after=5 * SECOND) is None
    assert await claim(store, after=6 * SECOND) == DueEvaluation(
        source_id=SOURCE, first_asked_at=NOW + 3 * SECOND, due_at=NOW + 6 * SECOND
    )


async def test_a_postponed_appointment_keeps_its_asks_and_counts_attempts(
    store: Store,
) -> None:
    await ask(store, a_look())
    for attempt in (1, 2):
        assert await claim(store, after=attempt * SECOND)
        async with store.transaction() as tx:
            until = NOW + (attempt + 1) * SECOND
            await tx.evaluation_queue.postpone(
                SOURCE, until=until, trouble=f"trouble {attempt}"
            )
    asks = await open_asks(store)
    async with store.reading() as tx:
        (pending,) = await tx.evaluation_queue.pending([SOURCE, SourceId("another")])
    assert (pending.attempts, pending.trouble) == (2, "trouble 2")

    appointment = await claim(store, after=3 * SECOND)
    assert appointment
    assert appointment.attempts == 2
    assert len(asks) == 1

    await ask(store, a_look(after=4 * SECOND))
    await settle(store, [place for place, _ in asks], after=5 * SECOND)
    appointment = await claim(store, after=LEASE)
    assert appointment
    assert (appointment.attempts, appointment.trouble) == (0, "")


async def test_a_deferred_appointment_is_as_it_was_and_due_later(store: Store) -> None:
    await ask(store, a_look())
    assert await claim(store, after=SECOND)
    async with store.transaction() as tx:
        await tx.evaluation_queue.postpone(SOURCE, until=NOW, trouble="trouble")
    assert await claim(store, after=SECOND)
    async with store.transaction() as tx:
        await tx.evaluation_queue.defer(SOURCE, until=NOW + 3 * SECOND)

    assert await claim(store, after=2 * SECOND) is None
    appointment = await claim(store, after=3 * SECOND)
    assert appointment
    assert (appointment.attempts, appointment.trouble) == (1, "trouble")


async def test_postponing_what_is_not_on_the_queue_puts_nothing_there(
    store: Store,
) -> None:
    await ask(store, a_look())
    await settle(store, [place for place, _ in await open_asks(store)])
    async with store.transaction() as tx:
        await tx.evaluation_queue.postpone(SOURCE, until=NOW)

    assert await claim(store, after=LEASE) is None
    async with store.reading() as tx:
        assert await tx.evaluation_queue.pending([SOURCE]) == []


async def test_a_hundred_asks_are_one_appointment(store: Store) -> None:
    await ask(store, *[a_look() for _ in range(100)])

    assert await claim(store) is not None
    assert await claim(store) is None
    await settle(store, [place for place, _ in await open_asks(store)])
    assert await next_due(store) is None


async def test_many_workers_claim_each_appointment_once(
    databases: OpenDatabase,
) -> None:
    claimed: list[str] = []

    async def work(store: Store) -> None:
        while appointment := await claim(store):
            claimed.append(appointment.source_id)

    async with databases() as here, databases() as there:
        sources = [f"source-{number:02}" for number in range(20)]
        await ask(SqlStore(here), *[a_look(source=source) for source in sources])
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(work(SqlStore(here)))
                group.create_task(work(SqlStore(there)))
        while appointment := await claim(SqlStore(here)):
            claimed.append(appointment.source_id)

    assert sorted(claimed) == sources


async def test_asks_at_the_same_time_are_all_kept(databases: OpenDatabase) -> None:
    async with databases() as here, databases() as there:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                store = SqlStore(here if number % 2 else there)
                group.create_task(ask(store, a_look(after=number * SECOND)))

        assert len(await open_asks(SqlStore(here))) == 20


async def test_many_are_claimed_at_once_the_longest_due_first(store: Store) -> None:
    looks = [a_look(source=f"source-{n}", after=n * SECOND) for n in range(4)]
    await ask(store, *reversed(looks))

    claimed = await claim_some(store, limit=3, after=5 * SECOND)
    others = await claim_some(store, limit=3, after=5 * SECOND)

    names = [one.source_id for one in claimed]
    assert names == ["source-0", "source-1", "source-2"]
    assert [one.source_id for one in others] == ["source-3"]


async def test_asks_together_are_what_they_are_one_after_the_other(
    store: Store,
) -> None:
    looks = [
        a_look(source="one"),
        a_look(source="other", after=SECOND),
        a_look(source="one", after=SECOND),
        a_look(source="one", after=-SECOND),
    ]
    async with store.transaction() as tx:
        await tx.evaluation_queue.enqueue_all([], debounce=DEBOUNCE)
        await tx.evaluation_queue.enqueue_all(looks, debounce=DEBOUNCE)

    async with store.reading() as tx:
        open_ = await tx.evaluation_queue.requests_of(
            [SourceId("one"), SourceId("other"), SourceId("none")]
        )
    found = {source: [one for _, one in asked] for source, asked in open_.items()}
    assert found == {"one": [looks[0], looks[2], looks[3]], "other": [looks[1]]}
    one, other = await claim_some(store, limit=5, after=5 * SECOND)
    assert (one.first_asked_at, one.due_at) == (NOW - SECOND, NOW - SECOND)
    assert (other.first_asked_at, other.due_at) == (NOW + SECOND, NOW + SECOND)


async def test_sources_settled_together_keep_what_came_meanwhile(store: Store) -> None:
    await ask(store, a_look(source="one"), a_look(source="other"))
    await claim_some(store, limit=2)
    sources = [SourceId("one"), SourceId("other")]
    async with store.reading() as tx:
        seen = await tx.evaluation_queue.requests_of(sources)
    await ask(store, later := a_look(source="other", after=3 * SECOND))
    async with store.transaction() as tx:
        await tx.evaluation_queue.settle_all(
            {source: [place for place, _ in seen[source]] for source in sources},
            now=NOW + 4 * SECOND,
            debounce=DEBOUNCE,
        )

    assert await claim(store, after=5 * SECOND) is None
    left = await claim(store, after=6 * SECOND)
    assert left is not None
    assert (left.source_id, left.first_asked_at) == ("other", later.requested_at)


async def test_asks_and_settlements_of_many_sources_never_wait_in_a_circle(
    databases: OpenDatabase,
) -> None:
    sources = [f"source-{number:02}" for number in range(10)]

    async def work(store: Store, order: Sequence[str]) -> None:
        for _ in range(5):
            looks = [a_look(source=source) for source in order]
            async with store.transaction() as tx:
                await tx.evaluation_queue.enqueue_all(looks, debounce=DEBOUNCE)
            async with store.transaction() as tx:
                await tx.evaluation_queue.settle_all(
                    {SourceId(source): () for source in order},
                    now=NOW,
                    debounce=DEBOUNCE,
                )

    async with (
        databases() as here,
        databases() as there,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(work(SqlStore(here), sources))
        group.create_task(work(SqlStore(there), sources[::-1]))
