"""The ports of the evaluation queue, the sweep's state, and leases."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from service.domain.delivery import DeliveryId
from service.domain.evaluation.queue import Debounce, DueEvaluation, EvaluationRequest
from service.domain.evaluation.sweep import PollItem, PollState, SweepTimes
from service.domain.source import SourceId

__all__ = [
    "EvaluationQueue",
    "Leases",
    "Sweeps",
]


class EvaluationQueue(Protocol):
    """The sources that are due for an evaluation. Workers claim them for a lease.

    Requests are rows: they are deleted only when an evaluation that began after them
    has ended, so no crash loses one.
    """

    async def enqueue(
        self,
        request: EvaluationRequest,
        *,
        debounce: Debounce,
        also: Collection[DeliveryId] = (),
    ) -> None:
        """Add a request; `domain.evaluation.queue` decides when the source is due.

        `also` are other deliveries that ask for the same, each of which is a request.
        """
        ...

    async def claim(self, *, now: datetime, lease: timedelta) -> DueEvaluation | None:
        """Claim the longest due evaluation that is not claimed, for a lease.

        An expired lease counts as not claimed: its worker died.
        """
        ...

    async def renew(
        self, source: SourceId, *, held_until: datetime, lease: timedelta
    ) -> bool:
        """Extend a claim that ends at a given time; return whether it was still held.

        Args:
            source: The claimed source.
            held_until: When the claim ends, as its worker knows: proves that it is
                still the worker's own.
            lease: By how much it is extended.
        """
        ...

    async def next_due(self) -> datetime | None:
        """Return when the next evaluation is due, or the next lease expires."""
        ...

    async def requests(
        self, source: SourceId
    ) -> Sequence[tuple[int, EvaluationRequest]]:
        """Return the open requests of a source, each with its id, oldest first."""
        ...

    async def settle(
        self, source: SourceId, *, ids: Iterable[int], now: datetime, debounce: Debounce
    ) -> None:
        """Delete the requests that an evaluation covers, and end the claim.

        When other requests came meanwhile the source stays in the queue, due after
        `debounce.window`, with its attempts reset. `now` is saved as the time of the
        last evaluation.
        """
        ...

    async def postpone(
        self, source: SourceId, *, until: datetime, trouble: str = ""
    ) -> None:
        """End a claim after a failed evaluation; the source is due again later.

        Its attempts are incremented, and `trouble` is kept until the next evaluation.
        """
        ...

    async def pending(self, sources: Iterable[SourceId]) -> Sequence[DueEvaluation]:
        """Return the due evaluations of these sources, in one query."""
        ...


class Sweeps(Protocol):
    """The state of the sweep: when each source is polled next."""

    async def due(self, *, now: datetime, per_host: int) -> Sequence[PollItem]:
        """Return the sources that are due for a poll, the longest due of each host.

        Only sources that some launcher tracks. The other sources of their repositories
        are included, due or not, and so are sources without a state.

        Args:
            now: The present.
            per_host: How many due sources of one host are returned, at most.
        """
        ...

    async def save(self, states: Iterable[PollState]) -> None:
        """Write when sources are due again; those that nobody tracks are left out."""
        ...

    async def times(self) -> SweepTimes:
        """Return the latest poll of any source, and the next one."""
        ...


class Leases(Protocol):
    """Leases, for work that only one process may do."""

    async def acquire(
        self, name: str, *, owner: str, now: datetime, length: timedelta
    ) -> bool:
        """Take or renew a lease until `now` plus its length; return whether it is ours.

        It is not while another owner has one that has not expired.
        """
        ...

    async def release(self, name: str, *, owner: str) -> None:
        """Release a lease, if it is the owner's."""
        ...

    async def is_held(self, name: str, *, now: datetime) -> bool:
        """Return whether somebody has a lease that has not expired."""
        ...
