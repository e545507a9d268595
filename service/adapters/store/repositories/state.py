"""What waits in the database, counted by indexes."""

from collections import Counter
from datetime import datetime

from sqlalchemy import func, select

from service.adapters.store.json_columns import checkup_from
from service.adapters.store.statements import Statements
from service.adapters.store.tables.builds import builds
from service.adapters.store.tables.configuration import hooks
from service.adapters.store.tables.evaluations import appointments, sweeps
from service.adapters.store.tables.operation import outbox
from service.domain.building.build import BuildState
from service.events.envelope import Event
from service.ports.store.statistics import InstallationState

__all__ = ["SqlStates"]


class SqlStates:
    """Implement the port `States`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def read(self, now: datetime) -> InstallationState:
        (events,) = await self._run.rows(
            select(func.count().label("count")).select_from(outbox)
        )
        first = await self._run.rows(
            select(outbox.c.event).order_by(outbox.c.place).limit(1)
        )
        oldest = [Event.from_bytes(row["event"]).time for row in first]
        (due,) = await self._run.rows(
            select(
                func.count().label("count"), func.min(appointments.c.due_at).label("at")
            ).where(appointments.c.due_at <= now)
        )
        (swept,) = await self._run.rows(
            select(func.min(sweeps.c.due_at).label("at")).where(
                # A source that is new has no turn yet, and no delay.
                sweeps.c.due_at <= now,
                sweeps.c.interval_ms > 0,
            )
        )
        states = await self._builds()
        checked = await self._hooks()
        return InstallationState(
            outbox_events=events["count"],
            outbox_oldest=oldest[0] if oldest else None,
            evaluations_due=due["count"],
            evaluation_oldest_due=due["at"],
            sweep_oldest_due=swept["at"],
            builds_queued=states["queued"][0],
            build_oldest_queued=states["queued"][1],
            builds_running=states["running"][0],
            hooks_healthy=checked["healthy"],
            hooks_unhealthy=checked["unhealthy"],
            hooks_unchecked=checked["unchecked"],
        )

    async def _builds(self) -> dict[str, tuple[int, datetime | None]]:
        found: dict[str, tuple[int, datetime | None]] = {}
        for state in (BuildState.QUEUED, BuildState.RUNNING):
            (row,) = await self._run.rows(
                select(
                    func.count().label("count"),
                    func.min(builds.c.created_at).label("at"),
                ).where(builds.c.state == state.value)
            )
            found[state.value] = row["count"], row["at"]
        return found

    async def _hooks(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for row in await self._run.rows(select(hooks.c.checkup)):
            health = checkup_from(row["checkup"])
            if health is None:
                counted["unchecked"] += 1
            else:
                counted["unhealthy" if health.problems else "healthy"] += 1
        return counted
