"""Builder and run images are watched; what they outdate is looked at, in order.

A tag moves without anybody telling. Whoever leads asks the registry what it names now
and writes that down; every process builds and names keys by what is written. Sources
whose launchers were last seen with something else are then looked at, a few at a time.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import structlog

from consumers.bell import Bell
from service.domain.agenda import Look, Pace
from service.domain.push import Evidence
from service.domain.source import SourceId
from service.errors import ServiceError, TransientError
from service.ports.builder import Builder, Named
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["BaseReader", "BaseWatch", "Outdater"]

log = structlog.get_logger(__name__)

READ: Final = timedelta(seconds=5)
"""How late a process knows what another has seen; until then it plans as before."""
ROUND: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
AGAIN: Final = timedelta(hours=6)
"""A source that a look could not settle, as its branch is gone, is not asked for at
every round."""
HELD: Final = 100
"""How many sources with something that failed are looked at in a round, beside the
rate: they have waited already."""


class BaseReader:
    """Tell the builder what its images were last seen to be."""

    def __init__(self, *, store: Store, builder: Named, clock: Clock) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock

    async def run(self) -> None:
        """Read until cancelled, first at once."""
        while True:
            try:
                await self.read()
            except TransientError as exc:
                log.warning("bases not read", error=str(exc))
            await self._clock.sleep(READ)

    async def read(self) -> None:
        """Read once.

        Raises:
            TransientError: The database did not answer.
        """
        async with self._store.reading() as tx:
            self._builder.stand_on(await tx.bases.digests())


class BaseWatch:
    """Ask registries what the images are that are named by tag.

    Args:
        store: Where that is written down.
        builder: Names them, and asks.
        clock: Tells the time.
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
        while True:
            try:
                await self.round()
            except TransientError as exc:
                log.warning("bases not written", error=str(exc))
            await self._clock.sleep(self._interval)

    async def round(self) -> None:
        """Ask for each image once; one that nobody answers for stays what it was.

        Raises:
            TransientError: The database did not answer.
        """
        for reference in sorted(self._builder.bases()):
            try:
                digest = await self._builder.digest_of(reference)
            except ServiceError as exc:
                log.warning("base not seen", image=reference, error=str(exc))
                continue
            await self._note(reference, digest)

    async def _note(self, reference: str, digest: str) -> None:
        async with self._store.transaction("bases") as tx:
            known = await tx.bases.digests()
            if known.get(reference) != digest:
                now = self._clock.now()
                await tx.bases.save(reference, digest=digest, at=now)
                log.info("base changed", image=reference, digest=digest)
                known = {**known, reference: digest}
        self._builder.stand_on(known)


class Outdater:
    """Have sources looked at whose launchers something else builds by now.

    Args:
        store: Knows who was last seen with what.
        builder: Says what builds now.
        clock: Tells the time.
        bell: Rung when there is something to look at.
        pace: How looks are gathered.
        per_hour: How many images are built anew for it in an hour, at most.
    """

    def __init__(
        self,
        *,
        store: Store,
        builder: Named,
        clock: Clock,
        bell: Bell,
        pace: Pace,
        per_hour: int,
    ) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._bell = bell
        self._pace = pace
        self._per_hour = per_hour
        self._left = 1.0
        """How many images may be built anew now; a fraction is kept."""
        self._counted_at = clock.now()
        self._asked: dict[SourceId, datetime] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                await self.round()
            except TransientError as exc:
                log.warning("outdated launchers wait", error=str(exc))
            await self._clock.sleep(ROUND)

    async def round(self) -> None:
        """Ask for those whose turn it is.

        Raises:
            TransientError: The database did not answer; nothing was asked for.
        """
        now = self._clock.now()
        self._count_up(now)
        chosen = await self._choose()
        if not chosen:
            return
        async with self._store.transaction() as tx:
            for source in chosen:
                look = Look(
                    source_id=source, evidence=Evidence.BASE_CHANGED, asked_at=now
                )
                await tx.agenda.ask(look, pace=self._pace)
        self._asked |= dict.fromkeys(chosen, now)
        log.info("another builder, sources are looked at", sources=len(chosen))
        self._bell.ring()

    def _count_up(self, now: datetime) -> None:
        """Let time bring new turns, but never more at once than a round's."""
        each_round = max(1.0, self._per_hour * (ROUND / HOUR))
        gained = self._per_hour * ((now - self._counted_at) / HOUR)
        self._left = min(self._left + gained, each_round)
        self._counted_at = now
        self._asked = {it: at for it, at in self._asked.items() if now - at < AGAIN}

    async def _choose(self) -> Collection[SourceId]:
        async with self._store.reading() as tx:
            others = {
                (frontend, builder)
                for frontend, builder in await tx.bases.builders()
                if builder != self._builder.identity(frontend=frontend)
            }
            if not others:
                return ()
            limit = HELD + self._per_hour + len(self._asked)
            found = await tx.bases.outdated(others, limit=limit)
        fresh = [it for it in found if it.source_id not in self._asked]
        held = [it.source_id for it in fresh if it.is_held][:HELD]
        chosen = list(held)
        for outdated in (it for it in fresh if not it.is_held):
            if self._left < 1:
                break
            # One with more frontends than are left goes over, and the next waits.
            self._left -= outdated.images
            chosen.append(outdated.source_id)
        return chosen
