"""Shadow mode: what would be built is queued and explained, and nothing is built."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from consumers.building.scheduler import Scheduler
from consumers.loops.precedence import Precedence
from consumers.loops.wakeup import Wakeup
from service.adapters.shadow_builder import SHADOW, OpenedBuilder, ShadowBuilder
from service.domain.building.build import BuildState
from tests.support.builders import ToldBuilder
from tests.support.repos import Repo
from tests.support.world import World, a_world


class Opened(ToldBuilder):
    """A builder that can be entered."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def scheduler(world: World, builder: OpenedBuilder) -> Scheduler:
    return Scheduler(
        store=world.store,
        builder=builder,
        clock=world.clock,
        wakeup=Wakeup(clock=world.clock),
        precedence=Precedence(),
        transitions=world.transitions,
        caps=world.caps,
        retry_after=timedelta(seconds=30),
    )


async def test_a_push_leads_to_a_queued_build_that_says_why_and_later_runs(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    async with a_world(tmp_path) as world:
        real = Opened(clock=world.clock)
        real.version = world.builder.version
        usual = world.scheduler
        async with ShadowBuilder(real) as shadow:
            world.scheduler = scheduler(world, shadow)
            launcher = await world.follow(repo.repository)
            await world.settle()
            for _ in range(3):
                await world.later(31)
        async with world.store.reading() as tx:
            (waiting,) = await tx.builds.unfinished()
        (rebuild,) = await world.rebuilds(launcher)
        started = list(real.started)
        world.scheduler = usual
        await world.later(31)
        running = list(world.builder.running)

    assert waiting.state is BuildState.QUEUED
    assert waiting.failure == SHADOW
    assert rebuild.state is BuildState.QUEUED
    assert started == []
    # Off again: what is still wanted is built.
    assert running == [waiting.id]
