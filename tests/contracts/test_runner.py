"""The consumers' loop over every bus: one bad message never blocks a queue."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from consumers.runner import MAX_BUG_ATTEMPTS, Handle, Runner
from service.adapters.clock import UlidIds
from service.errors import PermanentError, TransientError
from service.events.envelope import Event
from service.events.models import Data, PushReceived, RepositoryData
from service.ports.bus import Bus, DeadLetter, Role
from tests.contracts.conftest import OpenBus
from tests.support.clock import NOW

ROLE: Final = Role(name="evaluate", events=("push.received.v2",))
PREFETCH: Final = 2
"""Fewer than there are bad messages: waiting for them would block all others."""
PATIENCE: Final = 20
"""Seconds: the waits of a handler with a bug add up to seven."""


def a_push(ref: str) -> Event:
    data = PushReceived(
        repository=RepositoryData(
            host="github.com", path="ada/pi", url="https://github.com/ada/pi"
        ),
        ref=ref,
        trigger="push",
        received_at=NOW,
    )
    return Event.of(data, id=UlidIds().new(), time=NOW)


def undecodable() -> Event:
    """Make an event of a known type whose data is nothing that we know."""
    event = a_push("undecodable")
    return Event(id=event.id, type=event.type, time=NOW, data={"repository": 3.14})


class Consumer:
    """Handles pushes by what their ref says."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.tried: dict[str, int] = {}

    async def handle(self, event: Event, data: Data) -> None:
        del event
        assert isinstance(data, PushReceived)
        ref = data.ref
        self.tried[ref] = self.tried.get(ref, 0) + 1
        if ref == "permanent":
            raise PermanentError("nothing will ever help")
        if ref == "bug":
            raise KeyError("a consumer's fault")
        if ref == "soon" and self.tried[ref] == 1:
            raise TransientError("not now")
        self.handled.append(ref)


@asynccontextmanager
async def running(bus: Bus, handle: Handle) -> AsyncIterator[None]:
    runner = Runner(bus=bus, role=ROLE, handle=handle, prefetch=PREFETCH)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runner.run())
        yield
        task.cancel()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - a consumer tells nobody
            await asyncio.sleep(0.02)


async def dead(bus: Bus, count: int) -> list[DeadLetter]:
    """Wait for so many dead letters."""
    async with asyncio.timeout(PATIENCE):
        while True:
            letters = await bus.dead_letters(ROLE.name)
            if len(letters) >= count:
                return list(letters)
            await asyncio.sleep(0.1)


async def test_bad_messages_die_with_their_reason_and_the_good_ones_pass(
    bus_factory: OpenBus,
) -> None:
    consumer = Consumer()
    good = [f"refs/heads/{number}" for number in range(30)]
    bad = [undecodable(), undecodable(), undecodable(), *map(a_push, ["permanent"] * 4)]
    async with bus_factory(ROLE) as bus:
        await bus.publish([*bad, a_push("bug"), a_push("soon")])
        await bus.publish([a_push(ref) for ref in good])

        async with running(bus, consumer.handle):
            await until(lambda: set(good) <= set(consumer.handled))
            tried = consumer.tried["bug"]
            await until(lambda: "soon" in consumer.handled)
            letters = await dead(bus, len(bad) + 1)

    assert tried < MAX_BUG_ATTEMPTS, "the good ones did not wait for it"
    assert len(letters) == len(bad) + 1
    reasons = sorted(letter.error.partition(":")[0] for letter in letters)
    assert (
        reasons == ["KeyError", *["PermanentError"] * 4] + ["UndecodableEventError"] * 3
    )
    assert consumer.tried["permanent"] == 4
    assert consumer.tried["bug"] == MAX_BUG_ATTEMPTS
    assert consumer.tried["soon"] == 2


async def test_what_died_of_a_mended_cause_lives_again(bus_factory: OpenBus) -> None:
    consumer = Consumer()
    async with bus_factory(ROLE) as bus:
        await bus.publish([a_push("permanent"), undecodable()])
        async with running(bus, consumer.handle):
            letters = await dead(bus, 2)
        mended: list[str] = []

        async def handle(event: Event, data: Data) -> None:
            del event
            assert isinstance(data, PushReceived)
            mended.append(data.ref)

        for letter in letters:
            await bus.requeue(letter.id)
        async with running(bus, handle):
            await until(lambda: mended == ["permanent"])
            (again,) = await dead(bus, 1)

    assert again.error.startswith("UndecodableEventError")
