"""rebuild.requested → builds: reuse, adopt, queue, start, stop.

Every decision is taken under one lock from everything that is unfinished
(`service.domain.schedule`), so any number of consumers may call at any time. No
message is held for the length of a build.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from consumers.apply import Application
from consumers.guard import contained
from service.domain.build import (
    BuildKey,
    BuildState,
    EnvironmentId,
    Image,
    Rebuild,
    RebuildId,
    Recipe,
)
from service.domain.failure import Failure, FailureClass
from service.domain.schedule import (
    Caps,
    Create,
    Decision,
    Situation,
    Start,
    Stop,
    decide,
)
from service.errors import TransientError
from service.ports.builder import Builder, HinderedError
from service.ports.store import LOCK_SCHEDULE, Store, Transaction
from service.ports.time import Clock
from service.wire import Data, Event

__all__ = ["Scheduler"]

log = structlog.get_logger(__name__)

TICK: Final = timedelta(seconds=1)
"""How late a retry may be that nobody wakes the scheduler for."""
NOT_STARTED: Final = Failure(
    kind=FailureClass.LOST,
    message="The build could not be started, by a fault of this service.",
    hint="It is tried again by itself.",
)
FOREIGN: Final = timedelta(seconds=15)
"""How long a rebuild that another builder is named for waits until it is planned anew:
whoever leads may change to and fro, and an older process may have planned it."""
MOVED: Final = Failure(
    kind=FailureClass.INTERNAL, message="What builds changed just before it started."
)
RECENT: Final = 10
"""How many rebuilds of an environment are read to count interruptions."""


class Scheduler:
    """Keep the builder busy with what is wanted, within the caps."""

    def __init__(
        self,
        *,
        store: Store,
        builder: Builder,
        clock: Clock,
        application: Application,
        caps: Caps,
        retry_after: timedelta,
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._application = application
        self._caps = caps
        self._retry_after = retry_after
        self._turn = asyncio.Lock()
        self._foreign: dict[tuple[RebuildId, str], datetime] = {}
        """Since when rebuilds are seen that another builder is named for, by plan."""

    async def handle(self, event: Event, data: Data) -> None:
        """Take rebuild.requested and build.finished: both change what is wanted."""
        del event, data
        await self.schedule()

    async def run(self) -> None:
        """Schedule whenever something waits, until cancelled: retries fall due."""
        while True:
            try:
                if await self._is_anything_waiting():
                    await self.schedule()
            except TransientError as exc:
                log.warning("schedule waits", error=str(exc))
            await self._clock.sleep(TICK)

    async def _is_anything_waiting(self) -> bool:
        async with self._store.reading() as tx:
            builds = await tx.builds.unfinished()
            rebuilds = await tx.rebuilds.unfinished()
        is_queued = any(it.state is BuildState.QUEUED for it in builds)
        return is_queued or any(it.build_id is None and it.plan for it in rebuilds)

    async def schedule(self) -> None:
        """Decide until nothing is left to decide, then act on the builder.

        Raises:
            TransientError: The database did not answer; what was decided stands.
        """
        async with self._turn:
            while any(isinstance(it, Create) for it in await self._once()):
                pass

    async def _once(self) -> Sequence[Decision]:
        images, unsure = await self._present_images()
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            decisions = decide(await self._situation(tx, images, unsure))
            for decision in decisions:
                await self._application.apply(tx, decision)
        await self._act(decisions)
        return decisions

    async def _act(self, decisions: Sequence[Decision]) -> None:
        # Stopping comes first: two builds of one key must not run at once.
        for stop in (it for it in decisions if isinstance(it, Stop)):
            with contained("build not stopped", build=stop.build.id):
                await self._builder.cancel(stop.build.id)
        for start in (it for it in decisions if isinstance(it, Start)):
            await self._start(start)

    async def _start(self, start: Start) -> None:
        build = start.build
        try:
            if not self._is_ours(build.recipe):
                await self._put_back(start, MOVED, wait=timedelta(0))
                return
            await self._builder.start(replace(build, state=BuildState.RUNNING))
        except TransientError as exc:
            log.warning("build could not start", build=build.id, error=str(exc))
            await self._put_back(start, _hindrance(exc), wait=self._retry_after)
        except Exception:
            # A fault of ours that this build brings out: others are started, and it
            # is tried again as often as a build that was lost.
            log.exception("build could not start", build=build.id)
            await self._fail(start)

    async def _fail(self, start: Start) -> None:
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            build = await tx.builds.get(start.build.id)
            if build.state is BuildState.RUNNING:
                await self._application.failed(tx, build, NOT_STARTED)

    async def _put_back(self, start: Start, why: Failure, *, wait: timedelta) -> None:
        again = self._clock.now() + wait
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            build = await tx.builds.get(start.build.id)
            if build.state is BuildState.RUNNING:
                await self._application.put_back(tx, build, not_before=again, why=why)

    async def _present_images(self) -> tuple[dict[BuildKey, Image], set[BuildKey]]:
        """Return the images that can still be started from, of all wanted keys.

        And the keys of images of which nobody can tell now: those wait, others go on.
        Asking a registry takes time, so it is done before the lock is taken.
        """
        async with self._store.reading() as tx:
            wanted = await _waiting(tx)
            keys = {it.plan.key for it in wanted if it.plan and not it.is_fresh}
            known = {key: await tx.builds.image(key) for key in sorted(keys)}
        present: dict[BuildKey, Image] = {}
        unsure: set[BuildKey] = set()
        for key, image in known.items():
            try:
                if image is not None and await self._builder.has(image):
                    present[key] = image
            except TransientError as exc:
                log.warning("image not found nor missed", key=key, error=str(exc))
                unsure.add(key)
        return present, unsure

    async def _situation(
        self, tx: Transaction, images: dict[BuildKey, Image], unsure: set[BuildKey]
    ) -> Situation:
        rebuilds = [
            it
            for it in await tx.rebuilds.unfinished()
            if it.plan is not None and not _must_wait(it, it.plan.key in unsure)
        ]
        crowded = _crowded(rebuilds)
        now = self._clock.now()
        return Situation(
            rebuilds=rebuilds,
            builds=await tx.builds.unfinished(),
            images=images,
            interruptions={it: await _interruptions(tx, it) for it in crowded},
            caps=self._caps,
            now=now,
            is_ours=self._is_ours,
            overdue=self._overdue(rebuilds, now),
        )

    def _is_ours(self, recipe: Recipe) -> bool:
        """Say whether this process builds as the recipe says."""
        return recipe.builder_image == self._builder.identity(frontend=recipe.frontend)

    def _overdue(self, rebuilds: Sequence[Rebuild], now: datetime) -> set[RebuildId]:
        """Return those that this process saw for long and may not build."""
        seen = self._foreign
        self._foreign = {
            place: seen.get(place, now)
            for it in rebuilds
            if it.plan is not None and not self._is_ours(it.plan.recipe)
            for place in [(it.id, it.plan.evaluation_id)]
        }
        return {
            rebuild
            for (rebuild, _), since in self._foreign.items()
            if now - since >= FOREIGN
        }


def _hindrance(exc: TransientError) -> Failure:
    if isinstance(exc, HinderedError):
        return exc.failure
    return Failure(kind=FailureClass.INTERNAL, message=str(exc))


async def _waiting(tx: Transaction) -> Sequence[Rebuild]:
    return [it for it in await tx.rebuilds.unfinished() if it.build_id is None]


def _must_wait(rebuild: Rebuild, is_unsure: bool) -> bool:  # noqa: FBT001 - the one fact
    """Say whether it depends on an image of which nobody can tell now."""
    return is_unsure and rebuild.build_id is None and not rebuild.is_fresh


def _crowded(rebuilds: Sequence[Rebuild]) -> set[EnvironmentId]:
    """Return the environments with more than one unfinished rebuild."""
    seen: set[EnvironmentId] = set()
    crowded: set[EnvironmentId] = set()
    for rebuild in rebuilds:
        target = crowded if rebuild.environment_id in seen else seen
        target.add(rebuild.environment_id)
    return crowded


async def _interruptions(tx: Transaction, environment: EnvironmentId) -> int:
    """Count the latest finished rebuilds that were superseded while they ran."""
    recent = await tx.rebuilds.of_environment(environment, limit=RECENT)
    count = 0
    for rebuild in (it for it in recent if it.state.is_final):
        if rebuild.state is not BuildState.SUPERSEDED:
            break
        count += rebuild.started_at is not None
    return count
