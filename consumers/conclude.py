"""A verdict → the ledger: one transaction records it and plans what follows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from consumers.learn import learned
from consumers.sight import Patience, Sight
from service.announcing import Announcer
from service.domain.agenda import Appointment, Look, Pace, once_more
from service.domain.build import (
    EnvironmentId,
    Move,
    Rebuild,
    RebuildId,
    Recipe,
    build_key,
    moved,
)
from service.domain.definition import Definition, NoDefinition
from service.domain.evaluation import (
    Evaluation,
    EvaluationId,
    Judgement,
    Looked,
    RefGone,
    Verdict,
    seen_after,
)
from service.domain.failure import Failure, FailureClass
from service.domain.findings import Finding
from service.domain.launcher import Launcher
from service.domain.planning import Known, next_generation, plan
from service.domain.push import Evidence
from service.domain.reconciliation import RECENT
from service.domain.source import Source
from service.errors import (
    NotFoundError,
    RemoteLagsError,
    TransientError,
)
from service.ports.builder import Builder
from service.ports.store import Store, Transaction
from service.ports.time import Clock, Ids
from service.reconciling import Reconciliation

__all__ = ["Conclusion"]

log = structlog.get_logger(__name__)


class Conclusion:
    """Write what looks saw, and what follows from it."""

    def __init__(
        self,
        *,
        store: Store,
        builder: Builder,
        clock: Clock,
        ids: Ids,
        announcer: Announcer,
        pace: Pace,
        patience: Patience,
        reconciliation: Reconciliation,
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._ids = ids
        self._announcer = announcer
        self._pace = pace
        self._patience = patience
        self._reconciliation = reconciliation

    async def write(self, sight: Sight) -> bool:
        """Write a look down; False when the source advanced meanwhile.

        Raises:
            TransientError: The database did not answer; nothing was written.
        """
        source = sight.source
        async with self._store.transaction(f"source:{source.id}") as tx:
            current = await _current(tx, source)
            if current is None:
                return False
            launchers = await tx.launchers.of_source(source.id)
            evaluation = self._evaluation(sight, next_generation(source, launchers))
            await tx.evaluations.add(evaluation)
            if sight.looked is not None:
                current = await learned(tx, current, sight.looked)
                await tx.sources.save(_advanced(current, sight.looked, evaluation))
            await self._announcer.evaluated(
                tx, source, evaluation, traceparent=sight.traceparent
            )
            await self._follow_up(tx, sight, evaluation, launchers)
            await tx.agenda.settle(
                source.id,
                places=sight.places,
                now=evaluation.completed_at,
                pace=self._pace,
            )
            await self._look_once_more(tx, sight)
        log.info(
            "source evaluated",
            verdict=sight.judgement.verdict.value,
            reason=sight.judgement.reason,
            generation=evaluation.generation,
        )
        return True

    async def _look_once_more(self, tx: Transaction, sight: Sight) -> None:
        created_at = sight.source.created_at
        again = once_more(created_at=created_at, started_at=sight.started_at)
        if again is not None:
            ask = Look(
                source_id=sight.source.id, evidence=Evidence.SWEEP, asked_at=again
            )
            await tx.agenda.ask(ask, pace=self._pace)

    async def write_in_vain(
        self, sight: Sight, appointment: Appointment, exc: TransientError
    ) -> None:
        """Write down a look that saw nothing, and put it off."""
        now = self._clock.now()
        wait = self._patience.wait(appointment.attempts, exc)
        blind = replace(
            sight,
            judgement=Judgement(
                verdict=Verdict.UNKNOWN, reason=_word(exc), message=str(exc)
            ),
        )
        async with self._store.transaction() as tx:
            if _is_worth_a_record(appointment.attempts):
                evaluation = self._evaluation(blind, sight.source.generation)
                await tx.evaluations.add(evaluation)
                await self._announcer.evaluated(
                    tx, sight.source, evaluation, traceparent=sight.traceparent
                )
            if appointment.attempts >= self._patience.wishes:
                failure = Failure(kind=FailureClass.NETWORK, message=str(exc))
                await self._fail(tx, await _wishes(tx, sight), failure, now)
            await tx.agenda.postpone(
                sight.source.id, until=now + wait, trouble=str(exc)
            )
        log.warning("source not seen", error=str(exc), again_in=wait.total_seconds())

    async def put_off(self, appointment: Appointment) -> None:
        """Put off a look that a fault of this service ended, longer each time."""
        trouble = TransientError("a fault of this service")
        wait = self._patience.wait(appointment.attempts, trouble)
        async with self._store.transaction() as tx:
            until = self._clock.now() + wait
            await tx.agenda.postpone(appointment.source_id, until=until)

    async def _follow_up(
        self,
        tx: Transaction,
        sight: Sight,
        evaluation: Evaluation,
        launchers: Sequence[Launcher],
    ) -> None:
        wishes = await _wishes(tx, sight)
        if sight.definition is None:
            failure = _failure(sight.judgement)
            await self._fail(tx, wishes, failure, evaluation.completed_at)
            if isinstance(sight.looked, Looked):
                await self._want_nothing(tx, launchers, evaluation)
            return
        for planned in plan(
            evaluation,
            sight.definition,
            Known(
                launchers=launchers,
                wishes=wishes,
                rebuilds=await self._rebuilds(tx, sight.definition, launchers),
                is_pushed=sight.is_pushed,
                pause=self._reconciliation.pause,
                traceparent=sight.traceparent,
            ),
            recipe=self._reconciliation.recipe,
            new_id=self._ids.new,
        ):
            await tx.launchers.save(planned.launcher)
            for rebuild in planned.rebuilds:
                await tx.rebuilds.add(rebuild)
                await tx.rebuilds.save(rebuild)
                await self._announcer.requested(tx, sight.source, rebuild)

    async def _rebuilds(
        self, tx: Transaction, found: Definition, launchers: Sequence[Launcher]
    ) -> Mapping[EnvironmentId, Sequence[Rebuild]]:
        """Read what counts for those that may be behind; most have what they want."""
        unfinished = {it.environment_id for it in await tx.rebuilds.unfinished()}
        asked = [
            it.environment_id
            for it in launchers
            if it.environment_id in unfinished
            or it.image_key != build_key(found.meaning, found.kind, self._recipe(it))
        ]
        return {it: await tx.rebuilds.of_environment(it, limit=RECENT) for it in asked}

    async def _want_nothing(
        self,
        tx: Transaction,
        launchers: Sequence[Launcher],
        evaluation: Evaluation,
    ) -> None:
        """Write that there is no definition at the head: nobody is behind it."""
        for launcher in launchers:
            nothing = replace(
                launcher,
                wanted_key=None,
                wanted_generation=evaluation.generation,
                wanted_builder=self._recipe(launcher).builder_image,
            )
            await tx.launchers.save(nothing)

    def _recipe(self, launcher: Launcher) -> Recipe:
        return self._reconciliation.recipe(launcher)

    def _evaluation(self, sight: Sight, generation: int) -> Evaluation:
        looked = sight.looked if isinstance(sight.looked, Looked) else None
        chosen = sight.definition
        return Evaluation(
            id=EvaluationId(self._ids.new()),
            source_id=sight.source.id,
            generation=generation if sight.looked else sight.source.generation,
            evidence=sight.evidence,
            delivery_ids=sight.delivery_ids,
            judgement=sight.judgement,
            commit=looked.head.commit if looked else None,
            ref=looked.head.ref if looked else None,
            previous=sight.source.seen.fingerprint if sight.source.seen else None,
            fingerprint=chosen.fingerprint if chosen else None,
            kind=chosen.kind if chosen else None,
            items=looked.found.items if looked else (),
            findings=self._findings(looked.found) if looked else (),
            started_at=sight.started_at,
            completed_at=self._clock.now(),
        )

    def _findings(self, found: Definition | NoDefinition) -> tuple[Finding, ...]:
        if isinstance(found, NoDefinition):
            return found.findings
        return (*found.findings, *self._builder.remarks(found.kind))

    async def _fail(
        self,
        tx: Transaction,
        wishes: Sequence[Rebuild],
        failure: Failure,
        now: datetime,
    ) -> None:
        for wish in (it for it in wishes if not it.state.is_final):
            failed = replace(
                wish,
                state=moved(wish.state, Move.FAIL),
                failure=failure,
                reason=failure.kind.word,
                completed_at=now,
            )
            await tx.rebuilds.save(failed)
            await self._announcer.finished(tx, (failed,), None)


async def _current(tx: Transaction, source: Source) -> Source | None:
    """Return the source as it is now; None when another look was faster."""
    try:
        current = await tx.sources.get(source.id)
    except NotFoundError:  # its last launcher was removed; the next round sees that
        return None
    return current if current.generation == source.generation else None


def _advanced(
    source: Source, looked: Looked | RefGone, evaluation: Evaluation
) -> Source:
    seen = seen_after(source, looked, at=evaluation.completed_at)
    return replace(source, generation=evaluation.generation, seen=seen)


async def _wishes(tx: Transaction, sight: Sight) -> Sequence[Rebuild]:
    """Return the rebuilds without a plan that this look answers.

    Those that its asks name, and those that were there when it began: another ask
    may have been faster than the one that names them.
    """
    named = [RebuildId(it) for _, ask in sight.asks for it in ask.rebuild_ids]
    waiting = [
        it.id
        for it in await tx.rebuilds.unfinished()
        if it.source_id == sight.source.id and it.created_at <= sight.started_at
    ]
    found = [await tx.rebuilds.get(it) for it in dict.fromkeys([*named, *waiting])]
    return [it for it in found if it.plan is None]


def _is_worth_a_record(attempts: int) -> bool:
    """Say yes to the 1st, 2nd, 3rd, 5th, 9th … look in vain: outages can be long."""
    return attempts & (attempts - 1) == 0


def _word(exc: TransientError) -> str:
    lags = isinstance(exc, RemoteLagsError)
    return "remote_lags" if lags else "remote_unavailable"


def _failure(judgement: Judgement) -> Failure:
    is_remote = judgement.verdict in {Verdict.UNKNOWN, Verdict.REF_GONE}
    kind = FailureClass.CLONE_FAILED if is_remote else FailureClass.NO_DEFINITION
    return Failure(kind=kind, message=judgement.message)
