"""A task that is cancelled ends, even where the library forgets that it was."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from aiormq.base import FutureStore

from service.adapters.rabbitmq.errors import leave_quietly, translate_errors
from service.errors import TransientError

Call = Callable[[], Awaitable[None]]


async def forgets() -> None:
    """Answer in spite of a cancellation, as `asyncio.wait_for` may."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def forgets_and_fails() -> None:
    await forgets()
    raise ConnectionResetError


@pytest.mark.parametrize("call", [forgets, forgets_and_fails])
async def test_a_forgotten_cancellation_is_remembered(call: Call) -> None:
    async def work() -> None:
        while True:
            with suppress(TransientError), translate_errors("asking"):
                await call()

    async with asyncio.timeout(2), asyncio.TaskGroup() as group:
        task = group.create_task(work())
        await asyncio.sleep(0)
        task.cancel()

    assert task.cancelled()


@pytest.mark.parametrize("call", [forgets, forgets_and_fails])
async def test_a_cancellation_is_remembered_though_something_is_closed(
    call: Call,
) -> None:
    # As of who asks a node for a sign of life when the bus is closed: it went on.
    async def work() -> None:
        while True:
            with leave_quietly():
                await call()

    async with asyncio.timeout(2), asyncio.TaskGroup() as group:
        task = group.create_task(work())
        await asyncio.sleep(0)
        task.cancel()

    assert task.cancelled()


async def test_what_the_library_cancels_while_it_closes_ends_nobody() -> None:
    closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    closed.cancel()

    with leave_quietly():
        await closed


async def test_a_group_that_failed_before_is_no_cancellation() -> None:
    async def fails() -> None:
        raise TransientError("the broker is away")

    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())

    with translate_errors("publishing"):
        await asyncio.sleep(0)


async def test_a_broker_that_hangs_up_at_once_is_a_failure_that_passes() -> None:
    with pytest.raises(TransientError), translate_errors("connecting"):
        raise StopAsyncIteration


async def test_what_the_library_cancels_itself_is_a_failure_that_passes() -> None:
    closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    closed.cancel()

    with (
        pytest.raises(TransientError, match="the connection was closed"),
        translate_errors("publishing"),
    ):
        await closed


async def test_a_channel_that_ends_for_no_reason_is_a_failure_that_passes() -> None:
    waiting = FutureStore(asyncio.get_running_loop())
    confirmed = waiting.create_future()
    await waiting.reject_all(None)

    with (
        pytest.raises(TransientError, match="acknowledging a message: Exception"),
        translate_errors("acknowledging a message"),
    ):
        await confirmed


async def test_what_is_no_failure_of_the_library_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError), translate_errors("publishing"):
        raise KeyError
