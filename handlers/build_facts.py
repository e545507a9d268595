"""What a build's page says that its rebuild does not know of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handlers.shapes.builds import Build, BuildFacts
from service.domain.build import (
    Build as Work,
    BuildId,
    BuildState,
    Image,
    Rebuild,
    RebuildId,
)
from service.domain.estimate import expected_end, usual
from service.domain.push import Evidence
from service.domain.source import SourceId
from service.errors import NotFoundError
from service.ports.store import Transaction

__all__ = ["image_of", "tell_builds"]

_WAITED_FOR: Final = {Evidence.MANUAL, Evidence.LAUNCHER}


async def tell_builds(tx: Transaction, rebuilds: Sequence[Rebuild]) -> list[Build]:
    """Gather the facts of rebuilds, in their order."""
    urls: dict[str, str] = {}
    works: dict[BuildId, Work | None] = {}
    outlook = await _outlook(tx, rebuilds)
    told = []
    for it in rebuilds:
        if it.source_id not in urls:
            source = await tx.sources.get(SourceId(it.source_id))
            urls[it.source_id] = source.repository.url
        if it.build_id and it.state.is_final and it.build_id not in works:
            works[it.build_id] = await _work(tx, it.build_id)
        work = works.get(it.build_id) if it.build_id else None
        facts = BuildFacts(
            repository_url=urls[it.source_id],
            packages=_count(await _image(tx, it, work)),
            phases=work.phases if work and it.reason != "reused" else (),
            queue_position=outlook.places.get(it.id),
            expected_at=outlook.end_of(it),
        )
        told.append(Build.of(it, facts))
    return told


async def image_of(tx: Transaction, rebuild: Rebuild) -> Image | None:
    """Return what is known of the image that a rebuild ended with."""
    work = await _work(tx, rebuild.build_id) if rebuild.build_id else None
    return await _image(tx, rebuild, work)


async def _work(tx: Transaction, build: BuildId) -> Work | None:
    try:
        return await tx.builds.get(build)
    except NotFoundError:  # the image is all that was kept
        return None


async def _image(tx: Transaction, rebuild: Rebuild, work: Work | None) -> Image | None:
    if rebuild.image is None:
        return None
    if work and work.image and work.image.reference == rebuild.image:
        return work.image
    newest = await tx.builds.image(rebuild.plan.key) if rebuild.plan else None
    return newest if newest and newest.reference == rebuild.image else None


def _count(image: Image | None) -> int | None:
    return len(image.packages) if image and image.packages else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outlook:
    """The queue, and how fast it moves."""

    places: Mapping[RebuildId, int]
    running_since: Sequence[datetime]
    takes: timedelta | None

    def end_of(self, rebuild: Rebuild) -> datetime | None:
        """Say when a rebuild should be done; None where nobody can tell."""
        if self.takes is None or rebuild.state.is_final:
            return None
        return expected_end(
            place=self.places.get(rebuild.id, 0),
            asked_at=rebuild.started_at or rebuild.created_at,
            running_since=self.running_since,
            takes=self.takes,
        )


async def _outlook(tx: Transaction, rebuilds: Sequence[Rebuild]) -> _Outlook:
    if all(it.state.is_final for it in rebuilds):
        return _Outlook(places={}, running_since=(), takes=None)
    builds = await tx.builds.unfinished()
    return _Outlook(
        places=_places(await tx.rebuilds.unfinished()),
        running_since=[it.started_at for it in builds if it.started_at],
        takes=usual(await tx.builds.durations()),
    )


def _places(unfinished: Sequence[Rebuild]) -> dict[RebuildId, int]:
    """Number the queue: what people wait for, then the oldest."""
    queued = [it for it in unfinished if it.state is BuildState.QUEUED]
    queued.sort(key=lambda it: (it.evidence not in _WAITED_FOR, it.id))
    return {it.id: place for place, it in enumerate(queued, start=1)}
