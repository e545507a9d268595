"""Reconcile launchers: request rebuilds for those that are behind.

An evaluation reconciles its own source in its transaction. The leader's loop calls this
for all sources, and so does a command that changes what a launcher wants.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from service.domain.building.build import BuildSpec, Rebuild
from service.domain.definition import Definition
from service.domain.evaluation.comparison import Evaluation, get_definition
from service.domain.evaluation.plan import make_plan, make_rebuild
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.launcher import Launcher
from service.domain.push import Trigger
from service.domain.reconciliation import (
    RECENT,
    Anew,
    Arrived,
    Behind,
    Hold,
    assess,
    hold_for,
)
from service.domain.source import Source, SourceId
from service.ports.builder import BuilderIdentity
from service.ports.store import Transaction
from service.ports.time import Clock, Ids
from service.usecases.move_launchers import roll_out
from service.usecases.publish_events import EventRecorder

__all__ = ["Reconciliation", "make_spec"]

log = structlog.get_logger(__name__)


# One per consuming process, shared by evaluations, the leader's loops and changes of
# settings; stateless. All of them decide under the lock of the source.
class Reconciliation:
    """Requests rebuilds for launchers that are behind.

    Args:
        builder: The identity of the builder.
        clock: The current time.
        ids: Generates ids.
        recorder: Adds events to the outbox.
        debounce: How evaluation requests are debounced.
        pause: How long a person's cancellation is respected.
    """

    def __init__(
        self,
        *,
        builder: BuilderIdentity,
        clock: Clock,
        ids: Ids,
        recorder: EventRecorder,
        debounce: Debounce,
        pause: timedelta,
    ) -> None:
        self._builder = builder
        self._clock = clock
        self._ids = ids
        self._recorder = recorder
        self._debounce = debounce
        self.pause = pause

    def spec(self, launcher: Launcher, source: Source) -> BuildSpec:
        """Return the current build spec of a launcher."""
        return make_spec(self._builder, launcher, source)

    async def reconcile(
        self,
        tx: Transaction,
        source: Source,
        launchers: Iterable[Launcher],
        *,
        anew: Anew = Anew.NOTHING,
    ) -> None:
        """Move launchers of one source to a finished image, or request their rebuilds.

        The caller holds the lock of the source, so no evaluation decides at the same
        time.
        """
        some = list(launchers)
        recent = await tx.rebuilds.of_environments(
            (launcher.environment_id for launcher in some), limit=RECENT
        )
        paused = await tx.pauses.of_projects(launcher.project_id for launcher in some)
        held = []
        for launcher in some:
            if launcher.project_id in paused:
                continue  # once it ends, the leader's loop finds who is behind
            rebuilds = recent.get(launcher.environment_id, ())
            hold = await self._reconcile_launcher(tx, source, launcher, rebuilds, anew)
            if hold is not None:
                held.append(launcher.hold(hold.until))
        await tx.launchers.save_wanted(held)

    async def _reconcile_launcher(
        self,
        tx: Transaction,
        source: Source,
        launcher: Launcher,
        recent: Sequence[Rebuild],
        anew: Anew,
    ) -> Hold | None:
        """Do what a launcher's standing asks for; return how long it is held, if so."""
        now = self._clock.now()
        standing = assess(launcher, recent, now=now, pause=self.pause, anew=anew)
        hold = hold_for(standing)
        match standing:
            case Arrived(rebuild=rebuild):
                await roll_out(tx, self._recorder, launcher, rebuild)
            case Behind():
                hold = await self._request_rebuild(tx, source, launcher)
            case _:
                pass
        return hold

    async def _request_rebuild(
        self, tx: Transaction, source: Source, launcher: Launcher
    ) -> Hold | None:
        """Request a rebuild, or an evaluation where the definition is not known."""
        definition = get_definition(source)
        if definition is None:
            return Hold(
                until=None
            )  # the next evaluation with a definition ends the hold
        # A rebuild points at an evaluation, so that it can be explained. The newest one
        # that read this definition is the reason, even if later ones saw it unchanged.
        evaluation = await self._evaluation(tx, source)
        if evaluation is None:
            await self.ask_for_look(tx, source.id)
            return None
        evaluation = replace(
            evaluation,
            # The launcher's, as the evaluation found may be older: with its own
            # generation the image could never replace a newer one.
            generation=launcher.wanted_generation,
            commit=source.seen.commit if source.seen else None,
            completed_at=self._clock.now(),
        )
        await self._plan(tx, source, launcher, definition, evaluation)
        return None

    async def _plan(
        self,
        tx: Transaction,
        source: Source,
        launcher: Launcher,
        definition: Definition,
        evaluation: Evaluation,
    ) -> None:
        planned = make_plan(evaluation, definition, self.spec(launcher, source))
        newest = max(launcher.generation, launcher.available_generation)
        if planned.key != launcher.wanted_key or planned.generation <= newest:
            # The build spec has changed, or the launcher could not move to the image:
            # its generation is not above the launcher's. A new evaluation solves both.
            await self.ask_for_look(tx, source.id)
            return
        rebuild = make_rebuild(evaluation, launcher, planned, self._ids.new())
        await tx.rebuilds.add(rebuild)
        await self._recorder.requested(tx, source, rebuild)
        log.info("launcher is behind", launcher=launcher.id, rebuild=rebuild.id)

    async def ask_for_look(self, tx: Transaction, source: SourceId) -> None:
        """Request the evaluation of a source, unless one is queued already."""
        # Without this a launcher that stays behind adds a request every five seconds
        # for as long as its forge is away.
        if await tx.evaluation_queue.requests(source):
            return
        now = self._clock.now()
        request = EvaluationRequest(
            source_id=source, trigger=Trigger.SWEEP, requested_at=now
        )
        await tx.evaluation_queue.enqueue(request, debounce=self._debounce)

    async def _evaluation(self, tx: Transaction, source: Source) -> Evaluation | None:
        """Return the latest evaluation that read the current definition."""
        seen = source.seen.fingerprint if source.seen else None
        latest = await tx.evaluations.of_source(source.id, limit=RECENT)
        return next(
            (evaluation for evaluation in latest if evaluation.fingerprint == seen),
            None,
        )


def make_spec(
    builder: BuilderIdentity, launcher: Launcher, source: Source
) -> BuildSpec:
    """Return the current build spec of a launcher."""
    return BuildSpec(
        builder=launcher.builder,
        frontend=launcher.frontend,
        platform=launcher.platform,
        builder_image=builder.identity(frontend=launcher.frontend),
        scope=builder.scope(launcher.project_id, launcher.environment_id),
        private_to=source.private_to,
    )
