"""Find images that nothing names any more."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select, text

from service.adapters.store.json_columns import image_from
from service.adapters.store.repositories.builds import read_build
from service.adapters.store.retention.history import SqlHistoryRetention
from service.adapters.store.statements import Statements
from service.adapters.store.tables.builds import (
    UNFINISHED,
    WITH_IMAGE,
    builds,
    images,
    rebuilds,
)
from service.adapters.store.tables.configuration import environments, launchers
from service.domain.building.build import Build, BuildId, BuildState, Rebuild
from service.ports.store.retention import IMAGES_KEPT, UnusedImage

__all__ = ["SqlImageRetention"]

_SUCCEEDED: Final = BuildState.SUCCEEDED.value


class SqlImageRetention(SqlHistoryRetention):
    """Find unused images, and note which are being removed."""

    def __init__(self, statements: Statements) -> None:
        super().__init__(statements)

    async def unused_images(
        self, before: datetime, *, limit: int, after: Build | None = None
    ) -> tuple[Sequence[UnusedImage], Build | None]:
        query = (
            select(builds)
            .where(text(WITH_IMAGE), builds.c.completed_at < before)
            .order_by(builds.c.completed_at, builds.c.id)
            .limit(limit)
        )
        if after is not None and after.completed_at is not None:
            at = after.completed_at
            is_same_time = builds.c.completed_at == at
            query = query.where(
                or_(builds.c.completed_at > at, is_same_time & (builds.c.id > after.id))
            )
        found = [read_build(row) for row in await self._run.rows(query)]
        candidates = [build for build in found if build.image is not None]
        used = {
            *await self.used_images(candidates),
            *await self._made_since(candidates, before),
        }
        there = await self._environments(build.environment_id for build in candidates)
        unused = [
            UnusedImage(
                build=build, is_environment_gone=build.environment_id not in there
            )
            for build in candidates
            if build.image is not None and build.image.reference not in used
        ]
        return unused, found[-1] if len(found) == limit else None

    async def used_images(self, candidates: Sequence[Build]) -> Collection[str]:
        references = {
            build.image.reference for build in candidates if build.image is not None
        }
        if not references:
            return set()
        return {
            *await self._started_from(references),
            *await self._of_keys(await self._keys(candidates), references),
            *await self._last_good(references),
            *await self._reused(references),
        }

    async def mark_removed(self, build: BuildId, at: datetime | None) -> None:
        await self._run.change(builds, {"image_removed_at": at}, builds.c.id == build)
        if at is None:
            return
        rows = await self._run.rows(select(builds).where(builds.c.id == build))
        known = [read_build(row) for row in rows]
        references = {one.image.reference for one in known if one.image}
        keys = tuple(await self._keys(known))
        newest = select(images).where(images.c.key.in_(keys))
        for row in await self._run.rows(newest):
            image = image_from(row["image"])
            # Nobody is to be served by a key with what is being removed.
            if image and image.reference in references:
                await self._run.remove(images, images.c.key == row["key"])

    async def _keys(self, candidates: Sequence[Build]) -> set[str]:
        """Return the keys that have images of these builds.

        Builds with the same content have the same image, whatever their keys are.
        """
        references = tuple(
            build.image.reference for build in candidates if build.image is not None
        )
        query = select(rebuilds.c.key).where(rebuilds.c.image.in_(references))
        rows = await self._run.rows(query.distinct())
        others = {row["key"] for row in rows if row["key"] is not None}
        return others | {build.key for build in candidates}

    async def _made_since(
        self, candidates: Sequence[Build], since: datetime
    ) -> Collection[str]:
        """Return which images a later build has made once more."""
        query = select(builds.c.image).where(
            builds.c.key.in_(tuple(await self._keys(candidates))),
            builds.c.state == _SUCCEEDED,
            builds.c.completed_at >= since,
        )
        found = (image_from(row["image"]) for row in await self._run.rows(query))
        return {image.reference for image in found if image is not None}

    async def removed_images(self, of: Sequence[Rebuild]) -> Collection[str]:
        keys = {rebuild.plan.key for rebuild in of if rebuild.plan and rebuild.image}
        query = select(builds).where(
            builds.c.key.in_(tuple(keys)), builds.c.state == _SUCCEEDED
        )
        found = [read_build(row) for row in await self._run.rows(query)]
        removed = {
            is_removed: {
                build.image.reference
                for build in found
                if build.image and bool(build.image_removed_at) is is_removed
            }
            for is_removed in (True, False)
        }
        # A later build may have made the same image once more.
        return removed[True] - removed[False]

    async def _started_from(self, references: Collection[str]) -> set[str]:
        """Return which of them a launcher or a global environment names."""
        named = tuple(references)
        rows = await self._run.rows(
            select(launchers.c.image, launchers.c.available_image).where(
                or_(
                    launchers.c.image.in_(named),
                    launchers.c.available_image.in_(named),
                )
            )
        )
        others = await self._run.rows(
            select(environments.c.image).where(environments.c.image.in_(named))
        )
        found = {row["image"] for row in (*rows, *others)}
        return found | {row["available_image"] for row in rows}

    async def _of_keys(
        self, keys: Collection[str], references: Collection[str]
    ) -> set[str]:
        """Return which are the newest of a key that a launcher has or wants."""
        named = tuple(keys)
        columns = (
            launchers.c.wanted_key,
            launchers.c.image_key,
            launchers.c.available_key,
        )
        rows = await self._run.rows(
            select(*columns).where(or_(*(column.in_(named) for column in columns)))
        )
        wanted = {key for row in rows for key in row.values() if key is not None}
        newest = await self._run.rows(
            select(images).where(images.c.key.in_(tuple(wanted & set(keys))))
        )
        found = (image_from(row["image"]) for row in newest)
        return {image.reference for image in found if image} & set(references)

    async def _last_good(self, references: Collection[str]) -> set[str]:
        """Return which are among the last good ones of a launcher's environment."""
        has_launcher = rebuilds.c.environment_id.in_(select(launchers.c.environment_id))
        rows = await self._run.rows(
            select(rebuilds.c.environment_id)
            .where(rebuilds.c.image.in_(tuple(references)), has_launcher)
            .distinct()
        )
        kept: set[str] = set()
        for row in rows:
            good = await self._run.rows(
                select(rebuilds.c.image)
                .where(
                    rebuilds.c.environment_id == row["environment_id"],
                    rebuilds.c.state == _SUCCEEDED,
                )
                .order_by(rebuilds.c.created_at.desc(), rebuilds.c.id.desc())
                .limit(IMAGES_KEPT)
            )
            kept |= {rebuild["image"] for rebuild in good}
        return kept & set(references)

    async def _reused(self, references: Collection[str]) -> set[str]:
        """Return whose layers an unfinished build may reuse."""
        rows = await self._run.rows(
            select(builds.c.previous_image).where(
                text(f"builds.{UNFINISHED}"),
                builds.c.previous_image.in_(tuple(references)),
            )
        )
        return {row["previous_image"] for row in rows}

    async def _environments(self, ids: Iterable[str]) -> set[str]:
        """Return which environments have a launcher."""
        named = tuple(set(ids))
        query = select(launchers.c.environment_id).where(
            launchers.c.environment_id.in_(named)
        )
        return {row["environment_id"] for row in await self._run.rows(query)}
