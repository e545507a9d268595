"""Builder → build.finished: the state of running builds is read, never inferred."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from consumers.building.transitions import BuildTransitions
from consumers.loops.periodic import run_periodically
from consumers.loops.supervisor import isolate
from service.domain.building.build import Build, BuildId, BuildState, Image
from service.domain.building.failure import Failure, FailureClass
from service.errors import TransientError
from service.logs import log_about
from service.ports.builder import Builder, Finished, Observation, Running, Vanished
from service.ports.store import LOCK_SCHEDULE, Store
from service.ports.time import Clock

__all__ = ["BuildWatcher"]

log = structlog.get_logger(__name__)

GRACE: Final = timedelta(seconds=3)
"""How long after its start a build may be unknown to the builder: between the
decision and the builder's knowledge lies the start itself. Judged too early, a build
is started again under the same id, which changes nothing."""
SETTLING: Final = 8
"""Builds that are settled at once."""
AFTER_TROUBLE: Final = timedelta(seconds=2)

LOST: Final = Failure(
    kind=FailureClass.LOST,
    message="The build was lost: what ran it stopped before it ended.",
    hint="It is tried again by itself.",
)


# One, in the process that leads. It starts from the rows of running builds each time,
# so a new leader picks up what the one before had started.
class BuildWatcher:
    """Settle builds that ended."""

    def __init__(
        self,
        *,
        store: Store,
        builder: Builder,
        clock: Clock,
        transitions: BuildTransitions,
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._transitions = transitions

    async def run(self) -> None:
        """Watch until cancelled."""
        await run_periodically(
            self._watch_until_changed,
            clock=self._clock,
            failure="watch waits",
            after_failure=AFTER_TROUBLE,
        )

    async def _watch_until_changed(self) -> None:
        await self.watch()
        # Level-triggered: the signal only ends the wait. State is always read whole, so
        # a missed or merged signal costs a poll and loses nothing.
        await self._builder.changed()

    async def watch(self) -> None:
        """Observe every running build once, and settle what ended.

        Raises:
            TransientError: The database or the builder did not answer.
        """
        async with self._store.reading() as tx:
            builds = await tx.builds.unfinished()
        running = [build for build in builds if build.state is BuildState.RUNNING]
        if running:
            seen = await self._builder.observe(running)
            await self._settle(running, seen)

    async def _settle(
        self, running: Sequence[Build], seen: Mapping[BuildId, Observation]
    ) -> None:
        # Each with requests to the builder: a crowd does not wait for its slowest.
        room = asyncio.Semaphore(SETTLING)
        trouble: list[TransientError] = []

        async def settle(build: Build) -> None:
            log_about(traceparent=build.traceparent, build=build.id)
            async with room:
                try:
                    with isolate("build not settled", build=build.id):
                        # A builder that does not mention a build has lost it (its Job
                        # was deleted, its folder is gone). That is an end like others
                        # and is retried as `lost`.
                        await self._settle_one(build, seen.get(build.id, Vanished()))
                except TransientError as exc:
                    trouble.append(exc)

        async with asyncio.TaskGroup() as group:
            for build in running:
                if not self._is_as_recorded(build, seen.get(build.id, Vanished())):
                    group.create_task(settle(build))
        if trouble:
            raise trouble[0]

    def _is_as_recorded(self, build: Build, seen: Observation) -> bool:
        match seen:
            case Running(hindrance=hindrance):
                return build.failure == hindrance
            case Finished():
                return False
            case Vanished():
                return self._is_young(build)

    async def _settle_one(self, build: Build, seen: Observation) -> None:
        match seen:
            case Running(hindrance=hindrance):
                await self._note(build, hindrance)
            case Finished() as ended:
                await self._end(build, ended)
            case Vanished():
                await self._end(build, Finished(outcome=LOST, at=self._clock.now()))

    async def _note(self, build: Build, hindrance: Failure | None) -> None:
        # Read again under the lock of the scheduler: since it was observed a person may
        # have cancelled the build, or the scheduler may have put it back.
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            current = await tx.builds.get(build.id)
            if current.is_running_as(build):
                await self._transitions.hindered(tx, current, hindrance)

    def _is_young(self, build: Build) -> bool:
        since = build.started_at or build.created_at
        return self._clock.now() - since < GRACE

    async def _end(self, build: Build, ended: Finished) -> None:
        # Before `release`, and not after: the builder's copy is the only proof of the
        # outcome until this commit. Dying in between leaves work for the garbage
        # collector, not a lost result.
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            current = await tx.builds.get(build.id)
            if not current.is_running_as(build):
                return  # settled by another consumer, or stopped meanwhile
            current = replace(current, phases=ended.phases)
            if isinstance(ended.outcome, Image):
                await self._transitions.succeeded(tx, current, ended.outcome)
            else:
                await self._transitions.failed(tx, current, ended.outcome)
        await self._builder.release(build.id)
