"""Which builds in an upstream Renku serve ours."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.upstream import upstream_builds
from service.domain.building.build import BuildId, EnvironmentId
from service.ports.store import UpstreamBuild

__all__ = ["SqlUpstreamBuilds"]

_COLUMNS = upstream_builds.c


class SqlUpstreamBuilds:
    """Implement the port `UpstreamBuilds`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def add(self, build: UpstreamBuild) -> None:
        await self._run.remove(
            upstream_builds,
            _COLUMNS.environment_id == build.environment_id,
            _COLUMNS.is_released.is_(True),
        )
        row = _to_row(build)
        await self._run.put(upstream_builds, row, changes=row)

    async def some(self, builds: Iterable[BuildId]) -> Sequence[UpstreamBuild]:
        query = select(upstream_builds).where(_COLUMNS.id.in_(set(builds)))
        return [_from_row(row) for row in await self._run.rows(query)]

    async def of_environment(
        self, environment: EnvironmentId
    ) -> Sequence[UpstreamBuild]:
        query = select(upstream_builds).where(_COLUMNS.environment_id == environment)
        return [_from_row(row) for row in await self._run.rows(query)]

    async def unreleased(self) -> Sequence[BuildId]:
        query = select(_COLUMNS.id).where(_COLUMNS.is_released.is_(False))
        return [BuildId(row["id"]) for row in await self._run.rows(query)]

    async def save(self, build: UpstreamBuild) -> None:
        await self._run.save(upstream_builds, _to_row(build), what="Upstream build")


def _to_row(build: UpstreamBuild) -> Values:
    return {
        "id": build.build_id,
        "attempt": build.attempt,
        "environment_id": build.environment_id,
        "upstream_id": build.upstream_id,
        "is_ours": build.is_ours,
        "starts": build.starts,
        "head_requested_at": build.head_requested_at,
        "is_released": build.is_released,
    }


def _from_row(row: Row) -> UpstreamBuild:
    return UpstreamBuild(
        build_id=BuildId(row["id"]),
        attempt=row["attempt"],
        environment_id=EnvironmentId(row["environment_id"]),
        upstream_id=row["upstream_id"],
        is_ours=row["is_ours"],
        starts=row["starts"],
        head_requested_at=row["head_requested_at"],
        is_released=row["is_released"],
    )
