"""Removes what builders hold of builds that are over: work for nobody, room for others.

Whoever settles a build lets go of it at once; this is for what died in between.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from consumers.guard import contained
from service.domain.build import BuildId
from service.errors import TransientError
from service.ports.builder import Builder
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["Cleaner"]

log = structlog.get_logger(__name__)

INTERVAL: Final = timedelta(minutes=15)
"""How long what nobody wants may hold its room at most."""


class Cleaner:
    """Let go of builds that are over, and stop those that nobody waits for."""

    def __init__(self, *, store: Store, builder: Builder, clock: Clock) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock

    async def run(self) -> None:
        """Clean until cancelled; at once after a start: who knows what died."""
        while True:
            try:
                await self.clean()
            except TransientError as exc:
                log.warning("cleaning waits", error=str(exc))
            await self._clock.sleep(INTERVAL)

    async def clean(self) -> None:
        """Remove what is held of builds that are unknown or final.

        Raises:
            TransientError: The database or the builder did not answer.
        """
        # Asked in this order: a build is on record before anybody starts it.
        held = sorted(await self._builder.held())
        async with self._store.reading() as tx:
            wanted = {it.id for it in await tx.builds.unfinished()}
        unwanted = [it for it in held if it not in wanted]
        for build in unwanted:
            with contained("build not forgotten", build=build):
                await self._builder.forget(build)
        if unwanted:
            await self._stop(unwanted)

    async def _stop(self, unwanted: Sequence[BuildId]) -> None:
        """Stop what could not be forgotten, because it runs."""
        still = await self._builder.held()
        for build in (it for it in unwanted if it in still):
            with contained("build not stopped", build=build):
                await self._builder.cancel(build)
                log.info("build stopped, nobody waits for it", build=build)
