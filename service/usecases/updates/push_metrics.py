"""Measure how long pushes take to their launchers, and what work they did not need."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from service.domain.building.build import Build, Rebuild
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import (
    Comparison,
    Evaluation,
    EvaluationId,
    Verdict,
)
from service.domain.push import Trigger
from service.errors import NotFoundError
from service.metrics import Metrics
from service.ports.store import Transaction
from service.ports.time import Clock

__all__ = ["PushMetrics"]

AVOIDING: Final = {Verdict.UNCHANGED: "unchanged", Verdict.COSMETIC: "cosmetic"}
"""Verdicts after which a platform that builds every push would have built."""
TYPICAL_FOR: Final = timedelta(minutes=10)
"""How long the typical time of a build is remembered."""


# One per process, in its event recorder. The typical time is read at most every ten
# minutes: it is an estimate, and pushes are many.
class PushMetrics:
    """Counts what only the rows of a push tell."""

    def __init__(self, *, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._typical = timedelta(0)
        self._known_until: datetime | None = None

    async def evaluated(self, tx: Transaction, evaluation: Evaluation) -> None:
        """Count the build that an evaluated push does not need, if it needs none."""
        reason = AVOIDING.get(evaluation.comparison.verdict)
        if reason and evaluation.trigger is Trigger.PUSH:
            await self.avoided(tx, reason=reason, count=1)

    def evaluated_in_vain(self, comparison: Comparison) -> None:
        """Count an evaluation of a long outage, which is not on record each time.

        The alert about it is to last as long as the outage.
        """
        self._metrics.evaluated(
            verdict=comparison.verdict.value, reason=comparison.reason
        )

    async def shared(self, tx: Transaction, count: int) -> None:
        """Count rebuilds that another one's build served."""
        if count > 0:
            await self.avoided(tx, reason="shared", count=count)

    async def avoided(self, tx: Transaction, *, reason: str, count: int) -> None:
        """Count builds that did not have to run."""
        now = self._clock.now()
        if self._known_until is None or self._known_until < now:
            times = await tx.builds.durations()
            self._typical = sum(times, timedelta()) / max(len(times), 1)
            self._known_until = now + TYPICAL_FOR
        self._metrics.build_avoided(reason=reason, saved=self._typical, count=count)

    async def moved(self, tx: Transaction, rebuilds: Iterable[Rebuild]) -> None:
        """Count how long pushes took until launchers had their image.

        Once for each evaluation, however many launchers of a page it moved.
        """
        pushed = {
            rebuild.plan.evaluation_id: rebuild
            for rebuild in rebuilds
            if rebuild.plan and rebuild.trigger is Trigger.PUSH
        }
        for evaluation_id, rebuild in pushed.items():
            try:
                evaluation = await tx.evaluations.get(EvaluationId(evaluation_id))
            except NotFoundError:
                continue
            arrived = await _arrival(tx, evaluation)
            if arrived is not None:
                await self._count(tx, evaluation, rebuild, arrived)

    async def _count(
        self,
        tx: Transaction,
        evaluation: Evaluation,
        rebuild: Rebuild,
        arrived: datetime,
    ) -> None:
        now = self._clock.now()
        build = await _build_of(tx, rebuild)
        self._metrics.ready(stage="all", took=now - arrived)
        self._metrics.ready(stage="evaluation", took=evaluation.completed_at - arrived)
        if build and build.started_at and build.started_at >= evaluation.completed_at:
            queued = build.started_at - evaluation.completed_at
            self._metrics.ready(stage="queue", took=queued)
            self._metrics.ready(stage="build", took=now - build.started_at)


async def _arrival(tx: Transaction, evaluation: Evaluation) -> datetime | None:
    """Return when the first delivery of an evaluation arrived, if it is on record."""
    times = [
        record.received_at
        for delivery in evaluation.delivery_ids[:1]
        for record in await tx.deliveries.find(DeliveryId(delivery))
    ]
    return min(times, default=None)


async def _build_of(tx: Transaction, rebuild: Rebuild) -> Build | None:
    if rebuild.build_id is None:
        return None
    try:
        return await tx.builds.get(rebuild.build_id)
    except NotFoundError:
        return None
