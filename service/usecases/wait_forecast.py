"""Forecast what unfinished rebuilds wait for, and until when."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from service.domain.building.build import (
    Build as Work,
    BuildId,
    BuildState,
    Rebuild,
    RebuildId,
)
from service.domain.building.estimate import estimate_duration, estimate_end
from service.domain.building.failure import Failure
from service.domain.building.pause import Pause
from service.domain.building.waiting import (
    Circumstances,
    Limits,
    Obstacle,
    Waiting,
    explain_waiting,
    order_queue,
)
from service.domain.push import Trigger
from service.domain.source import SourceId
from service.ports.builder import BuilderIdentity
from service.ports.store import Transaction

__all__ = ["ForecastContext", "WaitForecast", "explain_wait", "forecast_wait"]

_BY_PERSON: Final = {Trigger.MANUAL, Trigger.LAUNCHER}
_IN_QUEUE: Final = {Obstacle.LIMIT, Obstacle.PROJECT_LIMIT, Obstacle.SCHEDULING}
"""What ends when other builds end; how long the rest lasts is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastContext:
    """What a forecast depends on beside the tables."""

    now: datetime
    limits: Limits
    builder: BuilderIdentity
    """What would build now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForecast:
    """What some rebuilds wait for, and how fast the queue moves."""

    waiting: Mapping[RebuildId, Waiting]
    positions: Mapping[BuildId, int]
    running_since: Sequence[datetime] = ()
    takes: timedelta | None = None

    def queue_position(self, rebuild: Rebuild) -> int | None:
        """Return the position in the queue, from 1; None for what is not in it."""
        if rebuild.state.is_final or rebuild.build_id is None:
            return None
        return self.positions.get(rebuild.build_id)

    def expected_end(self, rebuild: Rebuild) -> datetime | None:
        """Return when a rebuild should be done; None where that is unknown."""
        if self.takes is None or rebuild.state.is_final:
            return None
        waiting = self.waiting.get(rebuild.id)
        if waiting is not None and waiting.obstacle not in _IN_QUEUE:
            return None
        return estimate_end(
            position=self.queue_position(rebuild) or 0,
            requested_at=rebuild.started_at or rebuild.created_at,
            running_since=self.running_since,
            takes=self.takes,
        )


async def forecast_wait(
    tx: Transaction, rebuilds: Sequence[Rebuild], context: ForecastContext
) -> WaitForecast:
    """Forecast what rebuilds wait for, and when they end; see `explain_wait`."""
    found = await explain_wait(tx, rebuilds, context)
    if all(rebuild.state.is_final for rebuild in rebuilds):
        return found
    return replace(found, takes=estimate_duration(await tx.builds.durations()))


async def explain_wait(
    tx: Transaction, rebuilds: Sequence[Rebuild], context: ForecastContext
) -> WaitForecast:
    """Say what rebuilds wait for, in a few queries however many they are.

    Not for how long, which lists of launchers do not show.
    """
    not_final = [rebuild for rebuild in rebuilds if not rebuild.state.is_final]
    if not not_final:
        return WaitForecast(waiting={}, positions={})
    unfinished = await tx.rebuilds.unfinished()
    builds = await tx.builds.unfinished()
    # Only rebuilds without a plan wait for an evaluation; asking for all sources would
    # read the whole queue for a list of builds.
    unseen = {
        SourceId(rebuild.source_id) for rebuild in not_final if rebuild.plan is None
    }
    pending = await tx.evaluation_queue.pending(unseen) if unseen else ()
    appointments = {
        str(due_evaluation.source_id): due_evaluation for due_evaluation in pending
    }
    urgent = [
        rebuild.build_id
        for rebuild in unfinished
        if rebuild.build_id and rebuild.trigger in _BY_PERSON
    ]
    turns = order_queue(builds, urgent=urgent, now=context.now)
    positions = {build: position for position, build in enumerate(turns, start=1)}
    works = {build.id: build for build in builds}
    paused = await tx.pauses.of_projects(build.project_id for build in builds)
    busy = {rebuild.environment_id for rebuild in unfinished if rebuild.build_id}
    waiting = {}
    for rebuild in not_final:
        reason = explain_waiting(
            rebuild,
            Circumstances(
                now=context.now,
                limits=context.limits,
                due_evaluation=appointments.get(rebuild.source_id),
                work=_work_of(rebuild, works),
                pause=_pause(_work_of(rebuild, works), paused, urgent),
                hindrance=_hindrance(_work_of(rebuild, works)),
                builds=builds,
                is_environment_busy=rebuild.environment_id in busy,
                position=positions.get(rebuild.build_id, 0) if rebuild.build_id else 0,
                is_foreign=_is_foreign(rebuild, context.builder),
            ),
        )
        if reason is not None:
            waiting[rebuild.id] = reason
    return WaitForecast(
        waiting=waiting,
        positions=positions,
        running_since=[build.started_at for build in builds if build.started_at],
    )


def _is_foreign(rebuild: Rebuild, builder: BuilderIdentity) -> bool:
    if rebuild.plan is None:
        return False
    spec = rebuild.plan.spec
    return spec.builder_image != builder.identity(frontend=spec.frontend)


def _work_of(rebuild: Rebuild, works: Mapping[BuildId, Work]) -> Work | None:
    return works.get(rebuild.build_id) if rebuild.build_id else None


def _pause(
    work: Work | None, paused: Mapping[str, Pause], urgent: Container[BuildId]
) -> Pause | None:
    """Return the pause that a build waits for; none does that a person waits for."""
    return paused.get(work.project_id) if work and work.id not in urgent else None


def _hindrance(work: Work | None) -> Failure | None:
    """Return why a builder does not proceed with a build; None when it does."""
    is_taken = work is not None and work.state is BuildState.RUNNING
    return work.failure if work and is_taken else None
