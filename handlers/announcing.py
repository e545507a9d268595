"""Puts what callers had done into a transaction's outbox, as events."""

from collections.abc import Sequence
from typing import Final, Literal, Self

from aiohttp import web

from handlers.keys import CLOCK, IDS
from service.domain.build import BuildState, Rebuild
from service.domain.launcher import Launcher
from service.domain.repository import Repository
from service.domain.source import Source
from service.ports.store import Transaction
from service.ports.time import Clock, Ids
from service.wire import (
    BuildFinished,
    Data,
    Event,
    LauncherUpdated,
    PushReceived,
    RepositoryData,
)

__all__ = ["Announcer"]

_OUTCOMES: Final[dict[BuildState, Literal["cancelled", "superseded"]]] = {
    BuildState.CANCELLED: "cancelled",
    BuildState.SUPERSEDED: "superseded",
}


class Announcer:
    """Writes events into the outbox of a transaction."""

    def __init__(self, *, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids

    @classmethod
    def of(cls, app: web.Application) -> Self:
        """Take time and ids from an application."""
        return cls(clock=app[CLOCK], ids=app[IDS])

    async def look_wanted(
        self,
        tx: Transaction,
        source: Source,
        *,
        evidence: Literal["launcher", "manual"],
        rebuilds: Sequence[Rebuild] = (),
    ) -> None:
        """Ask that a source be looked at, and say which rebuilds wait for it."""
        data = PushReceived(
            repository=_repository_data(source.repository),
            evidence=evidence,
            source_ids=(source.id,),
            rebuild_ids=tuple(it.id for it in rebuilds),
            received_at=self._clock.now(),
        )
        await self._add(tx, data, subject=source.id)

    async def ended(self, tx: Transaction, rebuild: Rebuild) -> None:
        """Say that a rebuild was cancelled or superseded."""
        data = BuildFinished(
            build_id=rebuild.build_id,
            build_key=rebuild.plan.key if rebuild.plan else "",
            outcome=_OUTCOMES[rebuild.state],
            rebuild_ids=(rebuild.id,),
            reason=rebuild.reason,
        )
        await self._add(tx, data, subject=rebuild.build_id or rebuild.id)

    async def moved(
        self, tx: Transaction, launcher: Launcher, *, image: str, generation: int
    ) -> None:
        """Say that a launcher moved to an image."""
        data = LauncherUpdated(
            launcher_id=launcher.id,
            environment_id=launcher.environment_id,
            project_id=launcher.project_id,
            action="moved",
            image=image,
            previous_image=launcher.image,
            generation=generation,
        )
        await self._add(tx, data, subject=launcher.id)

    async def _add(self, tx: Transaction, data: Data, *, subject: str) -> None:
        event = Event.of(
            data, id=self._ids.new(), time=self._clock.now(), subject=subject
        )
        await tx.outbox.add([event])


def _repository_data(repository: Repository) -> RepositoryData:
    return RepositoryData(
        host=repository.host,
        path=repository.path,
        url=repository.url,
        number=repository.number,
    )
