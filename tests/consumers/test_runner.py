"""What fails waits, longer each time, and not for ever."""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import cast

import pytest

from consumers.roles import ASK
from consumers.runner import LONGEST_WAIT, MAX_ATTEMPTS, Runner
from service.errors import TransientError
from service.ports.bus import Bus, Message, Role
from service.wire import Data, Event, PushReceived, RepositoryData
from tests.support.clock import NOW

REPOSITORY = RepositoryData(host="github.com", path="ada/pi", url="https://g/ada/pi")


class Recorded:
    """A message that was tried before, and what becomes of it now."""

    def __init__(self, *, attempt: int) -> None:
        data = PushReceived(repository=REPOSITORY, evidence="push", received_at=NOW)
        self.body = Event.of(data, id=f"event-{attempt}", time=NOW).to_bytes()
        self.attempt = attempt
        self.waits: timedelta | None = None
        self.is_buried = False

    async def ack(self) -> None:
        raise AssertionError

    async def retry(self, *, after: timedelta, error: str) -> None:
        assert error == "TransientError: the forge is away"
        self.waits = after

    async def bury(self, *, error: str) -> None:
        assert error == "TransientError: the forge is away"
        self.is_buried = True


class GivenBus:
    """Has some messages and no more."""

    def __init__(self, messages: Sequence[Recorded]) -> None:
        self._messages = messages

    async def messages(
        self, role: Role, *, prefetch: int
    ) -> AsyncGenerator[Message, None]:
        del role, prefetch
        for message in self._messages:
            yield message


async def run(*messages: Recorded, retry_after: timedelta | None = None) -> None:
    async def handle(event: Event, data: Data) -> None:
        del event, data
        raise TransientError("the forge is away", retry_after=retry_after)

    bus = cast("Bus", GivenBus(messages))
    await Runner(bus=bus, role=ASK, handle=handle, prefetch=1).run()


async def test_each_wait_is_twice_the_one_before_up_to_the_longest() -> None:
    messages = [Recorded(attempt=number) for number in range(1, MAX_ATTEMPTS)]

    await run(*messages)

    waits = [it.waits.total_seconds() for it in messages if it.waits]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert waits[-1] == LONGEST_WAIT.total_seconds()
    assert not any(it.is_buried for it in messages)


async def test_what_failed_too_often_waits_no_more_and_is_buried() -> None:
    message = Recorded(attempt=MAX_ATTEMPTS)

    await run(message)

    assert message.is_buried
    assert message.waits is None


@pytest.mark.parametrize(("asked", "waits"), [(60, 60), (1, 4)])
async def test_who_asks_to_be_left_alone_for_longer_is(asked: int, waits: int) -> None:
    message = Recorded(attempt=3)

    await run(message, retry_after=timedelta(seconds=asked))

    assert message.waits == timedelta(seconds=waits)
