"""Inspect every hook periodically: a broken hook sends nothing that shows it.

Hooks are spread over the interval and never closer than a few seconds, so that
however many there are, their forges are asked for little.
"""

from datetime import timedelta
from random import SystemRandom
from typing import Final

import structlog

from consumers.loops.periodic import run_periodically
from consumers.loops.supervisor import isolate
from service.domain.hook import HookId
from service.errors import NotFoundError, PermanentError
from service.ports.store import Cursor, Store
from service.ports.time import Clock
from service.usecases.hook_maintenance import HookMaintainer

__all__ = ["Health"]

log = structlog.get_logger(__name__)

LEAST_PAUSE: Final = timedelta(seconds=5)
"""At most 720 hooks an hour, at two requests or so each: well below the 5,000 that
GitHub allows a token, and evaluations need it too. Ten thousand hooks take half a
day."""
AGAIN: Final = timedelta(seconds=30)


# One, in the process that leads. The order and the pause are all it has; a new leader
# starts the round again, which costs a few requests and repairs nothing twice.
class Health:
    """Check every hook, once per interval.

    Args:
        store: Where hooks are.
        clock: Spreads them.
        maintainer: Checks one.
        interval: Between two checks of a hook.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        maintainer: HookMaintainer,
        interval: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._maintainer = maintainer
        self._interval = interval
        self._chance = SystemRandom()

    async def run(self) -> None:
        """Go round until cancelled, at once after a start: who knows what died."""
        await run_periodically(
            self.go_round,
            clock=self._clock,
            failure="hooks wait",
            after_failure=min(self._interval, AGAIN),
        )

    async def go_round(self) -> None:
        """Check every hook, spread over one interval.

        Raises:
            TransientError: The database did not answer.
        """
        async with self._store.reading() as tx:
            count = await tx.hooks.count()
        if not count:
            await self._clock.sleep(self._interval)
            return
        pause = max(self._interval / count, LEAST_PAUSE)
        place: Cursor | None = None
        # One at a time over the hours that a round takes: each hook is read when its
        # turn comes, with the secrets and bindings of then.
        while place := await self._next(place):
            await self._visit(HookId(place.id))
            # Two services that began together do not stay together.
            await self._clock.sleep(pause * self._chance.uniform(0.8, 1.2))

    async def _next(self, place: Cursor | None) -> Cursor | None:
        async with self._store.reading() as tx:
            return await tx.hooks.next(place)

    async def _visit(self, hook: HookId) -> None:
        with isolate("hook not checked", hook=hook):
            try:
                await self._maintainer.check(hook)
            except NotFoundError:  # removed since the round began
                return
            except PermanentError as exc:
                log.error("hook not checked", hook=hook, error=str(exc))
