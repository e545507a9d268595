"""What a build's page says that its rebuild does not know of itself."""

from collections.abc import Sequence
from typing import Final

from handlers.shapes.builds import Build, BuildFacts
from service.domain.build import BuildState, Image, Rebuild, RebuildId
from service.domain.push import Evidence
from service.domain.source import SourceId
from service.errors import NotFoundError
from service.ports.store import Transaction

__all__ = ["image_of", "tell_builds"]

_WAITED_FOR: Final = {Evidence.MANUAL, Evidence.LAUNCHER}


async def tell_builds(tx: Transaction, rebuilds: Sequence[Rebuild]) -> list[Build]:
    """Gather the facts of rebuilds, in their order."""
    urls: dict[str, str] = {}
    counts: dict[str, int | None] = {}
    places = await _places(tx, rebuilds)
    told = []
    for it in rebuilds:
        if it.source_id not in urls:
            source = await tx.sources.get(SourceId(it.source_id))
            urls[it.source_id] = source.repository.url
        if it.image is not None and it.image not in counts:
            counts[it.image] = _count(await image_of(tx, it))
        facts = BuildFacts(
            repository_url=urls[it.source_id],
            packages=counts[it.image] if it.image else None,
            queue_position=places.get(it.id),
        )
        told.append(Build.of(it, facts))
    return told


async def image_of(tx: Transaction, rebuild: Rebuild) -> Image | None:
    """Return what is known of the image that a rebuild ended with."""
    if rebuild.image is None:
        return None
    if rebuild.build_id is not None:
        try:
            image = (await tx.builds.get(rebuild.build_id)).image
        except NotFoundError:  # the image is all that was kept
            image = None
        if image and image.reference == rebuild.image:
            return image
    newest = await tx.builds.image(rebuild.plan.key) if rebuild.plan else None
    return newest if newest and newest.reference == rebuild.image else None


def _count(image: Image | None) -> int | None:
    return len(image.packages) if image and image.packages else None


async def _places(tx: Transaction, rebuilds: Sequence[Rebuild]) -> dict[RebuildId, int]:
    """Number the queue: what people wait for, then the oldest."""
    if not any(it.state is BuildState.QUEUED for it in rebuilds):
        return {}
    queued = [
        it for it in await tx.rebuilds.unfinished() if it.state is BuildState.QUEUED
    ]
    queued.sort(key=lambda it: (it.evidence not in _WAITED_FOR, it.id))
    return {it.id: place for place, it in enumerate(queued, start=1)}
