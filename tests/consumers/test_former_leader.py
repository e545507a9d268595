"""A process that goes on after its lease is over does no harm to the one that leads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.domain.building.build import Build, BuildState
from service.domain.building.failure import Failure, FailureClass
from service.errors import TransientError
from service.ports.builder import RefusedError
from tests.support.builders import ToldBuilder
from tests.support.repos import Repo
from tests.support.world import World

REFUSED = RefusedError(
    Failure(kind=FailureClass.UNSUPPORTED_PYTHON, message="no such Python")
)


class StandingBuilder(ToldBuilder):
    """A builder whose process stands still in a start, and goes on when all is over."""

    def __init__(self, world: World) -> None:
        super().__init__(clock=world.clock, version="told/1")
        self.starting = asyncio.Event()
        self.woken = asyncio.Event()
        self.fails_with: Exception = TransientError("the machine was away")

    async def start(self, build: Build) -> None:
        del build
        self.starting.set()
        await self.woken.wait()
        raise self.fails_with


@asynccontextmanager
async def overtaken(
    world: World, repo: Repo, builder: StandingBuilder
) -> AsyncIterator[Build]:
    """Let a leader stand still in a start; the next one has retried it in the block.

    After the block the first has gone on.
    """
    first = world.beside(builder)
    await first.follow(repo.repository)
    async with asyncio.TaskGroup() as group:
        group.create_task(first.settle())
        await builder.starting.wait()
        await world.later(10)
        await world.later(60)
        yield await only_build(world)
        builder.woken.set()


async def only_build(world: World) -> Build:
    async with world.store.reading() as tx:
        (build,) = await tx.builds.unfinished()
        return build


@pytest.mark.parametrize(
    "failure",
    [TransientError("the machine was away"), REFUSED],
    ids=["away", "refused"],
)
async def test_what_became_of_an_earlier_start_does_not_end_a_later_one(
    world: World, repo: Repo, failure: Exception
) -> None:
    builder = StandingBuilder(world)
    builder.fails_with = failure
    async with overtaken(world, repo, builder) as running:
        assert (running.state, running.attempt) == (BuildState.RUNNING, 2)

    assert await only_build(world) == running
    assert world.builder.running == [running.id]
