"""Builder → build.finished: the state of running builds is read, never inferred."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from consumers.apply import Application
from consumers.guard import contained
from service.domain.build import Build, BuildId, BuildState, Image
from service.domain.failure import Failure, FailureClass
from service.errors import TransientError
from service.ports.builder import Builder, Finished, Observation, Running, Vanished
from service.ports.store import LOCK_SCHEDULE, Store
from service.ports.time import Clock

__all__ = ["Watcher"]

log = structlog.get_logger(__name__)

GRACE: Final = timedelta(seconds=3)
"""How long after its start a build may be unknown to the builder: between the
decision and the builder's knowledge lies the start itself. Judged too early, a build
is started again under the same id, which changes nothing."""
AFTER_TROUBLE: Final = timedelta(seconds=2)

LOST: Final = Failure(
    kind=FailureClass.LOST,
    message="The build was lost: what ran it stopped before it ended.",
    hint="It is tried again by itself.",
)


class Watcher:
    """Settle builds that ended."""

    def __init__(
        self, *, store: Store, builder: Builder, clock: Clock, application: Application
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._application = application

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self.watch()
                await self._builder.changed()
            except TransientError as exc:
                log.warning("watch waits", error=str(exc))
                await self._clock.sleep(AFTER_TROUBLE)

    async def watch(self) -> None:
        """Look at every running build once, and settle what ended.

        Raises:
            TransientError: The database or the builder did not answer.
        """
        async with self._store.reading() as tx:
            builds = await tx.builds.unfinished()
        running = [it for it in builds if it.state is BuildState.RUNNING]
        if running:
            seen = await self._builder.observe(running)
            await self._settle(running, seen)

    async def _settle(
        self, running: Sequence[Build], seen: Mapping[BuildId, Observation]
    ) -> None:
        for build in running:
            with contained("build not settled", build=build.id):
                await self._settle_one(build, seen.get(build.id, Vanished()))

    async def _settle_one(self, build: Build, seen: Observation) -> None:
        match seen:
            case Running(hindrance=hindrance):
                await self._note(build, hindrance)
            case Finished() as ended:
                await self._end(build, ended)
            case Vanished():
                if not self._is_young(build):
                    lost = Finished(outcome=LOST, at=self._clock.now())
                    await self._end(build, lost)

    async def _note(self, build: Build, hindrance: Failure | None) -> None:
        if build.failure == hindrance:
            return
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            current = await tx.builds.get(build.id)
            if _is_same_run(current, build):
                await self._application.hindered(tx, current, hindrance)

    def _is_young(self, build: Build) -> bool:
        since = build.started_at or build.created_at
        return self._clock.now() - since < GRACE

    async def _end(self, build: Build, ended: Finished) -> None:
        async with self._store.transaction(LOCK_SCHEDULE) as tx:
            current = await tx.builds.get(build.id)
            if not _is_same_run(current, build):
                return  # settled by another consumer, or stopped meanwhile
            current = replace(current, phases=ended.phases)
            if isinstance(ended.outcome, Image):
                await self._application.succeeded(tx, current, ended.outcome)
            else:
                await self._application.failed(tx, current, ended.outcome)
        await self._builder.forget(build.id)


def _is_same_run(current: Build, seen: Build) -> bool:
    """Say whether what was seen of a build is still about what is on record."""
    is_same = current.attempt == seen.attempt
    return current.state is BuildState.RUNNING and is_same
