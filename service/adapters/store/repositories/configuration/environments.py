"""Environments that launchers of all projects may take."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sqlalchemy import func, select

from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.configuration import environments, launchers
from service.domain.building.build import EnvironmentId
from service.domain.building.environment import GlobalEnvironment, SessionSettings
from service.errors import ConflictError

__all__ = ["SqlEnvironments"]


class SqlEnvironments:
    """Implement the port `Environments`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def add(self, environment: GlobalEnvironment) -> None:
        if not await self._run.add(environments, _to_row(environment)):
            raise ConflictError(f"there is an environment {environment.id!r} already")

    async def get(self, environment: EnvironmentId) -> GlobalEnvironment:
        query = select(environments).where(environments.c.id == environment)
        return _from_row(
            await self._run.the_one(query, what="Session environment", id_=environment)
        )

    async def get_many(
        self, ids: Iterable[EnvironmentId]
    ) -> Sequence[GlobalEnvironment]:
        query = select(environments).where(environments.c.id.in_(tuple(ids)))
        return [_from_row(row) for row in await self._run.rows(query)]

    async def list(self, *, with_archived: bool) -> Sequence[GlobalEnvironment]:
        query = select(environments).order_by(
            environments.c.created_at, environments.c.id
        )
        if not with_archived:
            query = query.where(environments.c.is_archived.is_(False))
        return [_from_row(row) for row in await self._run.rows(query)]

    async def save(self, environment: GlobalEnvironment) -> None:
        await self._run.save(
            environments, _to_row(environment), what="Session environment"
        )

    async def count_launchers(self, environment: EnvironmentId) -> int:
        query = select(func.count().label("count")).where(
            launchers.c.global_environment_id == environment
        )
        (row,) = await self._run.rows(query)
        found: int = row["count"]
        return found

    async def remove(self, environment: EnvironmentId) -> None:
        await self._run.remove(environments, environments.c.id == environment)


def _to_row(environment: GlobalEnvironment) -> Values:
    return {
        "id": environment.id,
        "name": environment.name,
        "description": environment.description,
        "image": environment.image,
        "settings": asdict(environment.settings),
        "command": list(environment.command),
        "args": list(environment.args),
        "is_archived": environment.is_archived,
        "created_at": environment.created_at,
    }


def _from_row(row: Row) -> GlobalEnvironment:
    return GlobalEnvironment(
        id=EnvironmentId(row["id"]),
        name=row["name"],
        description=row["description"],
        image=row["image"],
        settings=SessionSettings(**row["settings"]),
        command=tuple(row["command"]),
        args=tuple(row["args"]),
        is_archived=row["is_archived"],
        created_at=row["created_at"],
    )
