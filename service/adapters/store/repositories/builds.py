"""Builds, and the images that came of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from service.adapters.store.json_columns import (
    failure_from,
    failure_to,
    image_from,
    image_to,
    phases_from,
    phases_to,
    spec_from,
    spec_to,
)
from service.adapters.store.repositories.rebuilds import UNFINISHED
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.builds import builds, images
from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildState,
    EnvironmentId,
    Image,
)
from service.domain.definition import Kind
from service.domain.repository import CommitSha, Ref
from service.errors import ConflictError

__all__ = ["SqlBuilds", "read_build"]

_DURATIONS: Final = 20


class SqlBuilds:
    """Implement the port `Builds`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def add(self, build: Build) -> None:
        if not await self._run.add(builds, _to_row(build)):
            raise ConflictError(f"there is a build {build.id!r} already")

    async def get(self, build: BuildId) -> Build:
        query = select(builds).where(builds.c.id == build)
        return read_build(await self._run.the_one(query, what="Build", id_=build))

    async def save(self, build: Build) -> None:
        await self._run.save(builds, _to_row(build), what="Build")

    async def unfinished(self) -> Sequence[Build]:
        query = (
            select(builds)
            .where(builds.c.state.in_(UNFINISHED))
            .order_by(builds.c.created_at, builds.c.id)
        )
        return [read_build(row) for row in await self._run.held(query)]

    async def is_any_queued(self) -> bool:
        is_queued = builds.c.state == BuildState.QUEUED.value
        return bool(await self._run.rows(select(builds.c.id).where(is_queued).limit(1)))

    async def succeeded(
        self, project_id: str, repository_url: str, *, limit: int
    ) -> Sequence[Build]:
        query = (
            select(builds)
            .where(
                builds.c.project_id == project_id,
                builds.c.repository_url == repository_url,
                builds.c.state == BuildState.SUCCEEDED.value,
                builds.c.image_removed_at.is_(None),
            )
            .order_by(builds.c.completed_at.desc(), builds.c.id.desc())
            .limit(limit)
        )
        return [read_build(row) for row in await self._run.rows(query)]

    async def image(self, key: BuildKey) -> Image | None:
        rows = await self._run.rows(select(images).where(images.c.key == key))
        return image_from(rows[0]["image"]) if rows else None

    async def save_image(self, key: BuildKey, image: Image) -> None:
        # The later image of a key wins: a build that is made anew on purpose replaces
        # what the key stands for.
        kept = {"image": image_to(image)}
        await self._run.put(images, {"key": key, **kept}, changes=kept)

    async def delete_image(self, key: BuildKey) -> None:
        await self._run.remove(images, images.c.key == key)

    async def durations(self, key: BuildKey | None = None) -> Sequence[timedelta]:
        query = (
            select(builds.c.started_at, builds.c.completed_at)
            .where(
                builds.c.state == BuildState.SUCCEEDED.value,
                builds.c.started_at.is_not(None),
                builds.c.completed_at.is_not(None),
            )
            .order_by(builds.c.completed_at.desc())
            .limit(_DURATIONS)
        )
        if key is not None:
            query = query.where(builds.c.key == key)
        rows = await self._run.rows(query)
        return [row["completed_at"] - row["started_at"] for row in rows]


def _to_row(build: Build) -> Values:
    return {
        "id": build.id,
        "key": build.key,
        "state": build.state.value,
        "recipe": spec_to(build.spec),
        "kind": build.kind.value,
        "repository_url": build.repository_url,
        "commit_id": build.commit,
        "ref": build.ref,
        "context_dir": build.context_dir,
        "path": build.path,
        "environment_id": build.environment_id,
        "project_id": build.project_id,
        "is_fresh": build.is_fresh,
        "previous_image": build.previous_image,
        "attempt": build.attempt,
        "not_before": build.not_before,
        "created_at": build.created_at,
        "started_at": build.started_at,
        "completed_at": build.completed_at,
        "failure": failure_to(build.failure),
        "image": image_to(build.image),
        "declared": list(build.declared),
        "kept": None if build.kept is None else list(build.kept),
        "phases": phases_to(build.phases),
        "traceparent": build.traceparent,
        "image_removed_at": build.image_removed_at,
    }


def read_build(row: Row) -> Build:
    """Read a build off its row."""
    return Build(
        id=BuildId(row["id"]),
        key=BuildKey(row["key"]),
        state=BuildState(row["state"]),
        spec=spec_from(row["recipe"]),
        kind=Kind(row["kind"]),
        repository_url=row["repository_url"],
        commit=CommitSha(row["commit_id"]),
        ref=None if row["ref"] is None else Ref(row["ref"]),
        context_dir=row["context_dir"],
        path=row["path"],
        environment_id=EnvironmentId(row["environment_id"]),
        project_id=row["project_id"],
        is_fresh=row["is_fresh"],
        previous_image=row["previous_image"],
        attempt=row["attempt"],
        not_before=row["not_before"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        failure=failure_from(row["failure"]),
        image=image_from(row["image"]),
        declared=tuple(row["declared"] or ()),
        kept=None if row["kept"] is None else tuple(row["kept"]),
        phases=phases_from(row["phases"]),
        traceparent=row["traceparent"],
        image_removed_at=row["image_removed_at"],
    )
