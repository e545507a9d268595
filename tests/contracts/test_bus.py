"""Every bus keeps these promises, whatever carries the events."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

import pytest

from service.adapters.clock import UlidIds
from service.errors import NotFoundError, ServiceError
from service.events.envelope import Event
from service.ports.bus import Bus, Message, Role, StreamPosition
from tests.contracts.conftest import OpenBus

BUILDING: Final = Role(name="building", events=("rebuild.requested.v3",))
TELLING: Final = Role(
    name="telling", events=("rebuild.requested.v3", "build.finished.v2")
)
PATIENCE: Final = 10
"""Seconds until something that should come counts as lost."""
SILENCE: Final = 0.3
"""Seconds after which something that should not come counts as held back."""
DELAY: Final = timedelta(seconds=0.5)
NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def an_event(name: str = "rebuild.requested.v3", **data: object) -> Event:
    return Event(
        id=UlidIds().new(), type=f"dev.relaunch.{name}", time=NOW, data=dict(data)
    )


T = TypeVar("T")


class Inbox(Generic[T]):
    """What was given in the background and nobody looked at yet."""

    def __init__(self) -> None:
        self._things: asyncio.Queue[T] = asyncio.Queue()

    @property
    def is_empty(self) -> bool:
        return self._things.empty()

    async def fill(self, things: AsyncIterator[T]) -> None:
        assert isinstance(things, AsyncGenerator)
        async with aclosing(things):
            async for thing in things:
                self._things.put_nowait(thing)

    async def next(self) -> T:
        async with asyncio.timeout(PATIENCE):
            return await self._things.get()

    async def take(self, count: int) -> list[T]:
        return [await self.next() for _ in range(count)]

    async def is_silent(self) -> bool:
        await asyncio.sleep(SILENCE)
        return self._things.empty()


@asynccontextmanager
async def consuming(
    bus: Bus, role: Role = BUILDING, *, prefetch: int = 20
) -> AsyncIterator[Inbox[Message]]:
    """Consume during the block; whatever is unsettled after it goes back."""
    inbox = Inbox[Message]()
    async with in_background(inbox.fill(bus.messages(role, prefetch=prefetch))):
        yield inbox


@asynccontextmanager
async def following(
    bus: Bus, after: str | None = None, *, has_missed: bool = False
) -> AsyncIterator[Inbox[Event | StreamPosition]]:
    """Follow during the block, beginning when the follower listens."""
    inbox = Inbox[Event | StreamPosition]()
    async with in_background(inbox.fill(bus.tail(after))):
        place = await inbox.next()
        assert isinstance(place, StreamPosition)
        assert place.has_missed is has_missed
        yield inbox


@asynccontextmanager
async def in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        try:
            yield
        finally:
            task.cancel()


async def seen_until(
    last: Event, inbox: Inbox[Event | StreamPosition]
) -> list[Event | StreamPosition]:
    """Return what a follower was given up to an event."""
    seen = [await inbox.next()]
    while seen[-1] != last:
        seen.append(await inbox.next())
    return seen


def event_of(message: Message) -> Event:
    return Event.from_bytes(message.body)


def ids(messages: list[Message]) -> set[str]:
    return {event_of(message).id for message in messages}


async def bury_one(bus: Bus, *, role: Role = BUILDING, error: str = "broken") -> Event:
    event = an_event()
    await bus.publish([event])
    async with consuming(bus, role) as inbox:
        await (await inbox.next()).dead_letter(error=error)
    return event


async def test_an_event_reaches_every_role_that_wants_it(bus_factory: OpenBus) -> None:
    event = an_event(commit="abc", note="ünïcödé ☃")

    async with bus_factory(BUILDING, TELLING) as bus:
        await bus.publish([event])
        async with consuming(bus, BUILDING) as one, consuming(bus, TELLING) as other:
            messages = [await one.next(), await other.next()]

        assert [event_of(message) for message in messages] == [event, event]


async def test_an_event_reaches_no_role_that_does_not_want_it(
    bus_factory: OpenBus,
) -> None:
    async with bus_factory(BUILDING, TELLING) as bus:
        await bus.publish([an_event("build.finished.v2")])
        async with consuming(bus, BUILDING) as one, consuming(bus, TELLING) as other:
            await (await other.next()).ack()

            assert await one.is_silent()


async def test_an_event_waits_for_a_consumer_to_come(bus_factory: OpenBus) -> None:
    event = an_event()
    async with bus_factory(BUILDING) as bus:
        await bus.publish([event])

    async with bus_factory(BUILDING) as bus, consuming(bus) as inbox:
        assert event_of(await inbox.next()) == event


async def test_a_consumer_is_woken_by_an_event(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus, consuming(bus) as inbox:
        assert await inbox.is_silent()
        event = an_event()
        await bus.publish([event])

        assert event_of(await inbox.next()) == event


async def test_what_one_process_publishes_another_consumes(
    bus_factory: OpenBus,
) -> None:
    event = an_event()

    async with (
        bus_factory(BUILDING) as here,
        bus_factory(BUILDING) as there,
        consuming(there) as inbox,
    ):
        await here.publish([event])

        assert event_of(await inbox.next()) == event


async def test_every_event_of_a_batch_arrives(bus_factory: OpenBus) -> None:
    events = [an_event(number=number) for number in range(200)]

    async with bus_factory(BUILDING) as bus, consuming(bus, prefetch=200) as inbox:
        await bus.publish(events)
        messages = await inbox.take(len(events))

    assert ids(messages) == {event.id for event in events}


async def test_publishing_nothing_is_fine(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus, consuming(bus) as inbox:
        await bus.publish([])

        assert await inbox.is_silent()


async def test_an_event_that_no_role_wants_is_published_all_the_same(
    bus_factory: OpenBus,
) -> None:
    async with bus_factory(BUILDING) as bus, consuming(bus) as inbox:
        await bus.publish([an_event("hook.unhealthy.v2"), wanted := an_event()])

        assert event_of(await inbox.next()) == wanted


async def test_a_large_event_arrives_whole(bus_factory: OpenBus) -> None:
    event = an_event(text="x" * 1_000_000)

    async with bus_factory(BUILDING) as bus, consuming(bus) as inbox:
        await bus.publish([event])

        assert event_of(await inbox.next()) == event


async def test_an_acknowledged_message_never_comes_again(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus:
        await bus.publish([an_event()])
        async with consuming(bus) as inbox:
            await (await inbox.next()).ack()

        async with consuming(bus) as inbox:
            assert await inbox.is_silent()


async def test_an_unsettled_message_comes_back_when_its_consumer_stops(
    bus_factory: OpenBus,
) -> None:
    event = an_event()

    async with bus_factory(BUILDING) as bus:
        await bus.publish([event])
        async with consuming(bus) as inbox:
            await inbox.next()

        async with consuming(bus) as inbox:
            assert event_of(await inbox.next()) == event


async def test_an_unsettled_message_comes_back_when_its_process_ends(
    bus_factory: OpenBus,
) -> None:
    events = [an_event(), an_event()]

    async with bus_factory(BUILDING) as staying:
        async with bus_factory(BUILDING) as leaving:
            await leaving.publish(events)
            async with consuming(leaving) as inbox:
                await inbox.take(2)

        async with consuming(staying) as inbox:
            assert ids(await inbox.take(2)) == {event.id for event in events}


async def test_the_first_attempt_is_attempt_one(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus, consuming(bus) as inbox:
        await bus.publish([an_event()])

        assert (await inbox.next()).attempt == 1


async def test_a_message_comes_again_after_its_delay_and_not_before(
    bus_factory: OpenBus,
) -> None:
    event = an_event()

    async with bus_factory(BUILDING) as bus, consuming(bus) as inbox:
        await bus.publish([event])
        first = await inbox.next()
        started = asyncio.get_running_loop().time()
        await first.retry(after=DELAY, error="not yet")
        second = await inbox.next()
        waited = asyncio.get_running_loop().time() - started

    assert event_of(second) == event
    assert second.attempt == 2
    assert waited >= DELAY.total_seconds() * 0.95


async def test_a_message_without_delay_comes_again_at_once(
    bus_factory: OpenBus,
) -> None:
    async with bus_factory(BUILDING) as bus, consuming(bus) as inbox:
        await bus.publish([an_event()])
        for attempt in range(1, 6):
            message = await inbox.next()
            assert message.attempt == attempt
            await message.retry(after=timedelta(), error="again")


async def test_a_delayed_message_holds_up_no_other(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus, consuming(bus, prefetch=1) as inbox:
        await bus.publish([an_event()])
        await (await inbox.next()).retry(after=timedelta(minutes=5), error="later")
        await bus.publish([other := an_event()])

        assert event_of(await inbox.next()) == other


async def test_a_retry_concerns_one_role_only(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING, TELLING) as bus:
        await bus.publish([an_event()])
        async with consuming(bus, BUILDING) as one, consuming(bus, TELLING) as other:
            await (await other.next()).ack()
            await (await one.next()).retry(after=timedelta(), error="again")
            await one.next()

            assert await other.is_silent()


async def test_no_more_than_the_prefetch_is_unsettled_at_once(
    bus_factory: OpenBus,
) -> None:
    async with bus_factory(BUILDING) as bus, consuming(bus, prefetch=3) as inbox:
        await bus.publish([an_event() for _ in range(5)])
        messages = await inbox.take(3)

        assert await inbox.is_silent()
        await messages[0].ack()
        await messages[1].retry(after=timedelta(minutes=5), error="later")
        await inbox.take(2)
        assert await inbox.is_silent()


async def test_two_consumers_of_a_role_share_its_messages(
    bus_factory: OpenBus,
) -> None:
    events = [an_event(number=number) for number in range(60)]
    given: list[str] = []

    async def work(bus: Bus) -> None:
        async with consuming(bus, prefetch=4) as inbox:
            while len(given) < len(events):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SILENCE):
                        message = await inbox.next()
                        given.append(event_of(message).id)
                        await message.ack()

    async with bus_factory(BUILDING) as one, bus_factory(BUILDING) as other:
        await one.publish(events)
        async with asyncio.TaskGroup() as group:
            group.create_task(work(one))
            group.create_task(work(other))

    assert sorted(given) == sorted(event.id for event in events)


async def test_publishers_at_the_same_time_lose_nothing(bus_factory: OpenBus) -> None:
    events = [an_event() for _ in range(40)]

    async with bus_factory(BUILDING) as bus, consuming(bus, prefetch=40) as inbox:
        async with asyncio.TaskGroup() as group:
            for event in events:
                group.create_task(bus.publish([event]))

        assert ids(await inbox.take(40)) == {item.id for item in events}


async def test_a_buried_message_is_a_dead_letter_with_its_reason(
    bus_factory: OpenBus,
) -> None:
    async with bus_factory(BUILDING) as bus:
        event = await bury_one(bus, error="ValueError: no such build 💥")

        (letter,) = await bus.dead_letters()
        assert letter.role == BUILDING.name
        assert Event.from_bytes(letter.event) == event
        assert letter.attempts == 1
        assert letter.error == "ValueError: no such build 💥"
        assert letter.died_at.tzinfo is not None


async def test_what_waits_and_what_died_is_counted_by_role(
    bus_factory: OpenBus,
) -> None:
    async with bus_factory(BUILDING, TELLING) as bus:
        await bury_one(bus)
        expected = {BUILDING.name: (0, 1), TELLING.name: (1, 0)}
        found = {}
        # Brokers count a moment later.
        for _ in range(100):
            found = await counted(bus)
            if found == expected:
                break
            await asyncio.sleep(0.05)

        assert found == expected


async def counted(bus: Bus) -> dict[str, tuple[int, int]]:
    """Return how many messages of each role wait, and how many died."""
    return {depth.role: (depth.waiting, depth.dead) for depth in await bus.depths()}


async def test_a_dead_letter_stays_dead(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus:
        await bury_one(bus)

    async with bus_factory(BUILDING) as bus, consuming(bus) as inbox:
        assert await inbox.is_silent()
        assert len(await bus.dead_letters()) == 1


async def test_attempts_are_counted_until_the_end(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus:
        await bus.publish([an_event()])
        async with consuming(bus) as inbox:
            await (await inbox.next()).retry(after=timedelta(), error="again")
            await (await inbox.next()).dead_letter(error="enough")

        (letter,) = await bus.dead_letters()
        assert letter.attempts == 2


async def test_burying_concerns_one_role_only(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING, TELLING) as bus:
        event = await bury_one(bus, role=BUILDING)

        async with consuming(bus, TELLING) as inbox:
            assert event_of(await inbox.next()) == event


async def test_dead_letters_are_listed_by_role_oldest_first(
    bus_factory: OpenBus,
) -> None:
    async with bus_factory(BUILDING, TELLING) as bus:
        buried = [await bury_one(bus, error=str(number)) for number in range(3)]
        async with consuming(bus, TELLING) as inbox:
            await (await inbox.next()).dead_letter(error="other role")

        letters = await bus.dead_letters(BUILDING.name)
        assert [Event.from_bytes(letter.event) for letter in letters] == buried
        assert [letter.error for letter in letters] == ["0", "1", "2"]
        assert len(await bus.dead_letters()) == 4
        assert await bus.dead_letters("nobody") == []


async def test_looking_at_dead_letters_changes_nothing(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus:
        await bury_one(bus)

        first = await bus.dead_letters()
        assert await bus.dead_letters() == first


async def test_a_requeued_letter_comes_as_if_for_the_first_time(
    bus_factory: OpenBus,
) -> None:
    async with bus_factory(BUILDING, TELLING) as bus:
        event = await bury_one(bus)
        (letter,) = await bus.dead_letters()
        async with consuming(bus, TELLING) as inbox:
            await (await inbox.next()).ack()

            async with consuming(bus, BUILDING) as building:
                await bus.requeue(letter.id)
                message = await building.next()
                assert event_of(message) == event
                assert message.attempt == 1
                await message.ack()
            assert await inbox.is_silent()
        assert await bus.dead_letters() == []


async def test_a_requeued_letter_can_die_again(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus:
        await bury_one(bus, error="first")
        (letter,) = await bus.dead_letters()
        await bus.requeue(letter.id)
        async with consuming(bus) as inbox:
            await (await inbox.next()).dead_letter(error="second")

        (letter,) = await bus.dead_letters()
        assert letter.error == "second"
        assert letter.attempts == 1


async def test_a_dropped_letter_is_gone_and_its_neighbours_are_not(
    bus_factory: OpenBus,
) -> None:
    async with bus_factory(BUILDING) as bus:
        for error in ("keep", "drop", "keep too"):
            await bury_one(bus, error=error)
        letters = {
            dead_letter.error: dead_letter for dead_letter in await bus.dead_letters()
        }
        await bus.drop(letters["drop"].id)

        assert [dead_letter.error for dead_letter in await bus.dead_letters()] == [
            "keep",
            "keep too",
        ]


@pytest.mark.parametrize("letter", ["", "1", "building", "9" * 40, "é\x00"])
async def test_a_letter_that_is_not_there_is_said_to_be_missing(
    bus_factory: OpenBus, letter: str
) -> None:
    async with bus_factory(BUILDING) as bus:
        with pytest.raises(NotFoundError):
            await bus.requeue(letter)
        with pytest.raises(NotFoundError):
            await bus.drop(letter)


async def test_a_message_is_settled_once(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus, consuming(bus) as inbox:
        await bus.publish([an_event()])
        message = await inbox.next()
        await message.ack()

        with pytest.raises(ServiceError):
            await message.ack()
        with pytest.raises(ServiceError):
            await message.retry(after=timedelta(), error="too late")
        with pytest.raises(ServiceError):
            await message.dead_letter(error="too late")


async def test_a_follower_sees_every_event_from_now_on(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus:
        await bus.publish([an_event()])
        async with following(bus) as inbox:
            events = [an_event("build.started.v2"), an_event(), an_event("x.y.v1")]
            await bus.publish(events)

            assert await seen_until(events[-1], inbox) == events


async def test_a_follower_takes_nothing_from_consumers(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus:
        async with following(bus) as inbox:
            await bus.publish([event := an_event()])
            await seen_until(event, inbox)

        async with consuming(bus) as messages:
            assert event_of(await messages.next()) == event


async def test_every_follower_sees_what_any_process_publishes(
    bus_factory: OpenBus,
) -> None:
    async with (
        bus_factory(BUILDING) as here,
        bus_factory(BUILDING) as there,
        following(here) as one,
        following(there) as other,
    ):
        await there.publish([event := an_event()])

        assert await seen_until(event, one) == [event]
        assert await seen_until(event, other) == [event]


async def test_a_follower_who_comes_back_gets_what_passed_or_is_told(
    bus_factory: OpenBus,
) -> None:
    events = [an_event(number=number) for number in range(3)]
    inbox = Inbox[Event | StreamPosition]()
    async with bus_factory(BUILDING) as bus:
        await bus.publish(events)
        async with in_background(inbox.fill(bus.tail(events[0].id))):
            place = await inbox.next()
            await bus.publish([last := an_event()])
            seen = await seen_until(last, inbox)

    assert isinstance(place, StreamPosition)
    assert seen == [last] if place.has_missed else [*events[1:], last]


async def test_a_place_that_the_bus_does_not_know_is_told(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus:
        await bus.publish([an_event()])
        async with following(bus, "nobody's", has_missed=True) as inbox:
            await bus.publish([event := an_event()])

            assert await seen_until(event, inbox) == [event]


async def test_a_bus_that_runs_answers_a_ping(bus_factory: OpenBus) -> None:
    async with bus_factory(BUILDING) as bus:
        await bus.ping()
