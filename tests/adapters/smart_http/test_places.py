"""Hosts that are slow keep neither the workers nor the places of others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from service.adapters.smart_http.places import (
    AT_ONCE,
    AT_ONCE_OF_HOST,
    WAIT,
    PackPlaces,
)
from service.errors import BusyError
from service.settings import Settings

AT_MOST = timedelta(seconds=0.05)


def at(number: int) -> str:
    return f"https://git{number}.example/owner/name.git"


async def take_all_of(stack: AsyncExitStack, places: PackPlaces, number: int) -> None:
    for _ in range(AT_ONCE_OF_HOST):
        await stack.enter_async_context(places.place(at(number)))


def test_by_default_one_host_keeps_no_more_than_half_of_what_evaluates() -> None:
    settings = Settings()

    assert settings.evaluation.concurrency // 2 >= AT_ONCE_OF_HOST
    assert settings.remote.deadline < WAIT


async def test_who_waits_for_its_own_host_gives_up_and_another_host_is_read() -> None:
    places = PackPlaces(host_wait=AT_MOST)
    async with AsyncExitStack() as stack:
        await take_all_of(stack, places, 1)

        with pytest.raises(BusyError, match=r"repositories of git1\.example"):
            await stack.enter_async_context(places.place(at(1)))

        async with places.place(at(2)):
            pass


@asynccontextmanager
async def all_taken(places: PackPlaces) -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        for number in range(AT_ONCE // AT_ONCE_OF_HOST):
            await take_all_of(stack, places, number)
        yield stack


async def test_who_waits_for_others_is_not_blamed() -> None:
    places = PackPlaces(wait=AT_MOST)
    async with all_taken(places):
        with pytest.raises(BusyError, match=r"git99\.example was not asked yet"):
            async with places.place(at(99)):
                pass


async def test_who_waits_for_others_has_its_turn_after_them() -> None:
    places = PackPlaces(host_wait=AT_MOST)

    async def read() -> None:
        async with places.place(at(99)):
            pass

    async with all_taken(places) as slow, asyncio.TaskGroup() as group:
        reading = group.create_task(read())
        await asyncio.sleep(2 * AT_MOST.total_seconds())
        assert not reading.done()
        await slow.aclose()
