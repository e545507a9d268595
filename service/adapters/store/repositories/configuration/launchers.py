"""Launchers, and the compare-and-set that moves them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select, text

from service.adapters.store.access.visibility import only_visible
from service.adapters.store.batches.launchers import SqlLauncherBatches
from service.adapters.store.keyset import Order, count_rows, read_page, read_total
from service.adapters.store.repositories.configuration.behind import (
    find_behind,
    find_on_hold,
    find_scheduled,
    find_without_build,
)
from service.adapters.store.repositories.configuration.launcher_rows import (
    launcher_from_row,
    launcher_to_row,
)
from service.adapters.store.statements import Statements
from service.adapters.store.tables.configuration import (
    FOLLOWED,
    launcher_names,
    launchers,
    sources as sources_table,
)
from service.domain.building.build import BuildKey, EnvironmentId
from service.domain.launcher import (
    Launcher,
    LauncherId,
    RebuildSchedule,
)
from service.domain.rights.caller import EVERYTHING, ProjectFilter
from service.domain.source import SourceId
from service.errors import ConflictError
from service.ports.store import FIRST_PAGE, Page, PageRequest

__all__ = ["SqlLaunchers"]

_IMAGE_FIELDS: Final = frozenset(
    {
        "generation",
        "image",
        "image_key",
        "available_generation",
        "available_image",
        "available_key",
        "built_at",
    }
)
"""Only `roll_out` and `make_available` write them."""
_NEWEST_FIRST: Final = Order(
    at=launchers.c.created_at, id=launchers.c.id, is_newest_first=True
)


class SqlLaunchers(SqlLauncherBatches):
    """Implement the port `Launchers`."""

    def __init__(self, statements: Statements) -> None:
        super().__init__(statements, read=launcher_from_row)

    async def add(self, launcher: Launcher) -> None:
        if not await self._run.add(launchers, launcher_to_row(launcher)):
            raise ConflictError(
                f"there is a launcher {launcher.id!r} or one with environment"
                f" {launcher.environment_id!r} already"
            )

    async def reserve_name(self, launcher: Launcher) -> bool:
        # Launchers of versions without reserved names are asked first: their names are
        # not in the table of names, and two of them may share one.
        others = select(launchers.c.id).where(
            launchers.c.project_id == launcher.project_id,
            launchers.c.name == launcher.name,
            launchers.c.id != launcher.id,
        )
        if await self._run.rows(others.limit(1)):
            return False
        # A launcher that is renamed gives its former name back in the same transaction;
        # a name nobody has would stay blocked otherwise.
        await self._run.remove(
            launcher_names, launcher_names.c.launcher_id == launcher.id
        )
        return await self._run.add(
            launcher_names,
            {
                "project_id": launcher.project_id,
                "name": launcher.name,
                "launcher_id": launcher.id,
            },
        )

    async def get(self, launcher: LauncherId) -> Launcher:
        query = select(launchers).where(launchers.c.id == launcher)
        return launcher_from_row(
            await self._run.the_one(query, what="Session launcher", id_=launcher)
        )

    async def of_environment(self, environment: EnvironmentId) -> Launcher:
        query = select(launchers).where(launchers.c.environment_id == environment)
        row = await self._run.the_one(
            query, what="Session environment", id_=environment
        )
        return launcher_from_row(row)

    async def of_source(self, source: SourceId) -> Sequence[Launcher]:
        query = (
            select(launchers)
            .where(launchers.c.source_id == source)
            .order_by(launchers.c.created_at, launchers.c.id)
        )
        return [launcher_from_row(row) for row in await self._run.held(query)]

    async def of_sources(
        self,
        sources: Iterable[SourceId],
        *,
        limit: int,
        visible: ProjectFilter = EVERYTHING,
    ) -> Mapping[SourceId, Page[LauncherId]]:
        # A course may have ten thousand launchers: the index of each source is read
        # at its oldest end alone, and their number is kept with the source.
        wanted = tuple(sources)
        followed = select(sources_table.c.id, sources_table.c.followers).where(
            sources_table.c.id.in_(wanted), text(FOLLOWED)
        )
        found = await self._run.rows(followed)
        return {
            SourceId(row["id"]): Page(
                items=await self._oldest(SourceId(row["id"]), limit, visible),
                total=row["followers"]
                if visible.is_everything
                else await self._count(SourceId(row["id"]), visible),
            )
            for row in found
        }

    async def _count(self, source: SourceId, visible: ProjectFilter) -> int:
        own = select(launchers.c.id).where(launchers.c.source_id == source)
        query = count_rows(only_visible(own, launchers.c.project_id, visible))
        (row,) = await self._run.rows(query)
        return int(row["count"])

    async def _oldest(
        self, source: SourceId, limit: int, visible: ProjectFilter
    ) -> Sequence[LauncherId]:
        own = select(launchers.c.id).where(launchers.c.source_id == source)
        query = (
            only_visible(own, launchers.c.project_id, visible)
            .order_by(launchers.c.created_at, launchers.c.id)
            .limit(limit)
        )
        return [LauncherId(row["id"]) for row in await self._run.rows(query)]

    async def get_many(self, ids: Iterable[LauncherId]) -> Sequence[Launcher]:
        query = (
            select(launchers)
            .where(launchers.c.id.in_(tuple(ids)))
            .order_by(launchers.c.created_at, launchers.c.id)
        )
        return [launcher_from_row(row) for row in await self._run.held(query)]

    async def list(
        self,
        page: PageRequest = FIRST_PAGE,
        *,
        project: str | None = None,
        name: str | None = None,
        sources: Collection[SourceId] | None = None,
        image: str | None = None,
        visible: ProjectFilter = EVERYTHING,
    ) -> Page[Launcher]:
        query = only_visible(select(launchers), launchers.c.project_id, visible)
        if project is not None:
            query = query.where(launchers.c.project_id == project)
        count = read_total("launchers", part=project)
        if not visible.is_everything:
            count = count_rows(query)
        wanted = {launchers.c.name: name, launchers.c.image: image}
        for column, value in wanted.items():
            if value is not None:
                query = query.where(column == value)
                count = count_rows(query)
        if sources is not None:
            query = query.where(launchers.c.source_id.in_(tuple(sources)))
            count = count_rows(query)
        return await read_page(
            self._run, query, _NEWEST_FIRST, page, launcher_from_row, count=count
        )

    async def behind(
        self, *, now: datetime, limit: int, after: LauncherId | None = None
    ) -> Sequence[tuple[LauncherId, SourceId]]:
        query = find_behind(now=now, limit=limit, after=after or "")
        return [
            (LauncherId(row["id"]), SourceId(row["source_id"]))
            for row in await self._run.rows(query)
        ]

    async def scheduled(
        self,
        *,
        built_before: Mapping[RebuildSchedule, datetime],
        limit: int,
        after: Launcher | None = None,
    ) -> Sequence[Launcher]:
        # Each schedule is a walk of its own part of the index, from the oldest image.
        found = [
            launcher_from_row(row)
            for schedule, at in built_before.items()
            for query in find_scheduled(schedule, at, limit=limit, after=after)
            for row in await self._run.rows(query)
        ]
        return sorted(found, key=_age)[:limit]

    async def on_hold(
        self, *, limit: int, after: LauncherId | None = None
    ) -> Sequence[tuple[LauncherId, SourceId]]:
        query = find_on_hold(limit=limit, after=after or "")
        return [
            (LauncherId(row["id"]), SourceId(row["source_id"]))
            for row in await self._run.rows(query)
        ]

    async def count_without_build(self) -> int:
        (row,) = await self._run.rows(find_without_build())
        found: int = row["count"]
        return found

    async def save(self, launcher: Launcher) -> None:
        row = {
            name: value
            for name, value in launcher_to_row(launcher).items()
            # A transaction that read the launcher before a rollout would write the
            # older image back. Images are set by compare-and-set alone.
            if name not in _IMAGE_FIELDS
        }
        await self._run.save(launchers, row, what="Session launcher")

    async def roll_out(
        self,
        launcher: LauncherId,
        *,
        image: str,
        key: BuildKey,
        generation: int,
        built_at: datetime | None = None,
    ) -> bool:
        moved = await self.roll_out_many(
            [launcher], image=image, key=key, generation=generation, built_at=built_at
        )
        return bool(moved)

    async def make_available(
        self,
        launcher: LauncherId,
        *,
        image: str,
        key: BuildKey,
        generation: int,
        built_at: datetime | None = None,
    ) -> bool:
        offered = await self.make_available_many(
            [launcher], image=image, key=key, generation=generation, built_at=built_at
        )
        return bool(offered)

    async def start_from(self, launcher: LauncherId, image: str | None) -> None:
        await self._run.change(
            launchers,
            {
                "image": image,
                "image_key": None,
                "available_image": None,
                "available_key": None,
                "built_at": None,
            },
            launchers.c.id == launcher,
        )

    async def remove(self, launcher: LauncherId) -> None:
        await self._run.remove(launcher_names, launcher_names.c.launcher_id == launcher)
        await self._run.remove(launchers, launchers.c.id == launcher)


def _age(launcher: Launcher) -> tuple[bool, datetime, LauncherId]:
    """Sort by the age of the image; what was never built comes first."""
    built_at = launcher.built_at
    return built_at is not None, built_at or launcher.created_at, launcher.id
