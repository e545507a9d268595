"""Processes that are started without a copy of this one, on either loop."""

import asyncio
import gc
import os
import signal
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Coroutine
from pathlib import Path
from threading import enumerate as enumerate_threads
from typing import Any, TypeVar

import pytest

from service.adapters.processes import DEVNULL, PIPE, STDOUT, start_process
from tests.support.loops import EITHER_LOOP

BIG = b"line\n" * 400_000
"""More than any buffer between two processes takes."""

Loop = Callable[[], AbstractEventLoop]
Result = TypeVar("Result")


def run(loop: Loop, work: Coroutine[Any, Any, Result]) -> Result:
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work)


def open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


async def is_closed(before: int) -> bool:
    """Return whether what the loop closes a turn later is closed."""
    # Each look has the whole heap of the test process searched.
    for seconds in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4):
        if open_files() <= before:
            return True
        await asyncio.sleep(seconds)
    return open_files() <= before


@EITHER_LOOP
def test_what_is_sent_comes_back_and_nothing_stays_open(loop: Loop) -> None:
    async def work() -> None:
        await (await start_process("true", stdin=PIPE)).wait()  # uvloop opens its own
        before = open_files()
        for _ in range(3):
            process = await start_process("cat", stdin=PIPE, stdout=PIPE, stderr=PIPE)
            assert process.stdin is not None
            process.stdin.write(BIG)
            process.stdin.close()
            assert await process.communicate() == (BIG, b"")
            assert await process.wait() == process.returncode == 0
        assert await is_closed(before)

    run(loop, work())


@EITHER_LOOP
def test_output_and_error_are_two_or_one(loop: Loop) -> None:
    say = "echo out; echo err >&2; exit 3"

    async def work() -> None:
        apart = await start_process("sh", "-c", say, stdout=PIPE, stderr=PIPE)
        assert await apart.communicate() == (b"out\n", b"err\n")
        assert apart.returncode == 3
        joined = await start_process("sh", "-c", say, stdout=PIPE, stderr=STDOUT)
        assert await joined.communicate() == (b"out\nerr\n", b"")
        silent = await start_process("sh", "-c", say, stdout=DEVNULL, stderr=DEVNULL)
        assert await silent.communicate() == (b"", b"")

    run(loop, work())


@EITHER_LOOP
def test_it_has_the_folder_the_environment_and_the_session_that_it_was_given(
    loop: Loop, tmp_path: Path
) -> None:
    shown = "os.getcwd(), os.environ['SEEN'], os.getsid(0) - os.getpid()"

    async def work() -> bytes:
        process = await start_process(
            *(sys.executable, "-c", f"import os; print({shown})"),
            stdout=PIPE,
            cwd=tmp_path,
            env={"SEEN": "this"},
            start_new_session=True,
        )
        return (await process.communicate())[0]

    assert run(loop, work()).decode().split() == [str(tmp_path), "this", "0"]


@EITHER_LOOP
def test_a_signal_that_ended_it_is_its_status(loop: Loop) -> None:
    async def work() -> list[int]:
        ended = []
        for end in ("terminate", "kill"):
            process = await start_process("sleep", "60")
            assert process.returncode is None
            getattr(process, end)()
            ended.append(await process.wait())
        return ended

    assert run(loop, work()) == [-signal.SIGTERM, -signal.SIGKILL]


@EITHER_LOOP
def test_what_is_no_program_is_an_error_that_leaves_nothing_open(loop: Loop) -> None:
    async def work() -> None:
        await (await start_process("true", stdin=PIPE)).wait()  # uvloop opens its own
        before = open_files()
        with pytest.raises(FileNotFoundError):
            await start_process("/no/such/program", stdin=PIPE, stdout=PIPE)
        assert await is_closed(before)

    run(loop, work())


@EITHER_LOOP
def test_who_stops_waiting_may_wait_again(loop: Loop) -> None:
    async def work() -> int:
        process = await start_process("cat", stdin=PIPE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await process.wait()
        assert process.stdin is not None
        process.stdin.close()
        return await process.wait()

    assert run(loop, work()) == 0


@EITHER_LOOP
def test_a_loop_that_ends_first_hears_no_complaint(loop: Loop) -> None:
    reading, writing = os.pipe()

    async def work() -> int:
        with os.fdopen(reading, "rb") as theirs:
            return (await start_process("cat", stdin=theirs)).pid

    pid = run(loop, work())
    (waiting,) = (each for each in enumerate_threads() if each.name == f"process {pid}")
    os.close(writing)
    waiting.join(timeout=30)

    # What it raised would be a warning, and so an error.
    assert not waiting.is_alive()
