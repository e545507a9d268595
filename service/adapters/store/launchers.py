"""Launchers, and the compare-and-set that moves them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from service.adapters.store.behind import find_behind, find_without_build
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables import launcher_names, launchers
from service.domain.build import BuildKey, EnvironmentId
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
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
    }
)
"""Only `move` and `offer` write them."""


class SqlLaunchers:
    """Implements the port `Launchers`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def add(self, launcher: Launcher) -> None:
        if not await self._run.add(launchers, _to_row(launcher)):
            raise ConflictError(
                f"there is a launcher {launcher.id!r} or one with environment"
                f" {launcher.environment_id!r} already"
            )

    async def take_name(self, launcher: Launcher) -> bool:
        others = select(launchers.c.id).where(
            launchers.c.project_id == launcher.project_id,
            launchers.c.name == launcher.name,
            launchers.c.id != launcher.id,
        )
        if await self._run.rows(others.limit(1)):
            return False
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
        return _from_row(await self._run.the_one(query, what="launcher", id_=launcher))

    async def of_environment(self, environment: EnvironmentId) -> Launcher:
        query = select(launchers).where(launchers.c.environment_id == environment)
        row = await self._run.the_one(query, what="environment", id_=environment)
        return _from_row(row)

    async def of_source(self, source: SourceId) -> Sequence[Launcher]:
        query = (
            select(launchers)
            .where(launchers.c.source_id == source)
            .order_by(launchers.c.created_at, launchers.c.id)
        )
        return [_from_row(row) for row in await self._run.held(query)]

    async def followers(
        self, sources: Iterable[SourceId], *, limit: int
    ) -> Mapping[SourceId, Page[LauncherId]]:
        oldest = (launchers.c.created_at, launchers.c.id)
        ranked = (
            select(
                launchers.c.source_id,
                launchers.c.id,
                func.row_number()
                .over(partition_by=launchers.c.source_id, order_by=oldest)
                .label("rank"),
                func.count().over(partition_by=launchers.c.source_id).label("total"),
            )
            .where(launchers.c.source_id.in_(tuple(sources)))
            .subquery()
        )
        query = select(ranked).where(ranked.c.rank <= limit).order_by(ranked.c.rank)
        rows = defaultdict[SourceId, list[Row]](list)
        for row in await self._run.rows(query):
            rows[SourceId(row["source_id"])].append(row)
        return {
            source: Page(
                items=[LauncherId(row["id"]) for row in of_one],
                total=of_one[0]["total"],
            )
            for source, of_one in rows.items()
        }

    async def list(
        self,
        page: PageRequest = FIRST_PAGE,
        *,
        project: str | None = None,
        name: str | None = None,
    ) -> Page[Launcher]:
        query = select(launchers).order_by(
            launchers.c.created_at.desc(), launchers.c.id.desc()
        )
        if project is not None:
            query = query.where(launchers.c.project_id == project)
        if name is not None:
            query = query.where(launchers.c.name == name)
        return await self._run.page(query, page, _from_row)

    async def behind(
        self, *, now: datetime, limit: int, after: LauncherId | None = None
    ) -> Sequence[tuple[LauncherId, SourceId]]:
        query = find_behind(now=now, limit=limit, after=after or "")
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
            for name, value in _to_row(launcher).items()
            if name not in _IMAGE_FIELDS
        }
        await self._run.save(launchers, row, what="launcher")

    async def move(
        self, launcher: LauncherId, *, image: str, key: BuildKey, generation: int
    ) -> bool:
        return await self._run.change(
            launchers,
            {"image": image, "image_key": key, "generation": generation},
            launchers.c.id == launcher,
            launchers.c.generation < generation,
        )

    async def offer(
        self, launcher: LauncherId, *, image: str, key: BuildKey, generation: int
    ) -> bool:
        return await self._run.change(
            launchers,
            {
                "available_image": image,
                "available_key": key,
                "available_generation": generation,
            },
            launchers.c.id == launcher,
            launchers.c.available_generation < generation,
            # What it starts from already is no offer, nor is anything older.
            launchers.c.generation < generation,
        )

    async def remove(self, launcher: LauncherId) -> None:
        await self._run.remove(launcher_names, launcher_names.c.launcher_id == launcher)
        await self._run.remove(launchers, launchers.c.id == launcher)


def _to_row(launcher: Launcher) -> Values:
    variables = launcher.env_variables
    return {
        "id": launcher.id,
        "project_id": launcher.project_id,
        "name": launcher.name,
        "environment_id": launcher.environment_id,
        "source_id": launcher.source_id,
        "builder": launcher.builder,
        "frontend": launcher.frontend,
        "platform": launcher.platform,
        "policy": launcher.policy.value,
        "created_at": launcher.created_at,
        "description": launcher.description,
        "launcher_type": launcher.launcher_type,
        "resource_class_id": launcher.resource_class_id,
        "disk_storage": launcher.disk_storage,
        "env_variables": None if variables is None else dict(variables),
        "command": list(launcher.command),
        "args": list(launcher.args),
        "wanted_key": launcher.wanted_key,
        "wanted_generation": launcher.wanted_generation,
        "wanted_builder": launcher.wanted_builder,
        "held_key": launcher.held_key,
        "held_until": launcher.held_until,
        "generation": launcher.generation,
        "image": launcher.image,
        "image_key": launcher.image_key,
        "available_generation": launcher.available_generation,
        "available_image": launcher.available_image,
        "available_key": launcher.available_key,
    }


def _from_row(row: Row) -> Launcher:
    return Launcher(
        id=LauncherId(row["id"]),
        project_id=row["project_id"],
        name=row["name"],
        environment_id=EnvironmentId(row["environment_id"]),
        source_id=SourceId(row["source_id"]),
        builder=row["builder"],
        frontend=row["frontend"],
        platform=row["platform"],
        policy=UpdatePolicy(row["policy"]),
        created_at=row["created_at"],
        description=row["description"],
        launcher_type=row["launcher_type"],
        resource_class_id=row["resource_class_id"],
        disk_storage=row["disk_storage"],
        env_variables=row["env_variables"],
        command=tuple(row["command"]),
        args=tuple(row["args"]),
        wanted_key=row["wanted_key"],
        wanted_generation=row["wanted_generation"],
        wanted_builder=row["wanted_builder"],
        held_key=row["held_key"],
        held_until=row["held_until"],
        generation=row["generation"],
        image=row["image"],
        image_key=row["image_key"],
        available_generation=row["available_generation"],
        available_image=row["available_image"],
        available_key=row["available_key"],
    )
