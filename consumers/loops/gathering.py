"""Do for many at once what each asks for alone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Generic, TypeVar

import structlog

from service.errors import TransientError

__all__ = ["AT_ONCE", "Gatherer"]

AT_ONCE: Final = 64
"""Items of one transaction: some tens of milliseconds."""

log = structlog.get_logger(__name__)

_IN_VAIN: Final = 2
"""After so many in a row that wait alone in vain, nobody else is tried."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class _SharedWork(Generic[T, R]):
    items: list[T] = field(default_factory=list)
    done: asyncio.Future[Sequence[R | Exception]]


# A transaction costs much the same for one push as for twenty: each of its statements
# is an answer of the database to wait for. In a calm hour everybody is alone and waits
# for nobody; the busier the process, the more of them share one.
class Gatherer(Generic[T, R]):
    """Work for all who ask while it is at work, together and next.

    What fails for some of them together is tried again for each alone, so that one
    item's fault stays its own, and so does a lock that one waits for in vain.

    Args:
        work: Does it for some, all or nothing; returns a result for each.
        most: For how many at once.
    """

    def __init__(
        self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, most: int
    ) -> None:
        self._work = work
        self._most = most
        self._next: _SharedWork[T, R] | None = None
        self._turn = asyncio.Lock()
        self._first = count()

    async def ask(self, item: T) -> R:
        """Have it done for an item; return its result.

        Raises:
            TransientError: It was not done, or whoever did it was cancelled.
        """
        joined, is_first = self._join(item)
        place = len(joined.items) - 1
        if is_first:
            await self._do(joined)
        # Without `shield` one who is cancelled would cancel the others' future.
        result = (await asyncio.shield(joined.done))[place]
        if isinstance(result, TransientError):
            # A new one for each: several may share the result, and each task adds its
            # own traceback to what it raises.
            retry_after = result.retry_after
            raise TransientError(str(result), retry_after=retry_after) from result
        if isinstance(result, Exception):
            raise result
        return result

    def _join(self, item: T) -> tuple[_SharedWork[T, R], bool]:
        joined = self._next
        is_first = joined is None or len(joined.items) >= self._most
        if joined is None or is_first:
            joined = _SharedWork(done=asyncio.get_running_loop().create_future())
            self._next = joined
        joined.items.append(item)
        return joined, is_first

    async def _do(self, mine: _SharedWork[T, R]) -> None:
        """Work for everybody in a round; nobody is left waiting."""
        try:
            async with self._turn:
                # Who is woken by the same answer joins.
                await asyncio.sleep(0)
                self._close(mine)
                mine.done.set_result(await self._results(mine.items))
        # Its task is one of those who asked: when that is cancelled, the others learn
        # that nothing was done for them.
        except BaseException:
            given_up = TransientError("the work was given up")
            mine.done.set_result([given_up] * len(mine.items))
            raise
        finally:
            self._close(mine)

    async def _results(self, items: Sequence[T]) -> Sequence[R | Exception]:
        try:
            return await self._work(items)
        except Exception as exc:  # noqa: BLE001 - raised to whoever asked
            if len(items) == 1:
                return [exc]
            log.warning("tried for each alone", items=len(items), error=str(exc))
        return await self._each_alone(items)

    async def _each_alone(self, items: Sequence[T]) -> Sequence[R | Exception]:
        """Work for one after the other, until two in a row find no database.

        When it is away, each would wait for it as long as all did together.
        """
        # Begun one place further each time: of two neighbours whose locks are held, the
        # others are not always behind.
        first = next(self._first) % len(items)
        results: dict[int, R | Exception] = {}
        in_vain: list[TransientError] = []
        for place in (*range(first, len(items)), *range(first)):
            [result] = await self._results([items[place]])
            results[place] = result
            in_vain = [*in_vain, result] if isinstance(result, TransientError) else []
            if len(in_vain) == _IN_VAIN:
                break
        return [
            results[place] if place in results else in_vain[-1]
            for place in range(len(items))
        ]

    def _close(self, mine: _SharedWork[T, R]) -> None:
        """Let nobody join any more."""
        if self._next is mine:
            self._next = None
