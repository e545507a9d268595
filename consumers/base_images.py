"""Builder and run images are watched; what they outdate is evaluated, in order.

A tag moves without an event. The leader asks the registry what it names now
and writes that down; every process builds and names keys by what is written. Sources
whose launchers were last seen with something else are then evaluated, a few at a time.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import structlog

from consumers.loops.periodic import run_periodically
from consumers.loops.wakeup import Wakeup
from consumers.rate import ROUND, HourlyRate
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.push import Trigger
from service.domain.source import SourceId
from service.errors import ServiceError
from service.ports.builder import Builder, BuilderIdentity
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["BaseReader", "BaseWatch", "Outdater"]

log = structlog.get_logger(__name__)

READ: Final = timedelta(seconds=5)
"""How late a process knows what another has seen; until then it plans as before."""
AGAIN: Final = timedelta(hours=6)
"""How long a source is left alone that an evaluation could not settle, such as one
whose branch is gone."""
HELD: Final = 100
"""How many sources with something that failed are evaluated in a round, beside the
rate: they have waited already."""


# One in every process, since receivers and consumers name keys as well. Not only in the
# leader's: keys of two processes that know different digests would never match.
class BaseReader:
    """Report the builder what its images were last seen to be."""

    def __init__(self, *, store: Store, builder: BuilderIdentity, clock: Clock) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock

    async def run(self) -> None:
        """Read until cancelled, first at once."""
        await run_periodically(
            self.read, clock=self._clock, failure="bases not read", every=READ
        )

    async def read(self) -> None:
        """Read once.

        Raises:
            TransientError: The database did not answer.
        """
        async with self._store.reading() as tx:
            self._builder.pin_bases(await tx.bases.digests())


# One, in the process that leads: the tag is resolved once for all, so that every
# process pins the same digest even while a registry serves two during a push.
class BaseWatch:
    """Ask registries what the images are that are named by tag.

    Args:
        store: Where that is written down.
        builder: Names them, and asks.
        clock: Gives the time.
        interval: How often they are asked for.
    """

    def __init__(
        self, *, store: Store, builder: Builder, clock: Clock, interval: timedelta
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._interval = interval

    async def run(self) -> None:
        """Watch until cancelled, first at once."""
        await run_periodically(
            self.round,
            clock=self._clock,
            failure="bases not written",
            every=self._interval,
        )

    async def round(self) -> None:
        """Ask for each image once; one that nobody answers for stays what it was.

        Raises:
            TransientError: The database did not answer.
        """
        for reference in sorted(self._builder.bases()):
            try:
                digest = await self._builder.digest_of(reference)
            # The last known digest stays. A registry that is away must not stop builds,
            # nor rename every key when it comes back.
            except ServiceError as exc:
                log.warning("base not seen", image=reference, error=str(exc))
                continue
            await self._note(reference, digest)

    async def _note(self, reference: str, digest: str) -> None:
        # Under a lock of its own: a leader that is about to lose its lease and the next
        # one may both write, and the later read must win.
        async with self._store.transaction("bases") as tx:
            known = await tx.bases.digests()
            if known.get(reference) != digest:
                now = self._clock.now()
                await tx.bases.save(reference, digest=digest, at=now)
                log.info("base changed", image=reference, digest=digest)
                known = {**known, reference: digest}
        self._builder.pin_bases(known)


# One, in the process that leads. `_asked` is memory only: after a change of leader some
# sources are evaluated again, which finds nothing new and builds nothing.
class Outdater:
    """Request evaluations of sources whose launchers something else builds by now.

    Args:
        store: Knows who was last seen with what.
        builder: Knows what builds now.
        clock: Gives the time.
        wakeup: Notified when there is something to evaluate.
        debounce: How requests are debounced.
        rate: How many images are built anew in an hour, at most.
    """

    def __init__(
        self,
        *,
        store: Store,
        builder: BuilderIdentity,
        clock: Clock,
        wakeup: Wakeup,
        debounce: Debounce,
        rate: HourlyRate,
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._wakeup = wakeup
        self._debounce = debounce
        self._rate = rate
        self._asked: dict[SourceId, datetime] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        await run_periodically(
            self.round,
            clock=self._clock,
            failure="outdated launchers wait",
            every=ROUND,
        )

    async def round(self) -> None:
        """Ask for those whose turn it is.

        Raises:
            TransientError: The database did not answer; nothing was asked for.
        """
        now = self._clock.now()
        self._rate.count_up(now)
        self._asked = {
            source_id: at for source_id, at in self._asked.items() if now - at < AGAIN
        }
        chosen = await self._choose()
        if not chosen:
            return
        async with self._store.transaction() as tx:
            for source in chosen:
                request = EvaluationRequest(
                    source_id=source, trigger=Trigger.BASE_CHANGED, requested_at=now
                )
                await tx.evaluation_queue.enqueue(request, debounce=self._debounce)
        self._asked |= dict.fromkeys(chosen, now)
        log.info("builder changed, sources evaluated", sources=len(chosen))
        self._wakeup.notify()

    async def _choose(self) -> Collection[SourceId]:
        async with self._store.reading() as tx:
            others = {
                (frontend, builder)
                for frontend, builder in await tx.bases.builders()
                if builder != self._builder.identity(frontend=frontend)
            }
            if not others:
                return ()
            # As many as could be chosen at most, plus those that were asked for already
            # and still match: with a fixed page those would hide all others.
            limit = HELD + self._rate.per_hour + len(self._asked)
            found = await tx.bases.outdated(others, limit=limit)
        fresh = [
            launcher for launcher in found if launcher.source_id not in self._asked
        ]
        held = [launcher.source_id for launcher in fresh if launcher.is_held][:HELD]
        chosen = list(held)
        for outdated in (launcher for launcher in fresh if not launcher.is_held):
            # The query orders by age of the image. Stopping at the first that does not
            # fit keeps that order; skipping it would starve sources with many
            # launchers.
            if not self._rate.take(outdated.images):
                break
            chosen.append(outdated.source_id)
        return chosen
