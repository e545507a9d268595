"""What launchers want and what is on its way are brought together.

The evaluation decides for its source while it writes; everybody else calls this: the
leader's loop, from its start on, and whoever changed what a launcher wants.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import structlog

from service.announcing import Announcer
from service.domain.agenda import Look, Pace
from service.domain.build import Recipe
from service.domain.definition import Definition
from service.domain.evaluation import Evaluation, defined
from service.domain.launcher import Launcher
from service.domain.planning import automatic_rebuild, planned_for
from service.domain.push import Evidence
from service.domain.reconciliation import (
    RECENT,
    Anew,
    Arrived,
    Behind,
    Hold,
    hold_of,
    stand,
)
from service.domain.source import Source, SourceId
from service.moving import roll_out
from service.ports.builder import Named
from service.ports.store import Transaction
from service.ports.time import Clock, Ids

__all__ = ["Reconciliation"]

log = structlog.get_logger(__name__)


class Reconciliation:
    """Ask for the images that launchers want and nothing leads to.

    Args:
        builder: Says what would build them.
        clock: Tells the time.
        ids: Makes ids.
        announcer: Tells what was asked for.
        pace: How looks are gathered.
        pause: How long a person's cancellation is respected.
    """

    def __init__(
        self,
        *,
        builder: Named,
        clock: Clock,
        ids: Ids,
        announcer: Announcer,
        pace: Pace,
        pause: timedelta,
    ) -> None:
        self._builder = builder
        self._clock = clock
        self._ids = ids
        self._announcer = announcer
        self._pace = pace
        self.pause = pause

    def recipe(self, launcher: Launcher) -> Recipe:
        """Say how a launcher's image is made now."""
        return Recipe(
            builder=launcher.builder,
            frontend=launcher.frontend,
            platform=launcher.platform,
            builder_image=self._builder.identity(frontend=launcher.frontend),
            scope=self._builder.scope(launcher.project_id),
        )

    async def reconcile(
        self,
        tx: Transaction,
        source: Source,
        launchers: Iterable[Launcher],
        *,
        anew: Anew = Anew.NOTHING,
    ) -> None:
        """Bring launchers of one source forward, as far as that can be done now.

        The caller holds the lock of the source: nobody else decides for it.
        """
        for launcher in launchers:
            await self._bring(tx, source, launcher, anew)

    async def _bring(
        self, tx: Transaction, source: Source, launcher: Launcher, anew: Anew
    ) -> None:
        recent = await tx.rebuilds.of_environment(launcher.environment_id, limit=RECENT)
        now = self._clock.now()
        standing = stand(launcher, recent, now=now, pause=self.pause, anew=anew)
        hold = hold_of(standing)
        match standing:
            case Arrived(rebuild=rebuild):
                await roll_out(tx, self._announcer, launcher, rebuild)
            case Behind():
                hold = await self._ask(tx, source, launcher)
            case _:
                pass
        if hold is not None:
            await tx.launchers.save(launcher.held(hold.until))

    async def _ask(
        self, tx: Transaction, source: Source, launcher: Launcher
    ) -> Hold | None:
        """Ask for a rebuild; where only a look can tell of what, for that."""
        found = defined(source)
        if found is None:
            return Hold(until=None)  # a look tells when something is there again
        looked = await self._evaluation(tx, source)
        if looked is None:
            await self.ask_for_look(tx, source.id)
            return None
        looked = replace(
            looked,
            generation=launcher.wanted_generation,
            commit=source.seen.commit if source.seen else None,
            completed_at=self._clock.now(),
        )
        await self._plan(tx, source, launcher, found, looked)
        return None

    async def _plan(
        self,
        tx: Transaction,
        source: Source,
        launcher: Launcher,
        found: Definition,
        looked: Evaluation,
    ) -> None:
        planned = planned_for(looked, found, self.recipe(launcher))
        newest = max(launcher.generation, launcher.available_generation)
        if planned.key != launcher.wanted_key or planned.generation <= newest:
            # Built otherwise by now, or nothing that a launcher could move to.
            await self.ask_for_look(tx, source.id)
            return
        rebuild = automatic_rebuild(looked, launcher, planned, self._ids.new())
        await tx.rebuilds.add(rebuild)
        await self._announcer.requested(tx, source, rebuild)
        log.info("launcher is behind", launcher=launcher.id, rebuild=rebuild.id)

    async def ask_for_look(self, tx: Transaction, source: SourceId) -> None:
        """Have a source looked at, unless somebody asks for that already."""
        if await tx.agenda.asks(source):
            return
        now = self._clock.now()
        look = Look(source_id=source, evidence=Evidence.SWEEP, asked_at=now)
        await tx.agenda.ask(look, pace=self._pace)

    async def _evaluation(self, tx: Transaction, source: Source) -> Evaluation | None:
        """Return the look that last saw the definition that is there."""
        seen = source.seen.fingerprint if source.seen else None
        latest = await tx.evaluations.of_source(source.id, limit=RECENT)
        return next((it for it in latest if it.fingerprint == seen), None)
