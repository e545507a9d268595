"""The leader shows what waits; who does not lead shows nothing of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from consumers.loops.state_metrics import StateMetrics
from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId, Proof, Secret
from service.domain.repository import Repository
from service.metrics import Metrics
from service.ports.bus import QueueDepth
from tests.support.clock import NOW
from tests.support.memory import MemoryBus
from tests.support.repos import Repo
from tests.support.values import a_build
from tests.support.world import World, a_world


class CountedBus(MemoryBus):
    """Has two messages and a dead one."""

    async def depths(self) -> list[QueueDepth]:
        return [QueueDepth(role="building", waiting=2, dead=1)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as opened:
        yield opened


def shown(metrics: Metrics) -> dict[str, float]:
    """Return every sample, by its name and labels."""
    lines = generate_latest(metrics.registry).decode().splitlines()
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in lines
        if not line.startswith("#")
    }


async def test_what_waits_is_shown_with_its_age(world: World, tmp_path: Path) -> None:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "six==1.15.0\n"})
    await world.follow(repo.repository)
    async with world.store.transaction() as tx:
        await tx.builds.add(a_build(created_at=NOW - timedelta(minutes=2)))
        await tx.hooks.add(
            Hook(
                id=HookId("hook"),
                forge=Forge.GITHUB,
                proof=Proof.HMAC,
                repository=Repository.from_url("https://github.com/o/n"),
                secrets=[Secret("s")],
                created_at=NOW,
            )
        )
    world.clock.advance(timedelta(minutes=1))
    state = StateMetrics(
        store=world.store,
        bus=CountedBus(),
        clock=world.clock,
        metrics=world.metrics,
    )

    await state.measure()
    seen = shown(world.metrics)
    world.metrics.forget_state()
    later = shown(world.metrics)

    assert seen["relaunch_leading"] == 1
    assert seen['relaunch_queue_messages{role="building"}'] == 2
    assert seen['relaunch_dead_letters{role="building"}'] == 1
    assert seen['relaunch_builds_unfinished{state="queued"}'] == 1
    assert seen["relaunch_builds_oldest_queued_seconds"] == 180
    assert seen["relaunch_outbox_events"] > 0
    assert seen["relaunch_launchers_outdated_without_build"] == 0
    assert seen["relaunch_outbox_oldest_seconds"] == 60
    assert seen['relaunch_hooks{health="unchecked"}'] == 1
    assert later["relaunch_leading"] != later["relaunch_leading"]
    assert 'relaunch_dead_letters{role="building"}' not in later


async def test_a_push_is_timed_from_its_arrival_to_its_launchers(
    world: World, tmp_path: Path
) -> None:
    repo = Repo(tmp_path / "course.git")
    repo.commit({"requirements.txt": "six==1.15.0\n"})
    await world.follow(repo.repository)
    await world.settle()
    world.builder.succeed()
    await world.settle()
    before = shown(world.metrics)
    repo.commit({"requirements.txt": "# a comment\nsix==1.15.0\n"})
    await world.push(repo.repository)
    await world.later(5)

    seen = shown(world.metrics)

    # Nobody pushed before, and a comment needs no build.
    assert 'relaunch_push_to_ready_seconds_count{stage="all"}' not in before
    assert seen['relaunch_builds_avoided_total{reason="cosmetic"}'] == 1
