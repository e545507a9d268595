"""Images that a schedule calls old are built anew, a few at a time.

The leader asks the ledger for them from time to time, as for launchers that are behind.
The first launcher of an environment asks for a build although an image of its key is
there; the others take that image once it is built, or wait for the same build.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from consumers.loops.periodic import run_periodically
from consumers.loops.wakeup import Wakeup
from consumers.rate import ROUND, HourlyRate
from service.domain.building.build import BuildKey, BuildState, Rebuild, RebuildId
from service.domain.building.upcoming import find_next_rebuild, is_newer
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.launcher import Launcher, LauncherId, RebuildSchedule
from service.domain.push import Trigger
from service.domain.reconciliation import RECENT
from service.domain.source import SourceId
from service.errors import NotFoundError
from service.ports.store import SETTINGS, Store, Transaction
from service.ports.time import Clock, Ids

__all__ = ["ScheduledRebuilds"]

log = structlog.get_logger(__name__)

PAGE: Final = 500
AGAIN: Final = timedelta(hours=6)
"""A source that no evaluation can settle is not evaluated in every round."""


@dataclass(slots=True)
class _Round:
    """What one round has done so far."""

    now: datetime
    asked: set[BuildKey] = field(default_factory=set)
    """Keys that are built anew: further launchers of one cost nothing."""
    is_over: bool = False
    """Whether the rate allows no further key in this round."""


# One, in the process that leads. Which images are old is a query of every round;
# `_requested` only keeps sources that cannot be settled from being evaluated each
# minute.
class ScheduledRebuilds:
    """Ask for the rebuilds that schedules make due.

    Args:
        store: Knows which images are old.
        clock: Gives the time.
        ids: Makes ids.
        wakeup: Notified when there is something to evaluate.
        debounce: How requests are debounced.
        rate: How many images are built anew in an hour.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        wakeup: Wakeup,
        debounce: Debounce,
        rate: HourlyRate,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._wakeup = wakeup
        self._debounce = debounce
        self._rate = rate
        self._requested: dict[SourceId, datetime] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        await run_periodically(
            self.round,
            clock=self._clock,
            failure="scheduled rebuilds wait",
            every=ROUND,
        )

    async def round(self) -> None:
        """Ask for those whose turn it is, the oldest images first.

        Raises:
            TransientError: The database did not answer; what was asked for stands.
        """
        current = _Round(now=self._clock.now())
        self._rate.count_up(current.now)
        last: Launcher | None = None
        # Page by page, and no further than the rate goes: where everything is old, the
        # rest is found in later rounds.
        while not current.is_over and (page := await self._old(current.now, last)):
            for launcher in page:
                if await self._ask(launcher, current):
                    self._wakeup.notify()
            last = page[-1]

    async def _old(self, now: datetime, last: Launcher | None) -> Sequence[Launcher]:
        built_before = {
            schedule: now - schedule.interval
            for schedule in RebuildSchedule
            if schedule.interval is not None
        }
        async with self._store.reading() as tx:
            return await tx.launchers.scheduled(
                built_before=built_before, limit=PAGE, after=last
            )

    async def _ask(self, found: Launcher, current: _Round) -> bool:
        async with self._store.transaction(f"source:{found.source_id}") as tx:
            # Since the list was read it may have been moved, edited or removed; the
            # decision needs its state under the source's lock.
            launcher = await _read_again(tx, found.id)
            if launcher is None or launcher.source_id != found.source_id:
                return False
            if await tx.pauses.of_projects([launcher.project_id]):
                return False
            recent = await tx.rebuilds.of_environment(
                launcher.environment_id, limit=RECENT
            )
            key = launcher.wanted_key
            due = find_next_rebuild(
                launcher,
                recent,
                settings_changed_at=await tx.bases.fingerprint_at(SETTINGS),
            )
            if key is None or not due.is_due(current.now):
                return False
            source = await tx.sources.get(launcher.tracked_source)
            if source.seen and source.seen.is_pinned is None:
                return await self._evaluate(tx, source.id, current.now)
            known = await tx.builds.image(key)
            is_fresh = not is_newer(known, launcher, now=current.now)
            # One token for each key and not for each launcher: fifty launchers of an
            # environment share one build.
            if is_fresh and key not in current.asked and not self._rate.take():
                current.is_over = True
                return False
            if is_fresh:
                current.asked.add(key)
            await self._request(tx, launcher, current.now, is_fresh=is_fresh)
            return True

    async def _evaluate(self, tx: Transaction, source: SourceId, now: datetime) -> bool:
        """Evaluate a source of which nobody knows whether it is pinned."""
        requested_at = self._requested.get(source)
        if requested_at is not None and now - requested_at < AGAIN:
            return False
        self._requested[source] = now
        request = EvaluationRequest(
            source_id=source, trigger=Trigger.SCHEDULE, requested_at=now
        )
        await tx.evaluation_queue.enqueue(request, debounce=self._debounce)
        return True

    async def _request(
        self, tx: Transaction, launcher: Launcher, now: datetime, *, is_fresh: bool
    ) -> None:
        rebuild = Rebuild(
            id=RebuildId(self._ids.new()),
            environment_id=launcher.environment_id,
            launcher_id=launcher.id,
            source_id=launcher.tracked_source,
            trigger=Trigger.SCHEDULE,
            is_fresh=is_fresh,
            state=BuildState.QUEUED,
            created_at=now,
        )
        await tx.rebuilds.add(rebuild)
        request = EvaluationRequest(
            source_id=launcher.tracked_source,
            trigger=Trigger.SCHEDULE,
            rebuild_ids=(rebuild.id,),
            requested_at=now,
        )
        await tx.evaluation_queue.enqueue(request, debounce=self._debounce)
        log.info(
            "image is old, built anew"
            if is_fresh
            else "image is old, a newer is there",
            launcher=launcher.id,
            rebuild=rebuild.id,
        )


async def _read_again(tx: Transaction, launcher: LauncherId) -> Launcher | None:
    """Read a launcher as it is, now that nobody else decides for its source."""
    try:
        return await tx.launchers.get(launcher)
    except NotFoundError:
        return None
