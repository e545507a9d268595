"""The logs of every store: in order, without gaps, capped and redacted."""

import asyncio
from typing import Final

import pytest

from service.adapters.store import SqlStore
from service.adapters.store.repositories.logs import MAX_LINE, MAX_LINES, MAX_SIZE
from service.domain.building.build import BuildId
from service.ports.store import LogLine, Store
from tests.contracts.conftest import OpenDatabase

BUILD: Final = BuildId("build-1")
EVERYTHING: Final = 10**6


async def say(store: Store, *lines: str, build: BuildId = BUILD) -> None:
    async with store.transaction() as tx:
        await tx.logs.append(build, "build", lines)


async def said(store: Store, build: BuildId = BUILD) -> list[LogLine]:
    async with store.reading() as tx:
        return list(await tx.logs.read(build, limit=EVERYTHING))


async def test_lines_are_numbered_from_one_without_gaps(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.logs.append(BUILD, "clone", ["one", "ü \udcff \x00 \\ two"])
        await tx.logs.append(BUILD, "clone", [])
        await tx.logs.append(BUILD, "build", ["three"])
    await say(store, "of another build", build=BuildId("build-2"))

    assert await said(store) == [
        LogLine(seq=1, phase="clone", text="one"),
        LogLine(seq=2, phase="clone", text="ü \udcff \x00 \\ two"),
        LogLine(seq=3, phase="build", text="three"),
    ]


async def test_reading_goes_on_after_a_place(store: Store) -> None:
    await say(store, *"abcdef")

    async with store.reading() as tx:
        lines = await tx.logs.read(BUILD, after=2, limit=3)
        assert [(log_line.seq, log_line.text) for log_line in lines] == [
            (3, "c"),
            (4, "d"),
            (5, "e"),
        ]
        assert await tx.logs.read(BUILD, after=6) == []
        assert await tx.logs.read(BuildId("unknown")) == []


async def test_writers_at_the_same_time_leave_no_gap(databases: OpenDatabase) -> None:
    async with databases() as here, databases() as there:
        async with asyncio.TaskGroup() as group:
            for writer in range(12):
                store = SqlStore(here if writer % 2 else there)
                group.create_task(say(store, f"{writer} a", f"{writer} b"))

        lines = await said(SqlStore(here))
    assert [log_line.seq for log_line in lines] == list(range(1, 25))
    assert [log_line.text[-1] for log_line in lines] == ["a", "b"] * 12


async def test_a_rolled_back_line_leaves_no_gap(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as tx:
            await tx.logs.append(BUILD, "build", ["lost"])
            raise LookupError

    await say(store, "one")
    with pytest.raises(LookupError):
        await fail()
    await say(store, "two")

    assert [(log_line.seq, log_line.text) for log_line in await said(store)] == [
        (1, "one"),
        (2, "two"),
    ]


async def test_a_log_of_too_many_lines_ends_with_a_line_that_says_so(
    store: Store,
) -> None:
    await say(store, *["line"] * (MAX_LINES - 1))
    await say(store, "the last that fits", "one more", "two more")
    await say(store, "later")

    lines = await said(store)
    assert len(lines) == MAX_LINES + 1
    assert lines[-2].text == "the last that fits"
    assert "the log ends here" in lines[-1].text


async def test_a_log_of_too_many_characters_ends_with_a_line_that_says_so(
    store: Store,
) -> None:
    fitting = MAX_SIZE // MAX_LINE
    await say(store, *["x" * MAX_LINE] * (fitting + 10))

    lines = await said(store)
    assert len(lines) == fitting + 1
    assert "the log ends here" in lines[-1].text


async def test_a_line_that_is_far_too_long_is_cut(store: Store) -> None:
    await say(store, "x" * 10 * MAX_LINE, "next")

    long, after = await said(store)
    assert len(long.text) == MAX_LINE
    assert long.text.endswith("x…")
    assert after.text == "next"


async def test_credentials_in_urls_are_not_kept(store: Store) -> None:
    await say(store, "Looking in indexes: https://me:hunter2@pypi.example/simple")

    (line,) = await said(store)
    assert line.text == "Looking in indexes: https://…@pypi.example/simple"
