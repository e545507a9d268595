"""What one look saw: handed from the look to the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from service.domain.agenda import GIVEN_UP_AFTER, Look
from service.domain.definition import Definition
from service.domain.delivery import DeliveryId
from service.domain.evaluation import Judgement, Looked, RefGone, Verdict
from service.domain.lag import Claim
from service.domain.push import Evidence
from service.domain.source import Source
from service.errors import PermanentError, RemoteRefusedError, TransientError

__all__ = ["Patience", "Sight"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a remote that does not answer is waited for."""

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(minutes=5)
    wishes: int = GIVEN_UP_AFTER

    def wait(self, attempts: int, exc: TransientError) -> timedelta:
        """Return how long to wait after a look in vain."""
        backoff = min(self.first * (1 << min(attempts, 16)), self.longest)
        return max(backoff, exc.retry_after or timedelta(0))


_STRENGTH: Final = (
    Evidence.MANUAL,
    Evidence.LAUNCHER,
    Evidence.PUSH,
    Evidence.REPLAY,
    Evidence.BASE_CHANGED,
    Evidence.SWEEP,
)
_NOT_YET: Final = Judgement(verdict=Verdict.UNKNOWN, reason="not_seen", message="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one look at a source saw, and who had asked for it."""

    source: Source
    """As it was before the look."""
    asks: Sequence[tuple[int, Look]]
    started_at: datetime
    judgement: Judgement = _NOT_YET
    looked: Looked | RefGone | None = None
    """None while nothing could be seen."""
    claims: Sequence[Claim] = ()
    """What the pushes among the asks say."""

    def seen(self, judgement: Judgement, looked: Looked | RefGone) -> "Sight":
        """Return the sight with what was found."""
        return replace(self, judgement=judgement, looked=looked)

    def refused(self, exc: PermanentError) -> "Sight":
        """Return the sight of a repository that cannot be read, now or later.

        It is gone or private (`remote_refused`), `remote_forbidden`, another one
        now (`remote_replaced`), `remote_withheld`, or too large (`remote_unreadable`).
        """
        word = "unreadable"
        if isinstance(exc, RemoteRefusedError):
            word = exc.refusal.value
        judgement = Judgement(
            verdict=Verdict.UNKNOWN, reason=f"remote_{word}", message=str(exc)
        )
        return replace(self, judgement=judgement)

    @property
    def definition(self) -> Definition | None:
        """The definition that was found."""
        found = self.looked.found if isinstance(self.looked, Looked) else None
        return found if isinstance(found, Definition) else None

    @property
    def places(self) -> tuple[int, ...]:
        """The places of the asks on the agenda."""
        return tuple(place for place, _ in self.asks)

    @property
    def evidence(self) -> Evidence:
        """The strongest evidence of all who asked: a person's before a machine's."""
        given = {ask.evidence for _, ask in self.asks}
        return next((it for it in _STRENGTH if it in given), Evidence.SWEEP)

    @property
    def is_pushed(self) -> bool:
        """Say whether a push is among those who asked, new or played again."""
        pushes = {Evidence.PUSH, Evidence.REPLAY}
        return any(ask.evidence in pushes for _, ask in self.asks)

    @property
    def delivery_ids(self) -> tuple[DeliveryId, ...]:
        """The deliveries that asked, each once."""
        named = (ask.delivery_id for _, ask in self.asks)
        return tuple(dict.fromkeys(it for it in named if it))

    @property
    def traceparent(self) -> str | None:
        """The trace of who asked first and has one."""
        return next((it.traceparent for _, it in self.asks if it.traceparent), None)
