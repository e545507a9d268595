"""Removes what builders hold of builds that are over: work for nobody, room for others.

Whoever settles a build lets go of it at once; this is for what died in between.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from consumers.loops.periodic import run_periodically
from consumers.loops.supervisor import isolate
from service.domain.building.build import BuildId
from service.ports.builder import Builder
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["GarbageCollector"]

log = structlog.get_logger(__name__)

INTERVAL: Final = timedelta(minutes=15)
"""How long what nobody wants may hold its room at most."""


# One, in the process that leads, beside the scheduler that starts builds; the order of
# reads in `clean` is what keeps the two from harming each other.
class GarbageCollector:
    """Let go of builds that are over, and stop those that nobody waits for."""

    def __init__(self, *, store: Store, builder: Builder, clock: Clock) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock

    async def run(self) -> None:
        """Clean until cancelled; at once after a start: who knows what died."""
        await run_periodically(
            self.clean, clock=self._clock, failure="cleaning waits", every=INTERVAL
        )

    async def clean(self) -> None:
        """Remove what is held of builds that are unknown or final.

        Raises:
            TransientError: The database or the builder did not answer.
        """
        # Asked in this order: a build is on record before anybody starts it.
        # In the other order a build that is recorded and started between both reads
        # would be held and not wanted, and would be stopped.
        held = sorted(await self._builder.known_builds())
        async with self._store.reading() as tx:
            wanted = {item.id for item in await tx.builds.unfinished()}
        unwanted = [build_id for build_id in held if build_id not in wanted]
        for build in unwanted:
            with isolate("build not forgotten", build=build):
                await self._builder.release(build)
        if unwanted:
            await self._stop(unwanted)

    async def _stop(self, unwanted: Sequence[BuildId]) -> None:
        """Stop what could not be forgotten, because it runs."""
        # `release` leaves a build that runs. What is still held after it is stopped
        # here, and its remains are released in the next round.
        still = await self._builder.known_builds()
        for build in (build_id for build_id in unwanted if build_id in still):
            with isolate("build not stopped", build=build):
                await self._builder.cancel(build)
                log.info("build stopped, nobody waits for it", build=build)
