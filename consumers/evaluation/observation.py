"""What one evaluation saw: handed from the worker to the recorder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from service.domain.backoff import Backoff
from service.domain.definition import Definition
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import (
    Comparison,
    Observed,
    RefMissing,
    Verdict,
)
from service.domain.evaluation.queue import GIVEN_UP_AFTER, EvaluationRequest
from service.domain.evaluation.replication_lag import PushClaim
from service.domain.push import Trigger
from service.domain.source import Access, Source
from service.errors import (
    PermanentError,
    RemoteLagsError,
    RemoteRefusedError,
    TransientError,
)

__all__ = ["BACKOFF", "HeadObservation", "Patience"]


# From 5 s, as forges are often back at once; up to 5 min, so that an outage of hours
# costs a source 12 requests an hour and recovers soon after it.
BACKOFF: Final = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a remote that does not answer is waited for."""

    backoff: Backoff = BACKOFF
    pending: int = GIVEN_UP_AFTER

    def wait(self, attempts: int, exc: TransientError) -> timedelta:
        """Return how long to wait after an evaluation that failed."""
        # The longer of both: a forge that names `Retry-After` blocks who comes earlier,
        # and our own wait protects one that names a second each time.
        backoff = self.backoff.wait_after(attempts + 1)
        return max(backoff, exc.retry_after or timedelta(0))

    def is_worth_a_record(self, attempts: int) -> bool:
        """Accept the 1st, 2nd, 3rd, 5th, 9th … failure: outages can be long."""
        return attempts & (attempts - 1) == 0


_MAX_CHANGED: Final = 100
"""Paths that pushes name, of one evaluation: those of the five newest pushes."""

# The order decides what the evaluation is recorded as. Requests of many kinds are
# answered together, and a person who looks for a manual rebuild must find it although a
# sweep asked first.
_STRENGTH: Final = (
    Trigger.MANUAL,
    Trigger.LAUNCHER,
    Trigger.PUSH,
    Trigger.REPLAY,
    Trigger.BASE_CHANGED,
    Trigger.SCHEDULE,
    Trigger.SWEEP,
)
_NOT_YET: Final = Comparison(verdict=Verdict.UNKNOWN, reason="not_seen", message="")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadObservation:
    """What one evaluation of a source saw, and who requested it."""

    source: Source
    """As it was before the evaluation."""
    requests: Sequence[tuple[int, EvaluationRequest]]
    started_at: datetime
    comparison: Comparison = _NOT_YET
    observed: Observed | RefMissing | None = None
    """None while nothing could be seen."""
    claims: Sequence[PushClaim] = ()
    """What the pushes among the requests announced."""

    def with_head(
        self, comparison: Comparison, observed: Observed | RefMissing
    ) -> "HeadObservation":
        """Return the observation with what was found."""
        return replace(self, comparison=comparison, observed=observed)

    def unreadable(self, exc: PermanentError) -> "HeadObservation":
        """Return the observation of a repository that cannot be read, now or later.

        It is gone or private (`remote_refused`), `remote_forbidden`, another one
        now (`remote_replaced`), `remote_withheld`, or too large (`remote_unreadable`).
        """
        word = "unreadable"
        if isinstance(exc, RemoteRefusedError):
            word = exc.refusal.value
        comparison = Comparison(
            verdict=Verdict.UNKNOWN, reason=f"remote_{word}", message=str(exc)
        )
        return replace(self, comparison=comparison)

    def unanswered(self, exc: TransientError) -> "HeadObservation":
        """Return the observation of a repository that cannot be read now."""
        lags = isinstance(exc, RemoteLagsError)
        word = "remote_lags" if lags else "remote_unavailable"
        comparison = Comparison(verdict=Verdict.UNKNOWN, reason=word, message=str(exc))
        return replace(self, comparison=comparison)

    @property
    def definition(self) -> Definition | None:
        """The definition that was found."""
        found = self.observed.found if isinstance(self.observed, Observed) else None
        return found if isinstance(found, Definition) else None

    @property
    def _is_hidden(self) -> bool:
        """Whether its followers may not know of pushes: it became private, perhaps."""
        is_unread = self.comparison.verdict is Verdict.UNKNOWN
        return is_unread and self.source.access is Access.ANONYMOUS

    @property
    def request_ids(self) -> tuple[int, ...]:
        """The ids of its requests in the evaluation queue."""
        return tuple(request_id for request_id, _ in self.requests)

    @property
    def trigger(self) -> Trigger:
        """The strongest trigger of all who asked: a person's before a machine's."""
        given = {request.trigger for _, request in self.requests}
        if self._is_hidden:
            given -= {Trigger.PUSH, Trigger.REPLAY}
        return next((item for item in _STRENGTH if item in given), Trigger.SWEEP)

    @property
    def has_push(self) -> bool:
        """Return whether a push is among those who asked, new or played again."""
        pushes = {Trigger.PUSH, Trigger.REPLAY}
        return any(request.trigger in pushes for _, request in self.requests)

    @property
    def delivery_ids(self) -> tuple[DeliveryId, ...]:
        """The deliveries that asked, each once."""
        if self._is_hidden:
            return ()
        named = (request.delivery_id for _, request in self.requests)
        return tuple(dict.fromkeys(delivery_id for delivery_id in named if delivery_id))

    @property
    def changed_paths(self) -> tuple[str, ...]:
        """What the pushes that asked may have changed, those of the newest first.

        Of a storm, what the newest name: everybody waits while they are looked through.
        """
        named: dict[str, None] = {}
        for _, request in reversed(self.requests):
            named.update(dict.fromkeys(request.changed_paths))
            if len(named) >= _MAX_CHANGED:
                break
        return tuple(islice(named, _MAX_CHANGED))

    @property
    def traceparent(self) -> str | None:
        """The trace of who asked first and has one."""
        return next(
            (
                request.traceparent
                for _, request in self.requests
                if request.traceparent
            ),
            None,
        )
