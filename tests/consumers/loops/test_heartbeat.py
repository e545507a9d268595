"""Sources that a dead process had claimed are free soon; a slow one keeps its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from consumers.loops.heartbeat import LEASE, RENEW, HeldClaims
from service.adapters.store import SqlStore, open_database
from service.domain.evaluation.queue import EvaluationRequest
from service.domain.push import Trigger
from service.domain.source import SourceId
from tests.support.databases import KEYS, migrated_schema
from tests.support.memory import BreakableStore, DefectiveStore
from tests.support.world import DEBOUNCE, World, a_world_over

SOURCE = SourceId("source-1")


async def claimed(world: World) -> bool:
    async with world.store.transaction() as tx:
        return bool(
            await tx.evaluation_queue.claim(now=world.clock.now(), lease=LEASE, limit=1)
        )


@asynccontextmanager
async def claims(world: World) -> AsyncIterator[HeldClaims]:
    held = HeldClaims(store=world.store, clock=world.clock)
    async with asyncio.TaskGroup() as group:
        renewing = group.create_task(held.run())
        yield held
        renewing.cancel()


def a_look(world: World) -> EvaluationRequest:
    return EvaluationRequest(
        source_id=SOURCE, trigger=Trigger.PUSH, requested_at=world.clock.now()
    )


async def ask(world: World) -> None:
    async with world.store.transaction() as tx:
        await tx.evaluation_queue.enqueue(a_look(world), debounce=DEBOUNCE)


async def held_until(world: World) -> timedelta:
    async with world.store.reading() as tx:
        due = await tx.evaluation_queue.next_due()
    assert due
    return due - world.clock.now()


async def renewed(world: World) -> None:
    async with asyncio.timeout(10):
        while await held_until(world) < LEASE:  # noqa: ASYNC110 - the database says it
            await asyncio.sleep(0.001)


async def test_what_a_killed_process_had_claimed_is_free_within_fifteen_seconds(
    world: World,
) -> None:
    await ask(world)
    assert await claimed(world)

    world.clock.advance(timedelta(seconds=15))

    assert await claimed(world)


async def test_a_long_look_keeps_its_claim(world: World) -> None:
    await ask(world)
    assert await claimed(world)
    began = world.clock.now()

    async with claims(world) as held:
        with held.hold(SOURCE, claimed_at=began):
            for _ in range(10):
                await world.clock.until_asleep()
                world.clock.advance(RENEW)
                await renewed(world)
                assert not await claimed(world)
        world.clock.advance(LEASE)

        assert await claimed(world)


async def test_a_claim_that_was_lost_is_not_taken_back(world: World) -> None:
    await ask(world)
    assert await claimed(world)
    began = world.clock.now()

    async with claims(world) as held:
        with held.hold(SOURCE, claimed_at=began):
            await world.clock.until_asleep()
            # This process stood still, and another one has claimed it meanwhile.
            world.clock.advance(LEASE)
            assert await claimed(world)
            await world.clock.until_asleep()

    assert await held_until(world) == LEASE


async def test_an_outage_of_the_database_ends_no_claim(world: World) -> None:
    await ask(world)
    assert await claimed(world)
    began = world.clock.now()
    store = BreakableStore(world.store)
    held = HeldClaims(store=store, clock=world.clock)

    async with asyncio.TaskGroup() as group:
        renewing = group.create_task(held.run())
        with held.hold(SOURCE, claimed_at=began):
            store.is_write_broken = True
            await world.clock.until_asleep()
            world.clock.advance(RENEW)
            await world.clock.until_asleep()
            store.is_write_broken = False
            world.clock.advance(RENEW)
            await renewed(world)
        renewing.cancel()

    world.clock.advance(LEASE - 2 * RENEW)
    assert not await claimed(world)


@pytest.mark.postgresql
async def test_a_claim_that_somebody_holds_is_renewed_once_it_is_free() -> None:
    async with (
        migrated_schema() as url,
        open_database(url, keys=KEYS) as one,
        open_database(url, keys=KEYS) as other,
    ):
        world = a_world_over(SqlStore(one))
        await ask(world)
        assert await claimed(world)
        began = world.clock.now()

        async with claims(world) as held:
            with held.hold(SOURCE, claimed_at=began):
                await world.clock.until_asleep()
                async with SqlStore(other).transaction() as tx:
                    # Another push, whose transaction takes its time.
                    await tx.evaluation_queue.enqueue(a_look(world), debounce=DEBOUNCE)
                    world.clock.advance(RENEW)
                    await world.clock.until_asleep()
                    assert await held_until(world) < LEASE
                world.clock.advance(RENEW)
                await renewed(world)


async def test_a_fault_of_a_renewal_ends_no_evaluation(world: World) -> None:
    await ask(world)
    assert await claimed(world)
    began = world.clock.now()
    held = HeldClaims(store=DefectiveStore(world.store, faults=1), clock=world.clock)

    async with asyncio.TaskGroup() as group:
        renewing = group.create_task(held.run())
        with held.hold(SOURCE, claimed_at=began):
            for _ in range(2):
                await world.clock.until_asleep()
                world.clock.advance(RENEW)
            await renewed(world)
        renewing.cancel()
