"""What a build's page says that its rebuild does not know of itself."""

from collections.abc import Sequence

from handlers.shapes.builds import Build, BuildFacts, LatestBuild
from handlers.waiting_facts import View, outlook
from service.domain.build import Build as Work, BuildId, Image, Rebuild
from service.domain.launcher import Launcher
from service.domain.source import SourceId
from service.errors import NotFoundError
from service.ports.store import Transaction

__all__ = ["image_of", "tell_builds", "tell_latest"]


async def tell_builds(
    tx: Transaction, rebuilds: Sequence[Rebuild], view: View
) -> list[Build]:
    """Gather the facts of rebuilds, in their order."""
    urls: dict[str, str] = {}
    works: dict[BuildId, Work | None] = {}
    seen = await outlook(tx, rebuilds, view)
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
            queue_position=seen.place_of(it),
            expected_at=seen.end_of(it),
            waiting=seen.waiting.get(it.id),
        )
        told.append(Build.of(it, facts))
    return told


async def tell_latest(
    tx: Transaction, launchers: Sequence[Launcher], view: View
) -> dict[str, LatestBuild]:
    """Gather the newest build of each launcher's environment, in a few queries."""
    owners = {it.environment_id: it.id for it in launchers}
    newest = await tx.rebuilds.newest(owners)
    waiting = (await outlook(tx, newest, view)).waiting
    return {
        owners[it.environment_id]: LatestBuild.of(it, waiting.get(it.id))
        for it in newest
    }


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
