"""A course under a stream of deliveries, with all that may not happen to it watched."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.courses import Course, a_course
from tests.support.outcomes import all_evaluated, is_built, told
from tests.support.service import Service
from tests.support.stream import Stream, eventually

__all__ = ["Watched", "watched"]

_PAUSE: Final = 0.25
"""Seconds between two deliveries to a receiver: what comes to an end is counted here,
not how fast it does."""
_TAKEN_OVER: Final = 120
"""Seconds of a calm machine in which a push must come to its end although something
is away; what hangs for ever takes longer."""


@dataclass(kw_only=True)
class Watched:
    """A course, its deliveries, and the generations that its launcher was seen at."""

    course: Course
    receivers: Sequence[Service]
    streams: Sequence[Stream]
    generations: list[int] = field(default_factory=list)
    _began: float = 0.0
    _said: str = ""

    @property
    def accepted(self) -> list[str]:
        return [delivery for each in self.streams for delivery in each.accepted]

    @property
    def refused(self) -> list[int]:
        return [status for each in self.streams for status, _ in each.refused]

    def begin(self, what: str) -> None:
        """Begin to measure what a trouble costs."""
        self._began = time.monotonic()
        self._said = what
        for each in self.streams:
            each.slowest = 0.0
            each.refused_at.clear()

    def end(self, *, healed: float) -> None:
        """Print what it cost."""
        slowest = max(each.slowest for each in self.streams)
        refused = sorted(at for each in self.streams for at in each.refused_at)
        span = refused[-1] - refused[0] if refused else 0.0
        print(  # noqa: T201 - the figures of docs/benchmarks.md
            f"{self._said}; slowest answer {slowest:.2f} s, {len(refused)} refused"
            f" within {span:.1f} s, healed in {healed:.1f} s"
        )

    async def push_and_wait(self, version: int) -> None:
        """Define another environment; return when the launcher starts from it."""
        await asyncio.to_thread(self.course.push, version)
        began = time.monotonic()
        await self.until_built()
        self._said += f": pushed to moved {time.monotonic() - began:.1f} s"

    async def until_built(self) -> None:
        await eventually(self._is_built, "the launcher to move", _TAKEN_OVER)

    async def _is_built(self) -> bool:
        with suppress(AssertionError, OSError):
            return await is_built(self.receivers[0], self.course)
        return False

    async def watch(self, over: asyncio.Event) -> None:
        """Note the launcher's generation again and again."""
        path = f"/session_launchers/{self.course.launcher['id']}"
        while not over.is_set():
            # The API needs the database, which may be away.
            with suppress(AssertionError, OSError):
                launcher = await told(self.receivers[0], path)
                self.generations.append(launcher["generation"])
            await asyncio.sleep(_PAUSE)

    def expect_all_well(self) -> None:
        assert self.generations == sorted(self.generations), "a launcher moved back"
        assert self.generations[-1] > self.generations[0]


@asynccontextmanager
async def watched(
    folder: Path,
    receivers: Sequence[Service],
    consumers: Sequence[Service],
    diagnosis: Callable[[], Awaitable[str]] | None = None,
) -> AsyncIterator[Watched]:
    """Start processes; send deliveries and watch during the block, and to its end.

    Args:
        folder: Where the repository lies.
        receivers: The deliveries go to each of them.
        consumers: They do the rest.
        diagnosis: Asked when something accepted does not come to its end.
    """
    async with asyncio.TaskGroup() as group:
        for process in (*receivers, *consumers):
            group.create_task(asyncio.to_thread(process.start))
    course = await asyncio.to_thread(a_course, receivers[0], folder, "course")
    streams = [Stream(receiver=receiver, course=course) for receiver in receivers]
    seen = Watched(course=course, receivers=receivers, streams=streams)
    await seen.until_built()
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(seen.watch(over))
        for stream in streams:
            group.create_task(stream.keep_sending(over, pause=_PAUSE))
        try:
            yield seen
        finally:
            over.set()
    try:
        await all_evaluated(receivers[0], seen.accepted)
    except AssertionError:
        if diagnosis is not None:
            print(await diagnosis())  # noqa: T201 - it is gone in a moment
        raise
    await seen.until_built()
