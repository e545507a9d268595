"""What unfinished rebuilds wait for, and until when: gathered from the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from handlers.keys import BUILDER, CLOCK, LIMITS
from service.domain.build import Build as Work, BuildId, BuildState, Rebuild, RebuildId
from service.domain.estimate import expected_end, usual
from service.domain.failure import Failure
from service.domain.push import Evidence
from service.domain.source import SourceId
from service.domain.waiting import (
    Circumstances,
    Limits,
    Obstacle,
    Waiting,
    line_up,
    why_waiting,
)
from service.ports.builder import Named
from service.ports.store import Transaction

__all__ = ["Outlook", "View", "outlook", "view_of"]

_WAITED_FOR: Final = {Evidence.MANUAL, Evidence.LAUNCHER}
_IN_QUEUE: Final = {Obstacle.CAP, Obstacle.PROJECT_CAP, Obstacle.TURN}
"""What ends when others end; of the rest nobody can say how long it lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a reader goes by."""

    now: datetime
    limits: Limits
    builder: Named
    """What would build now."""


def view_of(app: web.Application) -> View:
    """Return what readers go by now."""
    return View(now=app[CLOCK].now(), limits=app[LIMITS], builder=app[BUILDER])


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What some rebuilds wait for, and how fast the queue moves."""

    waiting: Mapping[RebuildId, Waiting]
    places: Mapping[BuildId, int]
    running_since: Sequence[datetime] = ()
    takes: timedelta | None = None

    def place_of(self, rebuild: Rebuild) -> int | None:
        """Return its place in the queue; None for what is not in it."""
        if rebuild.state.is_final or rebuild.build_id is None:
            return None
        return self.places.get(rebuild.build_id)

    def end_of(self, rebuild: Rebuild) -> datetime | None:
        """Say when a rebuild should be done; None where nobody can tell."""
        if self.takes is None or rebuild.state.is_final:
            return None
        waiting = self.waiting.get(rebuild.id)
        if waiting is not None and waiting.obstacle not in _IN_QUEUE:
            return None
        return expected_end(
            place=self.place_of(rebuild) or 0,
            asked_at=rebuild.started_at or rebuild.created_at,
            running_since=self.running_since,
            takes=self.takes,
        )


async def outlook(tx: Transaction, rebuilds: Sequence[Rebuild], view: View) -> Outlook:
    """Gather what these rebuilds wait for, in a few queries however many they are."""
    open_ones = [it for it in rebuilds if not it.state.is_final]
    if not open_ones:
        return Outlook(waiting={}, places={})
    unfinished = await tx.rebuilds.unfinished()
    builds = await tx.builds.unfinished()
    unseen = {SourceId(it.source_id) for it in open_ones if it.plan is None}
    pending = await tx.agenda.pending(unseen) if unseen else ()
    appointments = {str(it.source_id): it for it in pending}
    urgent = [
        it.build_id for it in unfinished if it.build_id and it.evidence in _WAITED_FOR
    ]
    turns = line_up(builds, urgent=urgent, now=view.now)
    places = {build: place for place, build in enumerate(turns, start=1)}
    works = {it.id: it for it in builds}
    busy = {it.environment_id for it in unfinished if it.build_id}
    waiting = {}
    for rebuild in open_ones:
        found = why_waiting(
            rebuild,
            Circumstances(
                now=view.now,
                limits=view.limits,
                appointment=appointments.get(rebuild.source_id),
                work=_work_of(rebuild, works),
                hindrance=_hindrance(_work_of(rebuild, works)),
                builds=builds,
                is_environment_busy=rebuild.environment_id in busy,
                place=places.get(rebuild.build_id, 0) if rebuild.build_id else 0,
                is_foreign=_is_foreign(rebuild, view.builder),
            ),
        )
        if found is not None:
            waiting[rebuild.id] = found
    return Outlook(
        waiting=waiting,
        places=places,
        running_since=[it.started_at for it in builds if it.started_at],
        takes=usual(await tx.builds.durations()),
    )


def _is_foreign(rebuild: Rebuild, builder: Named) -> bool:
    if rebuild.plan is None:
        return False
    recipe = rebuild.plan.recipe
    return recipe.builder_image != builder.identity(frontend=recipe.frontend)


def _work_of(rebuild: Rebuild, works: Mapping[BuildId, Work]) -> Work | None:
    return works.get(rebuild.build_id) if rebuild.build_id else None


def _hindrance(work: Work | None) -> Failure | None:
    """Say why a builder does not proceed with what it took; None when it does."""
    is_taken = work is not None and work.state is BuildState.RUNNING
    return work.failure if work and is_taken else None
