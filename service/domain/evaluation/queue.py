"""The evaluation queue: which sources are due for an evaluation, and when.

A request is cheap and may come a thousand times; an evaluation costs requests to a
forge. So requests are debounced: the first is due at once, those that follow closely
wait until no more have come for `window`, but never longer than `max_delay`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from service.domain.delivery import DeliveryId
from service.domain.push import Trigger
from service.domain.source import SourceId

__all__ = [
    "CACHE_STALENESS",
    "GIVEN_UP_AFTER",
    "Claim",
    "Debounce",
    "DueEvaluation",
    "EvaluationRequest",
    "add_request",
    "due",
    "recheck_at",
]

GIVEN_UP_AFTER: Final = 6
"""After so many failed evaluations, rebuilds that a person waits for fail."""

CACHE_STALENESS: Final = timedelta(seconds=10)
"""How long a receiver may still ignore pushes for a new source: its cache (two
seconds), a transaction that commits late, and clock skew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Debounce:
    """How requests are debounced."""

    window: timedelta = timedelta(seconds=2)
    """How long no request must have come before a source is evaluated again."""
    max_delay: timedelta = timedelta(seconds=30)
    """How long requests may postpone an evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest:
    """A request to evaluate a source."""

    source_id: SourceId
    trigger: Trigger
    delivery_id: DeliveryId | None = None
    rebuild_ids: tuple[str, ...] = ()
    """Rebuilds without a plan that wait for the evaluation."""
    traceparent: str | None = None
    """The trace it belongs to: https://www.w3.org/TR/trace-context/."""
    suggested_number: int | None = None
    """The repository's number in the delivery, where it differs from the known one."""
    changed_paths: tuple[str, ...] = ()
    """What a push may have changed of a definition: a hint of what to ask for."""
    requested_at: datetime

    @property
    def is_urgent(self) -> bool:
        """Return whether a person waits for the evaluation."""
        return self.trigger in {Trigger.MANUAL, Trigger.LAUNCHER}


@dataclass(frozen=True, slots=True, kw_only=True)
class DueEvaluation:
    """A source that is due for an evaluation: all open requests together.

    A row of the store, one per source at most. It stays until an evaluation that began
    after the last request has ended, so a crashed worker loses none.
    """

    source_id: SourceId
    first_asked_at: datetime
    due_at: datetime
    attempts: int = 0
    """How many evaluations in a row could not read the head."""
    trouble: str = ""
    """Why the last of them failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What whoever adds requests claims of their sources, to begin with at once."""

    now: datetime
    until: datetime
    limit: int
    """How many sources at most."""

    def choose(
        self,
        asked: Iterable[DueEvaluation],
        held_until: Mapping[SourceId, datetime | None],
    ) -> Sequence[DueEvaluation]:
        """Return what is due and claimed by nobody, as much as may be claimed."""
        free = (
            due_evaluation
            for due_evaluation in asked
            if due_evaluation.due_at <= self.now
            and (held_until[due_evaluation.source_id] or self.now) <= self.now
        )
        return list(islice(free, self.limit))


def recheck_at(*, created_at: datetime, started_at: datetime) -> datetime | None:
    """Return when a new source is evaluated again without a request; None for never.

    Receivers cache the sources, so a push right after a source was created may be
    ignored. An evaluation that starts once every cache has the source sees what such
    a push brought; an earlier one may not.

    Args:
        created_at: When the source was created.
        started_at: When the evaluation started that has just ended.
    """
    everybody_knows = created_at + CACHE_STALENESS
    return everybody_knows if started_at < everybody_knows else None


def add_request(
    request: EvaluationRequest,
    *,
    pending: DueEvaluation | None,
    looked_at: datetime | None,
    debounce: Debounce,
) -> DueEvaluation:
    """Return the due evaluation of a source with another request; see `due`."""
    when = due(request, pending=pending, looked_at=looked_at, debounce=debounce)
    if pending is None:
        return DueEvaluation(
            source_id=request.source_id,
            first_asked_at=request.requested_at,
            due_at=when,
        )
    first = min(pending.first_asked_at, request.requested_at)
    return replace(pending, first_asked_at=first, due_at=when)


def due(
    request: EvaluationRequest,
    *,
    pending: DueEvaluation | None,
    looked_at: datetime | None,
    debounce: Debounce,
) -> datetime:
    """Return when a source is due for an evaluation after another request.

    Args:
        request: The new request.
        pending: The due evaluation before it, if any. One whose first request lies in
            the future (see `recheck_at`) does not take part in debouncing.
        looked_at: When the source was last evaluated.
        debounce: How requests are debounced.
    """
    now = request.requested_at
    # Whoever waits for it waits for no burst to end, and for no back-off either.
    if request.is_urgent:
        return min(now, pending.due_at) if pending else now
    # The recheck of a new source is queued for later and is no burst: a push must not
    # wait for it.
    if pending is None or pending.first_asked_at > now:
        is_calm = looked_at is None or now - looked_at >= debounce.window
        return now if is_calm else now + debounce.window
    # A source whose forge is away keeps its back-off. A stream of pushes would
    # otherwise bring the attempts back to one every two seconds.
    if pending.attempts or pending.due_at <= now:
        return pending.due_at
    # Bounded from the first request on, not from the last: a branch that is pushed to
    # without pause is evaluated all the same.
    return min(pending.first_asked_at + debounce.max_delay, now + debounce.window)
