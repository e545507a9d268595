"""What fails waits, longer each time, and not for ever."""

from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import cast

import pytest

from consumers.runner import BACKOFF, MAX_ATTEMPTS, Runner
from consumers.subscriptions import EVALUATION
from service.errors import TransientError
from service.events.envelope import Event
from service.events.models import Data, PushReceived, RepositoryData
from service.ports.bus import Bus, Message, Role
from tests.support.clock import NOW

REPOSITORY = RepositoryData(host="github.com", path="ada/pi", url="https://g/ada/pi")


class Recorded:
    """A message that was tried before, and what becomes of it now."""

    def __init__(self, *, attempt: int) -> None:
        data = PushReceived(
            repository=REPOSITORY,
            ref="refs/heads/main",
            trigger="push",
            received_at=NOW,
        )
        self.body = Event.of(data, id=f"event-{attempt}", time=NOW).to_bytes()
        self.attempt = attempt
        self.waits: timedelta | None = None
        self.is_dead_letter = False

    async def ack(self) -> None:
        raise AssertionError

    async def retry(self, *, after: timedelta, error: str) -> None:
        assert error == "TransientError: the forge is away"
        self.waits = after

    async def dead_letter(self, *, error: str) -> None:
        assert error == "TransientError: the forge is away"
        self.is_dead_letter = True


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
    await Runner(bus=bus, role=EVALUATION, handle=handle, prefetch=1).run()


async def test_each_wait_is_twice_the_one_before_up_to_the_longest() -> None:
    messages = [Recorded(attempt=number) for number in range(1, MAX_ATTEMPTS)]

    await run(*messages)

    waits = [message.waits.total_seconds() for message in messages if message.waits]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert waits[-1] == BACKOFF.longest.total_seconds()
    assert not any(message.is_dead_letter for message in messages)


async def test_what_failed_too_often_waits_no_more_and_is_a_dead_letter() -> None:
    message = Recorded(attempt=MAX_ATTEMPTS)

    await run(message)

    assert message.is_dead_letter
    assert message.waits is None


@pytest.mark.parametrize(("asked", "waits"), [(60, 60), (1, 4)])
async def test_who_asks_to_be_left_alone_for_longer_is(asked: int, waits: int) -> None:
    message = Recorded(attempt=3)

    await run(message, retry_after=timedelta(seconds=asked))

    assert message.waits == timedelta(seconds=waits)
