"""What the embedded bus promises beyond its port."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import func, select, text

from service.adapters.embedded_bus.bus import (
    LEASE,
    RENEW,
    TRIM_EVERY,
    TableBus,
)
from service.adapters.embedded_bus.event_tail import RETENTION
from service.adapters.embedded_bus.queue import Lease, Queue
from service.adapters.store import Database, open_database
from service.adapters.store.tables.bus import bus_events
from service.domain.hook import Secret
from service.errors import PermanentError
from service.events.envelope import Event
from service.ports.bus import Message, Role, StreamPosition
from tests.contracts.conftest import OpenDatabase
from tests.support.clock import NOW, TurnedClock
from tests.support.databases import TEST_KEY, postgresql_schema

KEY: Final = Secret(TEST_KEY)
ROLE: Final = Role(name="building", events=("x.v1",))


def an_event(name: str) -> Event:
    return Event(id=name, type="dev.relaunch.x.v1", time=NOW, data={})


def a_bus(database: Database, clock: TurnedClock) -> TableBus:
    return TableBus(database, roles=[ROLE], clock=clock)


@asynccontextmanager
async def consuming(bus: TableBus) -> AsyncIterator[AsyncGenerator[Message]]:
    messages = bus.messages(ROLE, prefetch=9)
    assert isinstance(messages, AsyncGenerator)
    async with aclosing(messages):
        yield messages


async def waiting(bus: TableBus, *, least: int = 0) -> list[str]:
    """Take and acknowledge what comes: so many, and whatever comes a moment after."""
    names: list[str] = []
    loop = asyncio.get_running_loop()
    async with consuming(bus) as messages:
        with suppress(TimeoutError):
            async with asyncio.timeout(15 if least else 0.3) as limit:
                async for message in messages:
                    names.append(Event.from_bytes(message.body).id)
                    await message.ack()
                    if len(names) >= least:
                        limit.reschedule(loop.time() + 0.3)
    return names


async def count(database: Database) -> int:
    async with database.reading() as connection:
        number = await connection.scalar(select(func.count()).select_from(bus_events))
    assert number is not None
    return number


async def test_an_event_published_again_is_not_carried_again(
    databases: OpenDatabase,
) -> None:
    async with databases() as database:
        bus = a_bus(database, TurnedClock())
        await bus.publish([an_event("one"), an_event("one")])
        assert await waiting(bus, least=1) == ["one"]

        await bus.publish([an_event("one"), an_event("two")])
        assert await waiting(bus, least=1) == ["two"]


async def test_messages_come_in_the_order_they_were_published(
    databases: OpenDatabase,
) -> None:
    names = [f"{number:02}" for number in range(30)]
    async with databases() as database:
        bus = a_bus(database, TurnedClock())
        await bus.publish([an_event(name) for name in reversed(names)])

        assert await waiting(bus, least=len(names)) == names[::-1]


async def test_old_events_are_forgotten_once_every_role_has_handled_them(
    databases: OpenDatabase,
) -> None:
    clock = TurnedClock()
    async with databases() as database:
        bus = a_bus(database, clock)
        await bus.publish([an_event("handled")])
        await waiting(bus, least=1)
        await bus.publish([an_event("unhandled")])

        clock.advance(RETENTION - TRIM_EVERY)
        await bus.publish([])
        assert await count(database) == 2
        clock.advance(2 * TRIM_EVERY)
        await bus.publish([])
        assert await count(database) == 1
        assert await waiting(bus, least=1) == ["unhandled"]


async def test_what_a_killed_process_had_claimed_is_free_within_fifteen_seconds(
    databases: OpenDatabase,
) -> None:
    # For who is killed, time stands still.
    stopped, clock = TurnedClock(), TurnedClock()
    async with databases() as database, databases() as survivors:
        killed, bus = a_bus(database, stopped), a_bus(survivors, clock)
        await bus.publish([an_event("one")])
        async with consuming(killed) as silent:
            stale = await anext(silent)
            clock.advance(timedelta(seconds=11))
            assert await waiting(bus) == []
            clock.advance(timedelta(seconds=4))

            async with consuming(bus) as messages:
                fresh = await anext(messages)
                # Too late: the message is another consumer's by now.
                await stale.dead_letter(error="too late")
                assert await bus.dead_letters() == []
                await fresh.ack()
        assert await waiting(bus) == []


async def held_until(database: Database) -> datetime:
    async with database.reading() as connection:
        until = await Queue(connection).free_at([ROLE.name])
    assert until
    return until


async def renewed(database: Database, clock: TurnedClock) -> None:
    async with asyncio.timeout(10):
        while await held_until(database) < clock.now() + LEASE:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_a_message_that_is_handled_for_long_stays_its_consumers(
    databases: OpenDatabase,
) -> None:
    clock = TurnedClock()
    async with databases() as database, databases() as others:
        bus = a_bus(database, clock)
        await bus.publish([an_event("long")])
        async with consuming(bus) as messages:
            message = await anext(messages)
            for _ in range(10):
                await clock.until_asleep()
                clock.advance(RENEW)
                await renewed(database, clock)
            assert await waiting(a_bus(others, clock)) == []

            await message.ack()
        assert await waiting(bus) == []


REFUSE: Final = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'try again' USING ERRCODE = 'serialization_failure'; END $$
"""


@asynccontextmanager
async def refusing_to_delete(database: Database) -> AsyncIterator[None]:
    """Let every settlement fail as it does beside another transaction."""
    trigger = "BEFORE DELETE ON bus_queue FOR EACH ROW EXECUTE FUNCTION refuse()"
    async with database.writing() as connection:
        await connection.execute(text(REFUSE))
        await connection.execute(text(f"CREATE TRIGGER refuse {trigger}"))
    yield
    async with database.writing() as connection:
        await connection.execute(text("DROP FUNCTION refuse CASCADE"))


@pytest.mark.postgresql
async def test_a_message_whose_settlement_failed_comes_again_to_who_had_it() -> None:
    clock = TurnedClock()
    async with postgresql_schema() as url, open_database(url, keys=[KEY]) as database:
        bus = a_bus(database, clock)
        await bus.publish([an_event("one"), an_event("two")])
        async with consuming(bus) as messages:
            lost, kept = await anext(messages), await anext(messages)
            async with refusing_to_delete(database):
                await lost.ack()
            for _ in range(LEASE // RENEW):
                await clock.until_asleep()
                clock.advance(RENEW)

            async with asyncio.timeout(10):
                again = await anext(messages)
            assert again.body == lost.body
            await again.ack()
            await kept.ack()
        assert await waiting(bus) == []


async def test_a_message_waits_as_long_as_the_clock_says(
    databases: OpenDatabase,
) -> None:
    clock = TurnedClock()
    async with databases() as database:
        bus = a_bus(database, clock)
        await bus.publish([an_event("one")])
        async with consuming(bus) as messages:
            message = await anext(messages)
            await message.retry(after=timedelta(hours=1), error="later")

        clock.advance(timedelta(minutes=59))
        assert await waiting(bus) == []
        clock.advance(timedelta(minutes=1))
        assert await waiting(bus, least=1) == ["one"]


async def test_what_a_process_held_when_it_died_is_free_when_the_next_one_starts(
    tmp_path: Path,
) -> None:
    url, clock, keys = f"sqlite:///{tmp_path}/relaunch.db", TurnedClock(), [KEY]
    lease = Lease(owner="the dead", until=NOW + LEASE)
    async with open_database(url, keys=keys) as database:
        await a_bus(database, clock).publish([an_event("one")])
        async with database.writing() as connection:
            queue = Queue(connection)
            assert await queue.claim([ROLE.name], lease, now=NOW, limit=9)

    async with open_database(url, keys=keys) as database:
        assert await waiting(a_bus(database, clock), least=1) == ["one"]


async def test_a_consumer_that_stops_uses_up_no_attempt(
    databases: OpenDatabase,
) -> None:
    async with databases() as database:
        bus = a_bus(database, TurnedClock())
        await bus.publish([an_event("one")])
        for _ in range(3):
            async with consuming(bus) as messages:
                assert (await anext(messages)).attempt == 1


async def test_a_consumer_that_stops_after_the_database_does_no_harm(
    databases: OpenDatabase,
) -> None:
    async with databases() as kept:
        async with databases() as database:
            bus = a_bus(database, TurnedClock())
            await bus.publish([an_event("one")])
            messages = bus.messages(ROLE, prefetch=9)
            await anext(messages)
        assert isinstance(messages, AsyncGenerator)
        await messages.aclose()

        await kept.ping()


async def test_a_role_that_was_not_declared_has_no_messages(
    databases: OpenDatabase,
) -> None:
    stranger = Role(name="stranger", events=("x.v1",))
    async with databases() as database:
        bus = a_bus(database, TurnedClock())

        with pytest.raises(PermanentError, match="'stranger'"):
            await anext(bus.messages(stranger, prefetch=1))


async def test_a_follower_goes_on_where_it_was(databases: OpenDatabase) -> None:
    async with databases() as database:
        bus = a_bus(database, TurnedClock())
        await bus.publish([an_event("1"), an_event("2"), an_event("3")])

        place, *events = await followed(bus, after="1", count=3)

        assert place == StreamPosition(after="1", has_missed=False)
        assert [event.id for event in events if isinstance(event, Event)] == ["2", "3"]


async def test_a_new_follower_is_told_a_place_to_come_back_to(
    databases: OpenDatabase,
) -> None:
    async with databases() as database:
        bus = a_bus(database, TurnedClock())
        assert await followed(bus) == [StreamPosition(has_missed=False)]

        await bus.publish([an_event("1"), an_event("2")])

        assert await followed(bus) == [StreamPosition(after="2", has_missed=False)]


async def test_a_follower_who_comes_back_after_days_is_told_of_the_gap(
    databases: OpenDatabase,
) -> None:
    """The event is still there, as nobody consumed it; others of its time may not."""
    async with databases() as database:
        clock = TurnedClock()
        bus = a_bus(database, clock)
        await bus.publish([an_event("old")])
        clock.advance(RETENTION + timedelta(seconds=1))
        await bus.publish([an_event("new")])

        assert await followed(bus, after="old") == [
            StreamPosition(after="new", has_missed=True)
        ]


async def followed(
    bus: TableBus, *, after: str | None = None, count: int = 1
) -> list[Event | StreamPosition]:
    """Return what a follower is given first."""
    following = bus.tail(after)
    assert isinstance(following, AsyncGenerator)
    async with aclosing(following) as items:
        return [await anext(items) for _ in range(count)]
