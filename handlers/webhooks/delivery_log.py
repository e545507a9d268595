"""What arrived, written down for people who ask later."""

import asyncio
from collections import Counter, deque
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.domain.delivery import Delivery, Headers
from service.domain.hook import HookId
from service.errors import TransientError
from service.forges.registry import FORGES
from service.metrics import Metrics
from service.ports.store import DeliveryRecord, Store
from service.ports.time import Clock

__all__ = ["WRITTEN_WITHIN", "DeliveryLog", "masked"]

log = structlog.get_logger(__name__)

_WAITING: Final = 10_000
_BATCH: Final = 50
"""Records in one write: making five hundred ready held every answer up for 20 ms."""
_GATHER: Final = timedelta(milliseconds=200)
"""How long a record waits for others: one write instead of hundreds."""
_PAUSE: Final = timedelta(seconds=1)
"""And after a write: a steady trickle costs a write a second and not five."""
WRITTEN_WITHIN: Final = timedelta(seconds=2)
"""When a delivery is on record, after its answer; both of the above, and the write."""
_TRIM_EVERY: Final = 100
"""Records of one hook: those above its share are removed after so many new ones, and
with the first that a process writes, as processes may be short-lived."""
_BUDGET: Final = timedelta(seconds=10)
_LONGEST: Final = 200
PER_SECOND: Final = 1.0
"""Of one repository through one hook, for as long as it lasts: people push less often,
and the database is everybody's. Writing one costs half as much as taking it in."""
BURST: Final = 30.0
"""At once, after a quiet time."""

_SHOWN: Final = frozenset({"content-length", "content-type", "user-agent"}).union(
    *(spec.headers.shown for spec in FORGES.values())
)
"""Headers whose values may be seen. A hook's owner may add any header, with any
secret in it, so whatever is not named here is masked."""


class TokenBuckets:
    """A bucket of tokens for each key; what is full again is forgotten."""

    def __init__(self, *, per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left: dict[Hashable, tuple[datetime, float]] = {}

    def take(self, key: Hashable, *, now: datetime) -> bool:
        """Take a token; False when none is left."""
        at, left = self._left.get(key, (now, self._burst))
        left = min(self._burst, left + (now - at).total_seconds() * self._per_second)
        has_one = left >= 1
        self._left[key] = now, left - has_one
        return has_one

    def tidy(self, *, now: datetime) -> None:
        """Forget the keys whose buckets are full."""
        whole = self._burst / self._per_second
        self._left = {
            key: (at, left)
            for key, (at, left) in self._left.items()
            if (now - at).total_seconds() < whole
        }


# One per receiver. Records and log lines once took half of a receiver's time; written
# later and together they cost little, and the push itself does not depend on them.
class DeliveryLog:
    """Gather records and write them in batches, after the forge has its answer.

    Best effort: the records of the last moment die with the process, and when the
    database stays away the oldest wait, the newest are dropped and counted. Who reads
    in this process has them written first (`handlers.read_your_writes`). An accepted
    delivery is here for its headers: its event carries the rest, and whoever handles
    the event writes it down, as durable as the push itself.

    Args:
        store: Where records go.
        clock: Lets records gather.
        metrics: Counts what was dropped.
        keep: How many records of each hook are kept.
    """

    def __init__(
        self, *, store: Store, clock: Clock, metrics: Metrics, keep: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._keep = keep
        self._waiting: deque[DeliveryRecord] = deque()
        self._noted = asyncio.Event()
        self._turn = asyncio.Lock()
        self._untrimmed: Counter[HookId] = Counter()
        self._spared = 0  # not yet counted: a storm is counted together
        self._ration = TokenBuckets()

    def has_room(
        self, hook: HookId, repository: str, *, at: datetime, is_kept: bool = False
    ) -> bool:
        """Return whether one more record is to be written; count it if not.

        Who delivers without pause has some of the deliveries on record.

        Args:
            hook: Whose record it is.
            repository: The path that it is about; a hook may be that of many.
            at: When it was received.
            is_kept: Whether somebody else writes it down too, without its headers.
        """
        if self._ration.take((hook, repository), now=at):
            return True
        if not is_kept:
            self._spared += 1
            self._noted.set()
        return False

    def note(self, record: DeliveryRecord) -> None:
        """Take a record to be written soon."""
        if len(self._waiting) >= _WAITING:
            self._metrics.records_lost(1)
            return
        self._waiting.append(record)
        self._noted.set()

    async def flush(self) -> None:
        """Write what waits, before somebody reads: returns when it is on record."""
        # Also while a write is under way: its records have left `_waiting` and are not
        # committed yet, and a reader would miss them.
        if self._waiting or self._turn.locked():
            await self._write_all()

    async def run(self) -> None:
        """Write until cancelled; what waits then is written still."""
        try:
            while True:
                await self._noted.wait()
                await self._clock.sleep(_GATHER)
                await self._write_all()
                await self._clock.sleep(_PAUSE)
        # The last records of a process that stops. `sleep` is cancelled, this write is
        # not; the budget of `_write` bounds how long it holds the stop up.
        finally:
            await self._write_all()

    async def _write_all(self) -> None:
        async with self._turn:
            self._noted.clear()
            self._metrics.records_lost(self._spared)
            self._spared = 0
            self._ration.tidy(now=self._clock.now())
            while self._waiting:
                count = min(_BATCH, len(self._waiting))
                await self._write([self._waiting.popleft() for _ in range(count)])

    async def _write(self, batch: Sequence[DeliveryRecord]) -> None:
        full = {record.hook_id for record in batch} - self._untrimmed.keys()
        self._untrimmed.update(record.hook_id for record in batch)
        full |= {hook for hook, new in self._untrimmed.items() if new >= _TRIM_EVERY}
        try:
            async with (
                asyncio.timeout(_BUDGET.total_seconds()),
                self._store.transaction() as tx,
            ):
                await tx.deliveries.record(batch)
                for hook in full:
                    await tx.deliveries.trim(hook, keep=self._keep)
        except (TransientError, TimeoutError) as exc:
            self._metrics.records_lost(len(batch))
            log.warning("delivery records lost", count=len(batch), error=str(exc))
            return
        except Exception as exc:  # noqa: BLE001 - logged once it is known of which
            await self._one_by_one(batch, exc)
            return
        except asyncio.CancelledError:  # the process stops: they are written then
            # Back in their order, in front: `run` writes what waits once more in its
            # `finally`.
            self._waiting.extendleft(reversed(batch))
            raise
        for hook in full:
            self._untrimmed[hook] = 0

    async def _one_by_one(
        self, batch: Sequence[DeliveryRecord], exc: Exception
    ) -> None:
        """Write a batch that a fault of ours broke: one record is lost, not all."""
        if len(batch) > 1:
            # A batch fails as a whole, as when one text cannot be stored. Alone, only
            # that record is lost.
            for record in batch:
                await self._write([record])
            return
        log.error("delivery record lost", delivery=batch[0].id, exc_info=exc)
        self._metrics.records_lost(1)


def masked(delivery: Delivery) -> Mapping[str, str]:
    """Return the headers, without the value of any that may hold a secret."""
    # Names are kept, values masked by default: a proxy or a hook's owner may add
    # headers with tokens that nobody here can know of.
    names = dict.fromkeys(name.lower() for name, _ in delivery.headers.items())
    return {
        _printable(name): _shown(delivery.headers, name) if name in _SHOWN else "…"
        for name in names
    }


def _shown(headers: Headers, name: str) -> str:
    return _printable(", ".join(headers.getall(name, ())))


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()[:_LONGEST]
