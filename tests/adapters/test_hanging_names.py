"""Names whose server does not answer keep nobody waiting but those who ask for them."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from service.adapters.egress import ANYWHERE, MOST_NAMES, resolve_name
from service.errors import BusyError, TransientError

SYSTEM = socket.getaddrinfo


@pytest.fixture
def name_server_hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Have the system wait for some names until the event is set."""
    over = threading.Event()

    def wait(host: str, *arguments: Any, **more: Any) -> Any:
        if host.startswith("hangs"):
            over.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return SYSTEM(host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    yield over
    over.set()


async def test_names_that_hang_keep_no_other_work_waiting(
    name_server_hangs: threading.Event,
) -> None:
    async def ask(number: int) -> None:
        with pytest.raises(TransientError, match="cannot be resolved"):
            await ANYWHERE.addresses(f"hangs-{number}.example", 443)

    async with asyncio.TaskGroup() as group:
        for number in range(MOST_NAMES - 1):
            group.create_task(ask(number))
        await asyncio.sleep(0.1)
        try:
            async with asyncio.timeout(5):
                assert await ANYWHERE.addresses("localhost", 443)
                # As the database's and the broker's clients do.
                await asyncio.get_running_loop().getaddrinfo("localhost", 5432)
                await asyncio.to_thread(int)
        finally:
            name_server_hangs.set()


async def test_who_gives_up_leaves_its_place_to_nobody_before_the_system_does(
    name_server_hangs: threading.Event,
) -> None:
    async def give_up(number: int) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await resolve_name(f"hangs-{number}.example", 443)

    async with asyncio.TaskGroup() as group:
        for number in range(MOST_NAMES):
            group.create_task(give_up(number))

    with pytest.raises(BusyError, match="64 other names"):
        await resolve_name("localhost", 443)
    name_server_hangs.set()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await resolve_name("localhost", 443)
            except BusyError:
                await asyncio.sleep(0.01)
            else:
                return


async def test_a_thread_that_cannot_be_started_keeps_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for _ in range(MOST_NAMES + 1):
            with pytest.raises(BusyError, match="new thread"):
                await resolve_name("localhost", 443)

    assert await resolve_name("localhost", 443)


async def test_what_cannot_be_resolved_is_the_systems_error() -> None:
    with pytest.raises(OSError):  # noqa: PT011 - whatever the system says
        await resolve_name("nowhere.invalid", 443)
    with pytest.raises(UnicodeError):
        await resolve_name("\ud800", 443)
