"""Sources that are claimed with the requests for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta

import pytest

from consumers.loops.heartbeat import LEASE
from consumers.loops.places import Places
from service.domain.evaluation.queue import DueEvaluation
from service.errors import TransientError
from tests.support.repos import Repo
from tests.support.world import World


class Work:
    """Notes what it was begun with, and takes until it is told to end."""

    def __init__(self) -> None:
        self.begun: list[DueEvaluation] = []
        self.end = asyncio.Event()

    async def __call__(self, due_evaluation: DueEvaluation, at: datetime) -> None:
        del at
        self.begun.append(due_evaluation)
        await self.end.wait()


@asynccontextmanager
async def working(world: World, *, places: int) -> AsyncIterator[Work]:
    work = Work()
    async with asyncio.TaskGroup() as group:
        with world.claims.opened(Places(places, group=group), work):
            yield work
        work.end.set()


async def free(world: World) -> int:
    """Return how many sources a process claims that comes now."""
    return len(await world.claims.claim(world.clock.now(), limit=10))


async def pushed(world: World, repo: Repo) -> None:
    await world.tell(repo.repository)
    await asyncio.sleep(0)


async def fail(world: World) -> None:
    async with world.claims.reserve(5) as kept:
        assert kept.claim.limit == 1
        raise TransientError("nothing was committed")


async def test_a_push_begins_with_its_request_where_a_place_is_free(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    await world.settle()
    world.clock.advance(timedelta(minutes=1))

    async with working(world, places=1) as work:
        await pushed(world, repo)

        assert len(work.begun) == 1
        assert await free(world) == 0


async def test_without_a_free_place_it_waits_for_whoever_has_one(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    await world.settle()
    world.clock.advance(timedelta(minutes=1))

    async with working(world, places=0) as work:
        await pushed(world, repo)

        assert not work.begun
        assert await free(world) == 1


async def test_a_claim_of_a_process_that_dies_before_it_begins_runs_out(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await world.settle()
    world.clock.advance(timedelta(minutes=1))
    before = len(await world.evaluations(launcher))
    async with working(world, places=1):
        await pushed(world, repo)
    assert await free(world) == 0

    world.clock.advance(LEASE)
    await world.settle()

    assert len(await world.evaluations(launcher)) == before + 1


async def test_a_place_that_nothing_was_claimed_for_is_given_back(
    world: World,
) -> None:
    async with working(world, places=1):
        with pytest.raises(TransientError):
            await fail(world)

        async with world.claims.reserve(5) as kept:
            assert kept.claim.limit == 1


async def test_who_stops_working_during_a_reservation_begins_nothing(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    await world.settle()
    world.clock.advance(timedelta(minutes=1))
    await world.tell(repo.repository)
    async with AsyncExitStack() as stack:
        async with working(world, places=1) as work:
            kept = await stack.enter_async_context(world.claims.reserve(1))
        kept.claimed = await world.claims.claim(world.clock.now(), limit=1)
        assert len(kept.claimed) == 1

    assert not work.begun
    async with working(world, places=1), world.claims.reserve(1) as again:
        assert again.claim.limit == 1
