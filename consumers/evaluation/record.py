"""Verdicts → the ledger: one transaction records some and plans what follows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import structlog

from consumers.building.endings import RebuildEndings
from consumers.evaluation.observation import HeadObservation, Patience
from consumers.evaluation.planning import LauncherPlanner, PlannedPage, Planning
from consumers.evaluation.record_steps import (
    advanced,
    current_sources,
    defer,
    failure_of,
    newest_generations,
    pending_rebuilds,
    recheck,
)
from consumers.evaluation.repository_identity import save_identity, suggest_to_others
from consumers.loops.gathering import AT_ONCE, Gatherer
from consumers.loops.wakeup import Wakeup
from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Definition, NoDefinition
from service.domain.evaluation.comparison import Evaluation, EvaluationId, Observed
from service.domain.evaluation.plan import next_generation
from service.domain.evaluation.queue import Debounce, DueEvaluation
from service.domain.findings import Finding
from service.domain.source import Source, SourceId
from service.errors import BusyError, TransientError
from service.events.descriptions import EvaluatedSource
from service.ports.builder import Builder
from service.ports.store import BATCH, Store, Transaction
from service.ports.time import Clock, Ids
from service.usecases.publish_events import EventRecorder

__all__ = ["EvaluationRecorder"]

log = structlog.get_logger(__name__)


# One per consuming process, used by all its evaluations: those that end while a
# transaction is under way share the next. It has no state of its own: everything it
# decides on is read inside the transaction that writes the decision.
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
        self._together = Gatherer(self._begin, most=AT_ONCE)

    async def record(self, observation: HeadObservation) -> bool:
        """Write an evaluation down; False when the source advanced meanwhile.

        Raises:
            TransientError: The database did not answer; nothing was written.
        """
        planning = await self._together.ask(observation)
        if planning is None:
            return False
        log.info(
            "source evaluated",
            verdict=observation.comparison.verdict.value,
            reason=observation.comparison.reason,
            generation=planning.evaluation.generation,
        )
        while not planning.is_done:
            if not await self._plan_next_page(planning):
                return True
        return True

    async def _begin(
        self, observations: Sequence[HeadObservation]
    ) -> Sequence[Planning | None]:
        """Write verdicts and plan launchers; None for those whom others were faster.

        The requests stay in the evaluation queue until the last launcher is planned:
        after a crash the source is evaluated again, for all of them.
        """
        # One of each source: a second one saw the same generation, and is too late.
        by_source = {item.source.id: item for item in reversed(observations)}
        # The lock is per source and shared with the reconciler, the schedule and
        # changes of settings: all of them decide whether a launcher needs a rebuild,
        # and two that decide at once would request the same image twice.
        async with self._store.transaction(
            *(f"source:{id_}" for id_ in by_source)
        ) as tx:
            current = await current_sources(
                tx, {id_: item.source.generation for id_, item in by_source.items()}
            )
            # Of a source with more than a page of launchers, all are planned later.
            launchers = await tx.launchers.of_whole(current.keys(), limit=BATCH)
            newest = await newest_generations(tx, current.keys(), launchers)
            plannings = await self._record(tx, by_source.values(), current, newest)
            await self._plan(
                tx,
                [
                    PlannedPage(planning=planning, launchers=some, is_last=True)
                    for planning in plannings
                    if (some := launchers.get(planning.source.id)) is not None
                ],
            )
        self._wake_schedule(plannings)
        begun = {id(planning.observation): planning for planning in plannings}
        return [begun.get(id(observation)) for observation in observations]

    async def _record(
        self,
        tx: Transaction,
        observations: Iterable[HeadObservation],
        current: Mapping[SourceId, Source],
        newest: Mapping[SourceId, int],
    ) -> Sequence[Planning]:
        """Write the verdicts of sources that nobody evaluated meanwhile."""
        now = self._clock.now()
        plannings = []
        for observation in observations:
            source = current.get(observation.source.id)
            if source is None:
                continue
            generation = next_generation(source, newest.get(source.id, 0))
            evaluation = self._evaluation(observation, generation, at=now)
            if observation.observed is not None:
                source = await save_identity(tx, source, observation.observed)
                source = advanced(source, observation.observed, evaluation)
            plannings.append(
                Planning(observation=observation, evaluation=evaluation, source=source)
            )
        await tx.evaluations.add_all([planning.evaluation for planning in plannings])
        seen = [
            item.source for item in plannings if item.observation.observed is not None
        ]
        await tx.sources.save_all(seen)
        suggestions = await suggest_to_others(tx, seen, current, now=now)
        await tx.evaluation_queue.enqueue_all(suggestions, debounce=self._debounce)
        await self._recorder.evaluated(
            tx,
            [
                EvaluatedSource(
                    source=planning.observation.source,
                    evaluation=planning.evaluation,
                    traceparent=planning.observation.traceparent,
                )
                for planning in plannings
            ],
        )
        return plannings

    async def _plan_next_page(self, planning: Planning) -> bool:
        """Plan the next launchers; False when a newer evaluation does that by now."""
        source = planning.source
        async with self._store.transaction(f"source:{source.id}") as tx:
            # Between two pages another evaluation may have recorded a newer head; it
            # plans all launchers, and going on would give some of them the older key.
            if not await current_sources(tx, {source.id: source.generation}):
                return False
            await self._plan(tx, [await self._planner.next_page(tx, planning)])
        self._wake_schedule([planning])
        return True

    async def _plan(self, tx: Transaction, pages: Sequence[PlannedPage]) -> None:
        unplanned = await self._planner.plan(tx, pages)
        for page, rebuilds in zip(pages, unplanned, strict=True):
            failure = failure_of(page.planning.observation.comparison)
            await self._endings.fail(tx, rebuilds, failure)
        # Only with the last page: requests that are settled earlier would be lost with
        # the launchers that a crash left unplanned.
        done = [page.planning for page in pages if page.planning.is_done]
        if not done:
            return
        await tx.evaluation_queue.settle_all(
            {planning.source.id: planning.observation.request_ids for planning in done},
            now=done[0].evaluation.completed_at,
            debounce=self._debounce,
        )
        again = [
            request
            for planning in done
            if (request := recheck(planning.observation)) is not None
        ]
        await tx.evaluation_queue.enqueue_all(again, debounce=self._debounce)

    def _wake_schedule(self, plannings: Iterable[Planning]) -> None:
        """Wake the schedule where rebuilds were requested.

        After the commit of each page: builds of the first launchers start while the
        others are still planned.
        """
        if any(planning.announced for planning in plannings):
            self._schedule.notify()

    async def record_failure(
        self,
        observation: HeadObservation,
        due_evaluation: DueEvaluation,
        exc: TransientError,
    ) -> None:
        """Write down an evaluation that saw nothing, and put it off."""
        now = self._clock.now()
        if isinstance(exc, BusyError):
            async with self._store.transaction() as tx:
                await defer(tx, observation.source.id, now=now)
            log.info("source not asked about yet", error=str(exc))
            return
        wait = self._patience.wait(due_evaluation.attempts, exc)
        unread = observation.unanswered(exc)
        async with self._store.transaction() as tx:
            if self._patience.is_worth_a_record(due_evaluation.attempts):
                evaluation = self._evaluation(
                    unread, observation.source.generation, at=now
                )
                await tx.evaluations.add(evaluation)
                evaluated = EvaluatedSource(
                    source=observation.source,
                    evaluation=evaluation,
                    traceparent=observation.traceparent,
                )
                await self._recorder.evaluated(tx, [evaluated])
            else:
                self._recorder.pushes.evaluated_in_vain(unread.comparison)
            # A person who waits for a manual rebuild gets an answer after some
            # attempts. The source stays queued: the launcher still follows it once the
            # forge is back.
            if due_evaluation.attempts >= self._patience.pending:
                failure = Failure(kind=FailureClass.NETWORK, message=str(exc))
                await self._endings.fail(
                    tx, await pending_rebuilds(tx, observation), failure
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

    def _evaluation(
        self, observation: HeadObservation, generation: int, *, at: datetime
    ) -> Evaluation:
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
            completed_at=at,
        )

    def _findings(self, found: Definition | NoDefinition) -> tuple[Finding, ...]:
        if isinstance(found, NoDefinition):
            return found.findings
        return (*found.findings, *self._builder.remarks(found.kind))
