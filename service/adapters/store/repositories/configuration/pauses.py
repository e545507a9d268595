"""Where nothing is built by itself."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from service.adapters.store.membership import among
from service.adapters.store.statements import Row, Statements
from service.adapters.store.tables.configuration import pauses
from service.domain.building.pause import EVERYWHERE, Pause

__all__ = ["SqlPauses"]


class SqlPauses:
    """Implement the port `Pauses`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def add(self, pause: Pause) -> bool:
        return await self._run.add(
            pauses,
            {
                "scope": pause.scope,
                "since": pause.since,
                "by_whom": pause.by,
                "reason": pause.reason,
            },
        )

    async def remove(self, scope: str) -> bool:
        is_there = bool(
            await self._run.held(select(pauses).where(pauses.c.scope == scope))
        )
        await self._run.remove(pauses, pauses.c.scope == scope)
        return is_there

    async def list(self) -> Sequence[Pause]:
        query = select(pauses).order_by(pauses.c.since, pauses.c.scope)
        return [_from_row(row) for row in await self._run.rows(query)]

    async def of_projects(self, projects: Iterable[str]) -> Mapping[str, Pause]:
        wanted = set(projects)
        query = select(pauses).where(among(pauses.c.scope, (EVERYWHERE, *wanted)))
        found = {row["scope"]: _from_row(row) for row in await self._run.rows(query)}
        if EVERYWHERE in found:
            return dict.fromkeys(wanted, found[EVERYWHERE])
        return found


def _from_row(row: Row) -> Pause:
    return Pause(
        scope=row["scope"],
        since=row["since"],
        by=row["by_whom"],
        reason=row["reason"],
    )
