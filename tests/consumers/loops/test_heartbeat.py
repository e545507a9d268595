"""Sources that a dead process had claimed are free soon; a slow one keeps its own."""

import asyncio
from datetime import timedelta

import pytest

from consumers.loops.heartbeat import LEASE, RENEW, keep_claim
from service.domain.evaluation.queue import DueEvaluation, EvaluationRequest
from service.domain.push import Trigger
from service.domain.source import SourceId
from service.errors import TransientError
from tests.support.world import DEBOUNCE, World

SOURCE = SourceId("source-1")


async def claimed(world: World) -> DueEvaluation | None:
    async with world.store.transaction() as tx:
        return await tx.evaluation_queue.claim(now=world.clock.now(), lease=LEASE)


async def ask(world: World) -> None:
    look = EvaluationRequest(
        source_id=SOURCE, trigger=Trigger.PUSH, requested_at=world.clock.now()
    )
    async with world.store.transaction() as tx:
        await tx.evaluation_queue.enqueue(look, debounce=DEBOUNCE)


async def held_until(world: World) -> timedelta:
    async with world.store.reading() as tx:
        due = await tx.evaluation_queue.next_due()
    assert due
    return due - world.clock.now()


async def asleep(world: World) -> None:
    async with asyncio.timeout(10):
        while not world.clock.sleepers:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)


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

    async with keep_claim(
        SOURCE, claimed_at=began, store=world.store, clock=world.clock
    ):
        for _ in range(10):
            await asleep(world)
            world.clock.advance(RENEW)
            await renewed(world)
            assert await claimed(world) is None
    world.clock.advance(LEASE)

    assert await claimed(world)


async def test_what_the_work_raises_is_raised_as_it_is(world: World) -> None:
    with pytest.raises(TransientError, match="away"):
        async with keep_claim(
            SOURCE, claimed_at=world.clock.now(), store=world.store, clock=world.clock
        ):
            raise TransientError("the database is away")
