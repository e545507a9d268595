"""A verdict → the ledger: one transaction records it and plans what follows."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from consumers.building.endings import RebuildEndings
from consumers.evaluation.observation import HeadObservation, Patience
from consumers.evaluation.planning import LauncherPlanner, Planning
from consumers.evaluation.repository_identity import save_identity
from consumers.loops.wakeup import Wakeup
from service.domain.building.build import Rebuild
from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Definition, NoDefinition
from service.domain.evaluation.comparison import (
    Comparison,
    Evaluation,
    EvaluationId,
    Observed,
    RefMissing,
    Verdict,
    update_seen,
)
from service.domain.evaluation.plan import next_generation
from service.domain.evaluation.queue import (
    Debounce,
    DueEvaluation,
    EvaluationRequest,
    recheck_at,
)
from service.domain.findings import Finding
from service.domain.push import Trigger
from service.domain.source import Source, SourceId
from service.errors import (
    NotFoundError,
    TransientError,
)
from service.ports.builder import Builder
from service.ports.store import Store, Transaction
from service.ports.time import Clock, Ids
from service.usecases.publish_events import EventRecorder

__all__ = ["EvaluationRecorder"]

log = structlog.get_logger(__name__)


# One per consuming process, used by all its evaluation workers. It has no state of its
# own: everything it decides on is read inside the transaction that writes the decision.
class EvaluationRecorder:
    """Write what evaluations saw, and what follows from it."""

    def __init__(
        self,
        *,
        store: Store,
        builder: Builder,
        clock: Clock,
        ids: Ids,
        recorder: EventRecorder,
        debounce: Debounce,
        patience: Patience,
        planner: LauncherPlanner,
        endings: RebuildEndings,
        schedule: Wakeup,
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._ids = ids
        self._recorder = recorder
        self._debounce = debounce
        self._patience = patience
        self._planner = planner
        self._endings = endings
        self._schedule = schedule

    async def record(self, observation: HeadObservation) -> bool:
        """Write an evaluation down; False when the source advanced meanwhile.

        Raises:
            TransientError: The database did not answer; nothing was written.
        """
        planning = await self._begin(observation)
        if planning is None:
            return False
        # After the commit of each page: builds of the first launchers start while the
        # others are still planned.
        self._schedule.notify()
        while not planning.is_done:
            if not await self._plan_next_page(planning):
                return True
            self._schedule.notify()
        return True

    async def _begin(self, observation: HeadObservation) -> Planning | None:
        """Write the verdict and plan the first launchers; None when others were faster.

        The requests stay in the evaluation queue until the last launcher is planned:
        after a crash the source is evaluated again, for all of them.
        """
        source = observation.source
        # The lock is per source and shared with the reconciler, the schedule and
        # changes of settings: all of them decide whether a launcher needs a rebuild,
        # and two that decide at once would request the same image twice.
        async with self._store.transaction(f"source:{source.id}") as tx:
            current = await _current(tx, source.id, source.generation)
            if current is None:
                return None
            # Read under the lock: a launcher that comes from another source brings its
            # own generation, and the new one has to be above it.
            newest = await tx.launchers.newest_generation(source.id)
            evaluation = self._evaluation(observation, next_generation(source, newest))
            await tx.evaluations.add(evaluation)
            if observation.observed is not None:
                current = await save_identity(tx, current, observation.observed)
                current = _advanced(current, observation.observed, evaluation)
                await tx.sources.save(current)
            await self._recorder.evaluated(
                tx, source, evaluation, traceparent=observation.traceparent
            )
            planning = Planning(
                observation=observation, evaluation=evaluation, source=current
            )
            await self._plan_page(tx, planning)
        log.info(
            "source evaluated",
            verdict=observation.comparison.verdict.value,
            reason=observation.comparison.reason,
            generation=evaluation.generation,
        )
        return planning

    async def _plan_next_page(self, planning: Planning) -> bool:
        """Plan the next launchers; False when a newer evaluation does that by now."""
        source = planning.source
        async with self._store.transaction(f"source:{source.id}") as tx:
            # Between two pages another evaluation may have recorded a newer head; it
            # plans all launchers, and going on would give some of them the older key.
            if await _current(tx, source.id, source.generation) is None:
                return False
            await self._plan_page(tx, planning)
        return True

    async def _plan_page(self, tx: Transaction, planning: Planning) -> None:
        observation = planning.observation
        unplanned = await self._planner.plan_page(tx, planning)
        await self._endings.fail(tx, unplanned, _failure(observation.comparison))
        # Only with the last page: requests that are settled earlier would be lost with
        # the launchers that a crash left unplanned.
        if planning.is_done:
            await tx.evaluation_queue.settle(
                observation.source.id,
                ids=observation.request_ids,
                now=planning.evaluation.completed_at,
                debounce=self._debounce,
            )
            await self._recheck_new_source(tx, observation)

    async def _recheck_new_source(
        self, tx: Transaction, observation: HeadObservation
    ) -> None:
        created_at = observation.source.created_at
        # Receivers remember for two seconds that nobody follows a repository
        # (`handlers/webhooks/match.py`). A push in that time is ignored, so a new
        # source is evaluated once more after it.
        again = recheck_at(created_at=created_at, started_at=observation.started_at)
        if again is not None:
            request = EvaluationRequest(
                source_id=observation.source.id,
                trigger=Trigger.SWEEP,
                requested_at=again,
            )
            await tx.evaluation_queue.enqueue(request, debounce=self._debounce)

    async def record_failure(
        self,
        observation: HeadObservation,
        due_evaluation: DueEvaluation,
        exc: TransientError,
    ) -> None:
        """Write down an evaluation that saw nothing, and put it off."""
        now = self._clock.now()
        wait = self._patience.wait(due_evaluation.attempts, exc)
        unread = observation.unanswered(exc)
        async with self._store.transaction() as tx:
            if self._patience.is_worth_a_record(due_evaluation.attempts):
                evaluation = self._evaluation(unread, observation.source.generation)
                await tx.evaluations.add(evaluation)
                await self._recorder.evaluated(
                    tx,
                    observation.source,
                    evaluation,
                    traceparent=observation.traceparent,
                )
            # A person who waits for a manual rebuild gets an answer after some
            # attempts. The source stays queued: the launcher still follows it once the
            # forge is back.
            if due_evaluation.attempts >= self._patience.pending:
                failure = Failure(kind=FailureClass.NETWORK, message=str(exc))
                await self._endings.fail(
                    tx, await _pending_rebuilds(tx, observation), failure
                )
            await tx.evaluation_queue.postpone(
                observation.source.id, until=now + wait, trouble=str(exc)
            )
        log.warning("source not seen", error=str(exc), again_in=wait.total_seconds())

    async def postpone(self, due_evaluation: DueEvaluation) -> None:
        """Put off what a fault of this service ended, longer each time."""
        trouble = TransientError("a fault of this service")
        wait = self._patience.wait(due_evaluation.attempts, trouble)
        async with self._store.transaction() as tx:
            until = self._clock.now() + wait
            await tx.evaluation_queue.postpone(due_evaluation.source_id, until=until)

    def _evaluation(self, observation: HeadObservation, generation: int) -> Evaluation:
        observed = (
            observation.observed if isinstance(observation.observed, Observed) else None
        )
        chosen = observation.definition
        return Evaluation(
            id=EvaluationId(self._ids.new()),
            source_id=observation.source.id,
            generation=generation
            if observation.observed
            else observation.source.generation,
            trigger=observation.trigger,
            delivery_ids=observation.delivery_ids,
            comparison=observation.comparison,
            commit=observed.head.commit if observed else None,
            ref=observed.head.ref if observed else None,
            previous=observation.source.seen.fingerprint
            if observation.source.seen
            else None,
            fingerprint=chosen.fingerprint if chosen else None,
            kind=chosen.kind if chosen else None,
            items=observed.found.items if observed else (),
            findings=self._findings(observed.found) if observed else (),
            started_at=observation.started_at,
            completed_at=self._clock.now(),
        )

    def _findings(self, found: Definition | NoDefinition) -> tuple[Finding, ...]:
        if isinstance(found, NoDefinition):
            return found.findings
        return (*found.findings, *self._builder.remarks(found.kind))


async def _current(tx: Transaction, source: SourceId, generation: int) -> Source | None:
    """Return the source as it is now; None when another evaluation was faster."""
    try:
        current = await tx.sources.get(source)
    except NotFoundError:  # its last launcher was removed; the next round sees that
        return None
    # Compare-and-set: whoever recorded meanwhile saw a head that may be newer than
    # ours. The caller evaluates again from the new state.
    return current if current.generation == generation else None


def _advanced(
    source: Source, observed: Observed | RefMissing, evaluation: Evaluation
) -> Source:
    seen = update_seen(source, observed, at=evaluation.completed_at)
    return replace(source, generation=evaluation.generation, seen=seen)


async def _pending_rebuilds(
    tx: Transaction, observation: HeadObservation
) -> Sequence[Rebuild]:
    """Return the rebuilds without a plan that wait for this evaluation."""
    # Not the ones made since: their launchers may want a commit that was pushed after
    # this evaluation read the head.
    waiting = await tx.rebuilds.unplanned(
        observation.source.id, until=observation.started_at
    )
    return [
        rebuild
        for rebuild in await tx.rebuilds.some(waiting)
        if rebuild.plan is None and not rebuild.state.is_final
    ]


def _failure(comparison: Comparison) -> Failure:
    is_remote = comparison.verdict in {Verdict.UNKNOWN, Verdict.REF_GONE}
    kind = FailureClass.CLONE_FAILED if is_remote else FailureClass.NO_DEFINITION
    return Failure(kind=kind, message=comparison.message)
