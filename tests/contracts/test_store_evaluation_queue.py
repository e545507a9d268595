"""The evaluation queue of every store: no request is lost, none is claimed twice."""

import asyncio
from datetime import timedelta
from typing import Final

from service.adapters.store import SqlStore
from service.domain.delivery import DeliveryId
from service.domain.evaluation.queue import Debounce, DueEvaluation, EvaluationRequest
from service.domain.push import Trigger
from service.domain.source import SourceId
from service.ports.store import Store
from tests.contracts.conftest import OpenDatabase
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
    async with store.transaction() as tx:
        return await tx.evaluation_queue.claim(now=NOW + after, lease=LEASE)


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


async def test_a_renewed_claim_is_held_for_longer(store: Store) -> None:
    await ask(store, a_look())
    await claim(store)
    async with store.transaction() as tx:
        assert await tx.evaluation_queue.renew(
            SOURCE, held_until=NOW + LEASE, lease=SECOND
        )

    assert await claim(store, after=LEASE) is None
    assert await claim(store, after=LEASE + SECOND) is not None


async def test_a_claim_that_others_took_is_not_renewed(store: Store) -> None:
    await ask(store, a_look())
    await claim(store)
    assert await claim(store, after=LEASE) is not None

    async with store.transaction() as tx:
        assert not await tx.evaluation_queue.renew(
            SOURCE, held_until=NOW + LEASE, lease=SECOND
        )
    assert await next_due(store) == 2 * LEASE


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
