"""The ports of the evaluation queue, the sweep's state, and leases."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from service.domain.evaluation.queue import (
    Claim,
    Debounce,
    DueEvaluation,
    EvaluationRequest,
)
from service.domain.evaluation.sweep import PollItem, PollState, SweepTimes
from service.domain.source import SourceId

__all__ = [
    "EvaluationQueue",
    "Leases",
    "Renewal",
    "Sweeps",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What became of claims; those that are in neither were lost to others."""

    renewed: Collection[SourceId] = ()
    busy: Collection[SourceId] = ()
    """Still claimed, and end when they did: another transaction holds them now."""


class EvaluationQueue(Protocol):
    """The sources that are due for an evaluation. Workers claim them for a lease.

    Requests are rows: they are deleted only when an evaluation that began after them
    has ended, so no crash loses one.
    """

    async def enqueue(self, request: EvaluationRequest, *, debounce: Debounce) -> None:
        """Add a request; `domain.evaluation.queue` decides when the source is due."""
        ...

    async def enqueue_all(
        self,
        requests: Sequence[EvaluationRequest],
        *,
        debounce: Debounce,
        claim: Claim | None = None,
    ) -> Sequence[DueEvaluation]:
        """Add requests, as if one after the other.

        Returns:
            The sources of these requests that were claimed: due now, and claimed by
            nobody.
        """
        ...

    async def claim(
        self, *, now: datetime, lease: timedelta, limit: int
    ) -> Sequence[DueEvaluation]:
        """Claim the longest due evaluations that are not claimed, for a lease.

        An expired lease counts as not claimed: its worker died.
        """
        ...

    async def renew(
        self, sources: Collection[SourceId], *, held_until: datetime, until: datetime
    ) -> Renewal:
        """Extend claims that end at a given time; wait for nobody who holds one.

        Args:
            sources: The claimed sources.
            held_until: When the claims end, as their worker knows: proves that they are
                still the worker's own.
            until: When they end from now on.
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

    async def requests_of(
        self, sources: Collection[SourceId]
    ) -> Mapping[SourceId, Sequence[tuple[int, EvaluationRequest]]]:
        """Return the open requests of those sources that have some, as `requests`."""
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

    async def settle_all(
        self,
        covered: Mapping[SourceId, Collection[int]],
        *,
        now: datetime,
        debounce: Debounce,
    ) -> None:
        """Settle sources, each with the ids of the requests that are covered."""
        ...

    async def postpone(
        self, source: SourceId, *, until: datetime, trouble: str = ""
    ) -> None:
        """End a claim after a failed evaluation; the source is due again later.

        Its attempts are incremented, and `trouble` is kept until the next evaluation.
        """
        ...

    async def defer(self, source: SourceId, *, until: datetime) -> None:
        """End a claim without an evaluation: nothing is known that was not before."""
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
