"""Looks after every hook from time to time: a hook that died says nothing.

Hooks are spread over the interval and never closer than a few seconds, so that
however many there are, their forges are asked for little.
"""

from datetime import timedelta
from random import SystemRandom
from typing import Final

import structlog

from consumers.guard import contained
from service.checkup import Nurse
from service.domain.hook import HookId
from service.errors import NotFoundError, PermanentError, TransientError
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["Health"]

log = structlog.get_logger(__name__)

LEAST_PAUSE: Final = timedelta(seconds=5)
"""At most 720 hooks an hour, at two requests or so each: well below the 5,000 that
GitHub allows a token, which looks need too. Ten thousand hooks take half a day."""
AGAIN: Final = timedelta(seconds=30)


class Health:
    """Look after every hook, once per interval.

    Args:
        store: Where hooks are.
        clock: Spreads them.
        nurse: Looks after one.
        interval: Between two checkups of a hook.
    """

    def __init__(
        self, *, store: Store, clock: Clock, nurse: Nurse, interval: timedelta
    ) -> None:
        self._store = store
        self._clock = clock
        self._nurse = nurse
        self._interval = interval
        self._chance = SystemRandom()

    async def run(self) -> None:
        """Go round until cancelled, at once after a start: who knows what died."""
        while True:
            try:
                await self.go_round()
            except TransientError as exc:
                log.warning("hooks wait", error=str(exc))
                await self._clock.sleep(min(self._interval, AGAIN))

    async def go_round(self) -> None:
        """Look after every hook, spread over one interval.

        Raises:
            TransientError: The database did not answer.
        """
        async with self._store.reading() as tx:
            hooks = await tx.hooks.ids()
        if not hooks:
            await self._clock.sleep(self._interval)
            return
        pause = max(self._interval / len(hooks), LEAST_PAUSE)
        for hook in hooks:
            await self._visit(hook)
            # Two services that began together do not stay together.
            await self._clock.sleep(pause * self._chance.uniform(0.8, 1.2))

    async def _visit(self, hook: HookId) -> None:
        with contained("hook not looked after", hook=hook):
            try:
                await self._nurse.look_after(hook)
            except NotFoundError:  # removed since the round began
                return
            except PermanentError as exc:
                log.error("hook not looked after", hook=hook, error=str(exc))
