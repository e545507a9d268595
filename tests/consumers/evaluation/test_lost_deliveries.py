"""A delivery whose message the broker lost is evaluated all the same."""

from dataclasses import replace
from datetime import timedelta

import pytest

from consumers.evaluation.lost_deliveries import PATIENCE, WINDOW, LostDeliveries
from consumers.loops.wakeup import Wakeup
from service.domain.evaluation.comparison import Comparison, EvaluationId, Verdict
from service.domain.hook import HookId
from service.domain.push import Trigger
from service.domain.source import Access
from service.ports.store import DeliveryRecord
from tests.consumers.steps import built, verdict
from tests.support.deliveries import a_hook, a_record
from tests.support.repos import Repo
from tests.support.values import an_evaluation
from tests.support.world import DEBOUNCE, World

LATE = PATIENCE + timedelta(seconds=1)


@pytest.fixture
def lost(world: World) -> LostDeliveries:
    return a_leader(world)


def a_leader(world: World) -> LostDeliveries:
    return LostDeliveries(
        store=world.store,
        clock=world.clock,
        debounce=DEBOUNCE,
        wakeup=Wakeup(clock=world.clock),
    )


async def record(world: World, repo: Repo, **changes: object) -> DeliveryRecord:
    """Write down what a receiver accepted, as it does beside its event."""
    delivery = a_record(
        ref="refs/heads/main",
        received_at=world.clock.now(),
        **{"repository": repo.repository.path, **changes},
    )
    async with world.store.transaction() as tx:
        if not await tx.hooks.count():
            await tx.hooks.add(a_hook(id=HookId("hook-1"), repository=repo.repository))
        await tx.deliveries.record([delivery])
    return delivery


async def triggers(world: World, delivery: DeliveryRecord) -> list[Trigger]:
    async with world.store.reading() as tx:
        return [
            one.trigger for one in await tx.evaluations.of_deliveries([delivery.id])
        ]


async def check(world: World, lost: LostDeliveries) -> None:
    await lost.round()
    await world.later(10)


async def test_what_the_broker_lost_is_evaluated_as_the_push_that_it_was(
    world: World, repo: Repo, lost: LostDeliveries
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await world.later(10)
    repo.commit({"requirements.txt": "six==1.17.0\n"})
    delivery = await record(world, repo)

    await check(world, lost)
    assert await triggers(world, delivery) == [], "its message may be under way"
    world.clock.advance(LATE)
    await check(world, lost)

    assert await triggers(world, delivery) == [Trigger.PUSH]
    assert await verdict(world, launcher) is Verdict.CHANGED
    for leader in (lost, a_leader(world)):
        world.clock.advance(LATE)
        await check(world, leader)
    assert len(await triggers(world, delivery)) == 1


async def test_what_waits_for_its_forge_or_is_followed_by_nobody_is_not_requested(
    world: World, repo: Repo, lost: LostDeliveries
) -> None:
    await world.follow(repo.repository)
    await built(world)
    await world.later(10)
    await record(world, repo, status="ignored", id="d-2", hook_id="hook-9")
    await record(world, repo, id="d-3", hook_id="hook-9")
    await record(world, repo, id="d-4", repository="uni/other")
    old = await record(world, repo, id="d-5")
    world.clock.advance(WINDOW)
    await record(world, repo)
    world.clock.advance(LATE)

    await lost.round()
    await a_leader(world).round()

    async with world.store.reading() as tx:
        [source] = (await tx.sources.of_repository(repo.repository))[:1]
        waiting = await tx.evaluation_queue.requests(source.id)
    assert [request.delivery_id for _, request in waiting] == ["d-1"]
    assert await triggers(world, old) == []


async def test_what_tracks_a_path_by_another_number_is_found_by_its_path(
    world: World, repo: Repo, lost: LostDeliveries
) -> None:
    await world.follow(replace(repo.repository, number=7))
    async with world.store.transaction() as tx:
        known = replace(repo.repository, number=5)
        await tx.hooks.add(a_hook(id=HookId("hook-1"), repository=known))
    delivery = await record(world, repo)
    world.clock.advance(LATE)

    await lost.round()

    assert delivery.id in await requested(world, repo)


async def test_what_was_pushed_while_it_could_not_be_read_stays_untold(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository, access=Access.ANONYMOUS)
    delivery = await record(world, repo)
    async with world.store.transaction() as tx:
        [source] = await tx.sources.of_repository(repo.repository)
        for number, seen in enumerate((Verdict.UNKNOWN, Verdict.UNCHANGED), start=1):
            at = world.clock.now() + timedelta(seconds=number)
            result = Comparison(verdict=seen, reason="x", message="x")
            id_ = EvaluationId(f"by-hand-{number}")
            await tx.evaluations.add(
                an_evaluation(
                    id=id_,
                    source_id=source.id,
                    comparison=result,
                    started_at=at,
                    completed_at=at,
                )
            )
    world.clock.advance(LATE)

    await a_leader(world).round()

    assert delivery.id not in await requested(world, repo)


async def requested(world: World, repo: Repo) -> list[str | None]:
    async with world.store.reading() as tx:
        [source] = await tx.sources.of_repository(repo.repository)
        waiting = await tx.evaluation_queue.requests(source.id)
    return [request.delivery_id for _, request in waiting]
