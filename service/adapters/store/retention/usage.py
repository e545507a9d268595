"""Measure what is stored, and for whom."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, func, select, text

from service.adapters.store.json_columns import image_from
from service.adapters.store.retention.images import SqlImageRetention
from service.adapters.store.tables.builds import WITH_IMAGE, builds, logs, rebuilds
from service.adapters.store.tables.evaluations import evaluations
from service.adapters.store.tables.operation import deliveries
from service.ports.store.retention import ProjectUsage, StoredPart

__all__ = ["SqlRetention"]

_TIMES: Final[Mapping[str, Column[datetime]]] = {
    "evaluations": evaluations.c.completed_at,
    "deliveries": deliveries.c.received_at,
    "rebuilds": rebuilds.c.created_at,
    "builds": builds.c.created_at,
}
_PAGE: Final = 500
"""Images that are read at once: their packages are part of the row."""


class SqlRetention(SqlImageRetention):
    """Implement the port `Retention`."""

    async def measure(self, before: datetime | None, *, part: str) -> StoredPart:
        if part == "images":
            return await self._measure_images(before)
        if part == "log_lines":
            time: ColumnElement[Any] = builds.c.completed_at
            numbers = [func.sum(logs.c.lines), func.sum(logs.c.size)]
            source = logs.outerjoin(builds, builds.c.id == logs.c.build_id)
            old = select(func.sum(logs.c.lines)).select_from(source)
        else:
            time = _TIMES[part]
            numbers = [func.sum(1), func.sum(0)]
            old = select(func.count()).select_from(_TIMES[part].table)
            source = _TIMES[part].table  # type: ignore[assignment]
        query = select(
            numbers[0].label("count"),
            numbers[1].label("size"),
            func.min(time, type_=builds.c.created_at.type).label("oldest"),
        ).select_from(source)
        (row,) = await self._run.rows(query)
        number = 0
        if before is not None:
            (aged,) = await self._run.rows(
                old.with_only_columns(numbers[0].label("old")).where(time < before)
            )
            number = int(aged["old"] or 0)
        return StoredPart(
            count=int(row["count"] or 0),
            size=int(row["size"] or 0),
            oldest=row["oldest"],
            old=number,
        )

    async def usage_of_projects(self, *, limit: int) -> Sequence[ProjectUsage]:
        counted = await self._run.rows(
            select(builds.c.project_id, func.count().label("count")).group_by(
                builds.c.project_id
            )
        )
        logged = await self._run.rows(
            select(builds.c.project_id, func.sum(logs.c.size).label("size"))
            .join(logs, logs.c.build_id == builds.c.id)
            .group_by(builds.c.project_id)
        )
        sizes = {row["project_id"]: int(row["size"] or 0) for row in logged}
        images = await self._images_by_project()
        found = [
            ProjectUsage(
                project_id=row["project_id"],
                builds=int(row["count"]),
                images=len(images.get(row["project_id"], {})),
                image_size=sum(images.get(row["project_id"], {}).values()),
                log_size=sizes.get(row["project_id"], 0),
            )
            for row in counted
        ]
        return sorted(found, key=lambda usage: (-usage.image_size, usage.project_id))[
            :limit
        ]

    async def _measure_images(self, before: datetime | None) -> StoredPart:
        found: dict[str, int] = {}
        oldest: datetime | None = None
        old: set[str] = set()
        async for _, at, reference, size in self._images():
            found[reference] = size
            oldest = at if oldest is None else min(oldest, at)
            if before is not None and at < before:
                old.add(reference)
        return StoredPart(
            count=len(found), size=sum(found.values()), oldest=oldest, old=len(old)
        )

    async def _images_by_project(self) -> dict[str, dict[str, int]]:
        projects: dict[str, dict[str, int]] = {}
        async for project, _, reference, size in self._images():
            projects.setdefault(project, {})[reference] = size
        return projects

    async def _images(self) -> Any:  # noqa: ANN401 - an asynchronous generator
        """Read the images that are there, page by page."""
        last = ""
        while True:
            rows = await self._run.rows(
                select(
                    builds.c.id,
                    builds.c.project_id,
                    builds.c.completed_at,
                    builds.c.image,
                )
                .where(text(WITH_IMAGE), builds.c.id > last)
                .order_by(builds.c.id)
                .limit(_PAGE)
            )
            for row in rows:
                image = image_from(row["image"])
                if image is not None:
                    at = row["completed_at"]
                    yield row["project_id"], at, image.reference, image.size
            if len(rows) < _PAGE:
                return
            last = rows[-1]["id"]
