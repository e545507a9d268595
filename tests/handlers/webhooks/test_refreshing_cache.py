"""What was read a moment ago: told while fresh, renewed before it is too old."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta

from handlers.webhooks.refreshing_cache import RefreshingCache
from service.errors import TransientError
from tests.support.clock import TurnedClock

FRESH = timedelta(seconds=10)
MOST = 4
AT_ONCE = 3


class Library:
    """Reads the numbers of a shelf; each read tells how many there were."""

    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.reads: list[set[str]] = []
        self.is_broken = False
        self.memory: RefreshingCache[str, int] = RefreshingCache(
            self.read,
            clock=self.clock,
            fresh=FRESH,
            budget=timedelta(seconds=5),
            most=MOST,
            most_at_once=AT_ONCE,
        )

    async def read(self, keys: Collection[str]) -> None:
        if self.is_broken:
            raise TransientError("the library is closed")
        self.reads.append(set(keys))
        for key in keys:
            self.memory.keep(key, len(self.reads), read_at=self.clock.now())

    def known(self, key: str) -> int | None:
        return self.memory.known(key, now=self.clock.now())

    async def pass_by(self, seconds: float) -> None:
        await settle()
        self.clock.advance(timedelta(seconds=seconds))
        await settle()

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self.memory.run())
            try:
                yield
            finally:
                running.cancel()


async def settle() -> None:
    """Let the loop do all that it can do now."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_was_read_is_told_while_it_is_fresh_and_not_longer() -> None:
    library = Library()
    await library.read(["a"])

    told = []
    for seconds in (0, 4.9, 5, 0.2):
        library.clock.advance(timedelta(seconds=seconds))
        told.append(library.known("a"))

    assert told == [1, 1, 1, None]
    assert library.known("nobody's") is None


async def test_what_is_asked_for_is_renewed_together_before_it_is_too_old() -> None:
    library = Library()
    async with library.renewing():
        await library.read(["a", "b", "quiet"])
        await library.pass_by(6)
        assert (library.known("a"), library.known("b")) == (1, 1)
        await library.pass_by(1)

        told = (library.known("a"), library.known("b"), library.known("quiet"))

    assert told == (2, 2, 1)
    assert library.reads[1:] == [{"a", "b"}]


async def test_what_nobody_asks_for_is_not_read_again() -> None:
    library = Library()
    async with library.renewing():
        await library.read(["quiet"])
        assert library.known("quiet") == 1  # young still
        await library.pass_by(100)

    assert len(library.reads) == 1


async def test_many_are_renewed_a_few_at_once() -> None:
    library = Library()
    keys = ("a", "b", "c", "d")
    async with library.renewing():
        await library.read(keys)
        await library.pass_by(6)
        assert [library.known(key) for key in keys] == [1] * 4
        for _ in range(2):
            await library.pass_by(1)

        assert all(library.known(key) in {2, 3} for key in keys)

    assert [len(read) for read in library.reads[1:]] == [AT_ONCE, 1]


async def test_a_renewal_that_fails_leaves_it_to_those_who_ask_later() -> None:
    library = Library()
    async with library.renewing():
        await library.read(["a"])
        await library.pass_by(6)
        assert library.known("a") == 1
        library.is_broken = True
        await library.pass_by(1)
        assert library.known("a") == 1  # asks for another renewal
        library.is_broken = False
        await library.pass_by(1)

        assert library.known("a") == 2


async def test_an_earlier_read_that_ends_later_does_not_win() -> None:
    library = Library()
    began = library.clock.now()
    library.clock.advance(timedelta(seconds=1))
    await library.read(["a"])

    library.memory.keep("a", 99, read_at=began)

    assert library.known("a") == 1


async def test_what_is_forgotten_is_not_told() -> None:
    library = Library()
    await library.read(["a"])

    library.memory.invalidate("a")
    library.memory.invalidate("nobody's")

    assert library.known("a") is None


async def test_the_oldest_make_room() -> None:
    library = Library()
    for key in ("a", "b", "c", "d", "e"):
        await library.read([key])

    assert [library.known(key) for key in ("a", "b", "e")] == [None, 2, 5]
