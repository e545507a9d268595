"""What environments are built with in an upstream Renku."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.upstream import upstream_environments
from service.domain.building.build import EnvironmentId
from service.domain.rights.caller import ProjectId
from service.ports.store import UpstreamEnvironment

__all__ = ["SqlUpstreamEnvironments"]

_COLUMNS = upstream_environments.c


class SqlUpstreamEnvironments:
    """Implement the port `UpstreamEnvironments`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def find(self, environment: EnvironmentId) -> UpstreamEnvironment | None:
        query = select(upstream_environments).where(_COLUMNS.id == environment)
        rows = await self._run.rows(query)
        return _from_row(rows[0]) if rows else None

    async def of_project(self, project: ProjectId) -> Sequence[UpstreamEnvironment]:
        query = select(upstream_environments).where(_COLUMNS.project_id == project)
        return [_from_row(row) for row in await self._run.rows(query)]

    async def put(self, environment: UpstreamEnvironment) -> None:
        row = _to_row(environment)
        await self._run.put(upstream_environments, row, changes=row)

    async def remove(self, environments: Iterable[EnvironmentId]) -> None:
        for environment in environments:
            await self._run.remove(upstream_environments, _COLUMNS.id == environment)


def _to_row(environment: UpstreamEnvironment) -> Values:
    return {
        "id": environment.id,
        "project_id": environment.project_id,
        "parameters": environment.parameters,
        "changed_before": environment.changed_before,
    }


def _from_row(row: Row) -> UpstreamEnvironment:
    return UpstreamEnvironment(
        id=EnvironmentId(row["id"]),
        project_id=ProjectId(row["project_id"]),
        parameters=row["parameters"],
        changed_before=row["changed_before"],
    )
