"""Leave out of an explanation what its caller may not see.

One push may concern sources of several projects, and one source launchers of several:
who reads one of them learns nothing of the others.
"""

from collections.abc import Iterable
from dataclasses import replace

from handlers.usecases.explain.trace import CausalTrace
from service.domain.building.build import Rebuild
from service.domain.evaluation.comparison import Evaluation
from service.domain.rights.caller import Caller, MemberRole
from service.domain.rights.decision import Subject
from service.ports.store import DeliveryRecord, Transaction
from service.usecases.rights.authorize import Authorizer

__all__ = ["limit_trace"]


async def limit_trace(
    tx: Transaction, trace: CausalTrace, caller: Caller, authorizer: Authorizer
) -> CausalTrace | None:
    """Return what of a trace the caller may see; None when that is nothing."""
    if caller.filter().is_everything:
        return trace
    view = _CallerView(tx, caller, authorizer)
    launcher = trace.launcher
    if launcher and not await view.shows(Subject.LAUNCHER, launcher.id):
        return None
    evaluations = await view.evaluations(trace.evaluations)
    rebuilds = trace.rebuilds
    if rebuilds is None:
        rebuilds = await _rebuilds_of(tx, evaluations)
    limited = replace(
        trace,
        evaluations=evaluations,
        rebuilds=await view.rebuilds(rebuilds),
        deliveries=await view.deliveries(trace.deliveries),
    )
    seen = (launcher, limited.evaluations, limited.rebuilds, limited.deliveries)
    return limited if any(seen) else None


class _CallerView:
    """What one caller sees within one transaction."""

    def __init__(self, tx: Transaction, caller: Caller, authorizer: Authorizer) -> None:
        self._tx = tx
        self._caller = caller
        self._authorizer = authorizer

    async def shows(self, subject: Subject, name: str) -> bool:
        return await self._authorizer.has_role(
            self._tx, self._caller, MemberRole.VIEWER, subject, name
        )

    async def evaluations(self, found: Iterable[Evaluation]) -> tuple[Evaluation, ...]:
        return tuple(
            [each for each in found if await self.shows(Subject.SOURCE, each.source_id)]
        )

    async def rebuilds(self, found: Iterable[Rebuild]) -> tuple[Rebuild, ...]:
        return tuple(
            [each for each in found if await self.shows(Subject.BUILD, each.id)]
        )

    async def deliveries(
        self, found: Iterable[DeliveryRecord]
    ) -> tuple[DeliveryRecord, ...]:
        return tuple(
            [each for each in found if await self.shows(Subject.DELIVERY, each.id)]
        )


async def _rebuilds_of(
    tx: Transaction, evaluations: Iterable[Evaluation]
) -> tuple[Rebuild, ...]:
    return tuple(
        [
            rebuild
            for evaluation in evaluations
            for rebuild in await tx.rebuilds.of_evaluation(evaluation.id)
        ]
    )
