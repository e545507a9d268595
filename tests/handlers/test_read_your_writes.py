"""What was answered a moment ago is there, whole, for whoever asks next."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from consumers.evaluation.claims import EvaluationClaims
from consumers.evaluation.enqueue import EvaluationEnqueuer
from consumers.loops.wakeup import Wakeup
from service.adapters.clock import SystemClock
from service.domain.hook import Hook
from service.events.envelope import data_of
from tests.support.api import Api, serving
from tests.support.deliveries import COURSE, Post, a_hook, a_push
from tests.support.memory import MemoryBus
from tests.support.world import DEBOUNCE, World

CLOCK = SystemClock()


@pytest.fixture
async def hook(world: World) -> Hook:
    """Return the hook of a repository that somebody follows."""
    hook = a_hook()
    async with world.store.transaction() as tx:
        await tx.hooks.add(hook)
    await world.follow(COURSE)
    return hook


@pytest.fixture
async def here(world: World) -> AsyncIterator[Api]:
    """One receiver, by the machine's clock; nothing writes its records yet."""
    async with serving(world, MemoryBus(), clock=CLOCK) as api:
        yield api


@pytest.fixture
async def there(world: World) -> AsyncIterator[Api]:
    """Another one, over the same database."""
    async with serving(world, MemoryBus(), clock=CLOCK) as api:
        yield api


async def deliver(api: Api, hook: Hook, post: Post) -> str:
    answer = await api.bare(
        "POST", f"/webhooks/github/{hook.id}", data=post.body, headers=post.headers
    )
    assert answer.status == 202, answer
    return str(answer.json["delivery"])


async def handle_events(api: Api) -> None:
    """Have the event written down before the receiver writes its record."""
    assert isinstance(api.bus, MemoryBus)
    clock = api.world.clock
    enqueuer = EvaluationEnqueuer(
        store=api.world.store,
        debounce=DEBOUNCE,
        claims=EvaluationClaims(
            store=api.world.store, clock=clock, wakeup=Wakeup(clock=clock)
        ),
    )
    for event in api.bus.events:
        data = data_of(event)
        assert data is not None
        await enqueuer.handle(event, data)


@pytest.mark.parametrize("is_handled", [False, True], ids=["alone", "event first"])
async def test_a_delivery_is_read_whole_right_after_its_answer(
    here: Api, hook: Hook, *, is_handled: bool
) -> None:
    delivery = await deliver(here, hook, a_push(hook))
    if is_handled:
        await handle_events(here)

    shown = await here.get(f"/deliveries/{delivery}")
    (listed,) = await here.get("/deliveries")
    (told,) = (await here.get(f"/explanations?of={delivery}"))["deliveries"]

    assert shown["headers"]["x-github-event"] == "push"
    assert shown["is_whole"]
    assert listed == told == shown


async def test_everything_that_tells_of_deliveries_tells_of_the_newest(
    here: Api, hook: Hook
) -> None:
    push = a_push(hook)
    delivery = await deliver(here, hook, push)

    told = await here.get(f"/hooks/{hook.id}")
    by_commit = await here.get("/explanations?of=2222222")
    by_forge = await here.get(f"/explanations?of={push.headers['X-GitHub-Delivery']}")

    assert told["last_delivery"]["id"] == delivery
    assert [item["id"] for item in by_commit["deliveries"]] == [delivery]
    assert [item["id"] for item in by_forge["deliveries"]] == [delivery]


async def test_what_is_written_while_somebody_asks_is_waited_for(
    here: Api, hook: Hook
) -> None:
    """Two readers at once: neither reads before the one write is over."""
    delivery = await deliver(here, hook, a_push(hook))
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(here.get(f"/deliveries/{delivery}")) for _ in range(5)
        ]

    assert all(task.result()["is_whole"] for task in asked)


@pytest.mark.parametrize("is_handled", [False, True], ids=["alone", "event first"])
async def test_another_receiver_waits_for_the_record_of_a_delivery(
    here: Api, there: Api, hook: Hook, *, is_handled: bool
) -> None:
    delivery = await deliver(here, hook, a_push(hook))
    if is_handled:
        await handle_events(here)
    async with asyncio.TaskGroup() as group:
        asked: list[asyncio.Task[Any]] = [
            group.create_task(there.get(f"/deliveries/{delivery}")),
            group.create_task(there.get(f"/explanations?of={delivery}")),
        ]
        await CLOCK.sleep(timedelta(milliseconds=300))
        assert not any(task.done() for task in asked)
        await here.write_log()

    shown, explanation = (task.result() for task in asked)
    assert shown["headers"]["x-github-event"] == "push"
    assert explanation["deliveries"] == [shown]


async def test_a_record_that_never_comes_whole_says_so(
    here: Api, there: Api, hook: Hook
) -> None:
    """The receiver died before it wrote the headers; the event has the rest."""
    delivery = await deliver(here, hook, a_push(hook))
    await handle_events(here)

    async with asyncio.TaskGroup() as group:
        known = group.create_task(there.get(f"/deliveries/{delivery}"))
        unknown = group.create_task(there.call("GET", f"/deliveries/d-{'0' * 24}"))
    shown, nothing = known.result(), unknown.result()

    assert (shown["is_whole"], shown["headers"]) == (False, {})
    assert shown["status"] == "accepted"
    assert nothing.status == 404
