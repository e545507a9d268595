"""Turns of the sweep in every store: kept over restarts, fair between hosts."""

from datetime import timedelta

from service.domain.building.build import EnvironmentId
from service.domain.delivery import DeliveryId
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.evaluation.sweep import PollItem, PollState, SweepTimes
from service.domain.launcher import LauncherId
from service.domain.push import Trigger
from service.domain.repository import Repository
from service.domain.source import SourceId
from service.ports.store import Store
from tests.support.clock import NOW
from tests.support.values import a_launcher, a_source

HOUR = timedelta(hours=1)


async def follow(store: Store, *names: str) -> None:
    """Follow `host/repository/directory` each."""
    async with store.transaction() as tx:
        for name in names:
            host, path, directory = name.split("/")
            source = await tx.sources.find_or_add(
                a_source(
                    id=SourceId(name),
                    repository=Repository.from_url(f"https://{host}/owner/{path}"),
                    context_dir=directory,
                )
            )
            await tx.launchers.add(
                a_launcher(
                    id=LauncherId(name),
                    environment_id=EnvironmentId(name),
                    source_id=source.id,
                )
            )


async def save(store: Store, **due_in: float) -> None:
    """Give sources (`_` for `/`) a turn in so many hours."""
    async with store.transaction() as tx:
        await tx.sweeps.save(
            a_beat(name.replace("_", "/"), hours) for name, hours in due_in.items()
        )


def a_beat(name: str, hours: float) -> PollState:
    return PollState(
        source_id=SourceId(name),
        interval=HOUR / 3,
        due_at=NOW + hours * HOUR,
        generation=4,
        polled_at=NOW - HOUR + hours * HOUR if hours else None,
    )


async def turns(store: Store, *, per_host: int = 10) -> list[PollItem]:
    async with store.reading() as tx:
        return list(await tx.sweeps.due(now=NOW, per_host=per_host))


async def names(store: Store, *, per_host: int = 10) -> set[str]:
    return {turn.source.id for turn in await turns(store, per_host=per_host)}


async def test_a_source_that_nobody_swept_yet_has_no_beat(store: Store) -> None:
    await follow(store, "h/r/a")

    (turn,) = await turns(store)

    assert turn.source.id == "h/r/a"
    assert turn.state is None


async def test_a_beat_keeps_everything_and_is_replaced(store: Store) -> None:
    await follow(store, "h/r/a")
    await save(store, h_r_a=5)
    await save(store, h_r_a=-1)

    (turn,) = await turns(store)

    assert turn.state == a_beat("h/r/a", -1)


async def test_the_last_poll_and_the_next_are_known(store: Store) -> None:
    async with store.reading() as tx:
        before = await tx.sweeps.times()
    # A source without a turn is no next one.
    await follow(store, "h/r/a", "h/s/b", "h/t/c", "h/u/d")
    await save(store, h_r_a=5, h_s_b=2, h_t_c=0)
    async with store.reading() as tx:
        after = await tx.sweeps.times()

    assert before == SweepTimes(last_at=None, next_at=None)
    assert after == SweepTimes(last_at=NOW + 4 * HOUR, next_at=NOW)


async def test_whose_time_has_not_come_has_no_turn(store: Store) -> None:
    await follow(store, "h/r/a", "h/s/b")
    await save(store, h_r_a=1, h_s_b=0)

    assert await names(store) == {"h/s/b"}


async def test_the_other_sources_of_a_repository_come_with_it(store: Store) -> None:
    await follow(store, "h/r/a", "h/r/b", "h/s/a")
    await save(store, h_r_a=0, h_r_b=1, h_s_a=1)

    assert await names(store) == {"h/r/a", "h/r/b"}


async def test_of_each_host_those_who_wait_longest_come_first(store: Store) -> None:
    await follow(store, "h/r/a", "h/s/a", "h/t/a", "i/r/a")
    await save(store, h_r_a=-1, h_s_a=-3, h_t_a=-2, i_r_a=0)

    assert await names(store, per_host=1) == {"h/s/a", "i/r/a"}
    assert await names(store, per_host=2) == {"h/s/a", "h/t/a", "i/r/a"}


async def test_what_no_launcher_follows_has_no_turn(store: Store) -> None:
    await follow(store, "h/r/a", "h/s/a")
    await save(store, h_r_a=0)
    async with store.transaction() as tx:
        await tx.launchers.remove(LauncherId("h/r/a"))
        await tx.launchers.remove(LauncherId("h/s/a"))

    assert await turns(store) == []


async def test_a_turn_tells_whether_a_look_is_on_the_queue(store: Store) -> None:
    await follow(store, "h/r/a", "h/s/a")
    look = EvaluationRequest(
        source_id=SourceId("h/r/a"),
        trigger=Trigger.PUSH,
        delivery_id=DeliveryId("d"),
        requested_at=NOW,
    )
    async with store.transaction() as tx:
        await tx.evaluation_queue.enqueue(look, debounce=Debounce())

    asked = {turn.source.id: turn.is_asked_for for turn in await turns(store)}

    assert asked == {"h/r/a": True, "h/s/a": False}
