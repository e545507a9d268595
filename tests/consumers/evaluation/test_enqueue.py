"""Requests for evaluations are gathered, and none is lost."""

from datetime import timedelta

from service.domain.evaluation.comparison import Verdict
from service.domain.evaluation.queue import CACHE_STALENESS
from service.domain.push import Trigger
from tests.consumers.steps import built, verdict
from tests.support.repos import Repo
from tests.support.world import World


async def test_a_thousand_pushes_in_a_minute_cost_few_looks_and_one_build(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await world.later(10)
    before = len(await world.evaluations(launcher))

    for number in range(1000):
        if number % 100 == 0:
            repo.commit({"requirements.txt": f"six==1.{number}\n"})
        await world.tell(repo.repository)
        if number % 20 == 0:
            await world.settle()
            world.clock.advance(timedelta(minutes=1) / 50)
    await world.later(30)

    looks = len(await world.evaluations(launcher)) - before
    assert looks <= 3
    assert len(world.builder.running) == 1


async def test_every_delivery_is_answered_by_a_look(world: World, repo: Repo) -> None:
    await world.follow(repo.repository)
    await world.settle()
    deliveries = [await world.push(repo.repository) for _ in range(5)]

    await world.settle()
    await world.later(10)

    async with world.store.reading() as tx:
        for delivery in deliveries:
            (evaluation,) = await tx.evaluations.of_deliveries([delivery])
            assert evaluation.trigger is Trigger.PUSH


async def test_a_push_that_was_taken_for_untracked_is_found_by_the_second_look(
    world: World, repo: Repo
) -> None:
    """Receivers remember for a moment that nobody follows a repository."""
    launcher = await world.follow(repo.repository)
    await built(world)
    repo.commit({"requirements.txt": "six==1.17.0\n"})

    await world.later(CACHE_STALENESS.total_seconds())

    assert await verdict(world, launcher) is Verdict.CHANGED
    assert len(world.builder.running) == 1


async def test_a_source_that_is_no_longer_new_is_left_alone(
    world: World, repo: Repo
) -> None:
    launcher = await world.follow(repo.repository)
    await built(world)
    await world.later(CACHE_STALENESS.total_seconds())
    looks = len(await world.evaluations(launcher))

    await world.later(10 * CACHE_STALENESS.total_seconds())

    assert looks == 2
    assert len(await world.evaluations(launcher)) == looks


async def test_every_delivery_that_an_event_stands_for_is_on_record_and_answered(
    world: World, repo: Repo
) -> None:
    await world.follow(repo.repository)
    await world.settle()
    deliveries = await world.push_together(repo.repository, count=5)

    await world.settle()
    await world.later(10)

    async with world.store.reading() as tx:
        for delivery in deliveries:
            record = await tx.deliveries.get(delivery)
            assert (record.status, record.after) == ("accepted", f"after-{delivery}")
            (evaluation,) = await tx.evaluations.of_deliveries([delivery])
            assert set(evaluation.delivery_ids) == set(deliveries)
