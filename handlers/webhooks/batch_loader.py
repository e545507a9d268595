"""One read for everybody who asked before it began."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from service.errors import TransientError

__all__ = ["BatchLoader"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading(Generic[K, V]):
    keys: set[K] = field(default_factory=set)
    found: asyncio.Future[Mapping[K, V]]


# Two per receiver, for hooks and for sources. A burst of a thousand deliveries of one
# repository made a thousand equal queries, which queued up for the few connections of
# the pool.
class BatchLoader(Generic[K, V]):
    """Read for many who ask at once, one read after the other.

    Those who ask while a read is under way share the next one, so that what they are
    told is never older than their question. A crowd costs two reads and not one each.

    Args:
        read: Reads what there is about some keys, at once; returns a value for each.
        budget: How long somebody may wait.
        most: How many keys one read may be about.
    """

    def __init__(
        self,
        read: Callable[[Collection[K]], Awaitable[Mapping[K, V]]],
        *,
        budget: timedelta,
        most: int,
    ) -> None:
        self._read = read
        self._budget = budget
        self._most = most
        self._next: _Reading[K, V] | None = None
        self._turn = asyncio.Lock()

    async def ask(self, key: K) -> V:
        """Return what there is about a key.

        Raises:
            TransientError: It could not be read, or not in time.
        """
        reading, is_ours = self._join(key)
        if is_ours:
            await self._answer(reading)
        # Whoever leaves early does not take the answer from the others.
        # Without `shield` a client that disconnects cancels the future itself, and all
        # others that wait for it get CancelledError.
        return (await asyncio.shield(reading.found))[key]

    def _join(self, key: K) -> tuple[_Reading[K, V], bool]:
        """Ask with the reading that has not begun; begin one when there is none."""
        reading = self._next
        # A full reading stays with those who joined it; `_next` moves on to the new
        # one, and `_close` of the old must not touch that.
        is_ours = reading is None or len(reading.keys) >= self._most
        if reading is None or is_ours:
            reading = _Reading(found=asyncio.get_running_loop().create_future())
            self._next = reading
        reading.keys.add(key)
        return reading, is_ours

    async def _answer(self, reading: _Reading[K, V]) -> None:
        """Read for everybody; whatever happens, nobody is left waiting."""
        try:
            async with asyncio.timeout(self._budget.total_seconds()), self._turn:
                # Closed once it has its turn and before it reads: whoever asks from now
                # on may know of a later change, and gets the next reading.
                self._close(reading)
                reading.found.set_result(await self._read(reading.keys))
        except TransientError as exc:
            reading.found.set_exception(exc)
        except TimeoutError as exc:
            late = TransientError("the database did not answer in time")
            late.__cause__ = exc
            reading.found.set_exception(late)
        # The reader may be cancelled, as it is some request's task. The others get an
        # error they can answer with 503 instead of waiting for a future that nobody
        # completes.
        except BaseException:
            reading.found.set_exception(TransientError("the reading was given up"))
            reading.found.exception()  # it is no defect when nobody else waits
            raise
        finally:
            self._close(reading)

    def _close(self, reading: _Reading[K, V]) -> None:
        """Let nobody join any more: the read may be older than what they ask about."""
        if self._next is reading:
            self._next = None
