"""Counts of what happened since a time."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select, text

from service.adapters.store.access.visibility import only_visible
from service.adapters.store.statements import Statements
from service.adapters.store.tables.builds import ENDED, rebuilds
from service.adapters.store.tables.configuration import launchers
from service.adapters.store.tables.evaluations import evaluations
from service.domain.rights.caller import EVERYTHING, ProjectFilter

__all__ = ["SqlStatistics"]


class SqlStatistics:
    """Implement the port `Statistics`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def verdicts(
        self, *, since: datetime, visible: ProjectFilter = EVERYTHING
    ) -> Mapping[str, int]:
        query = (
            select(evaluations.c.verdict.label("word"), func.count().label("count"))
            .where(evaluations.c.completed_at >= since)
            .group_by(evaluations.c.verdict)
        )
        if not visible.is_everything:
            tracked = only_visible(
                select(launchers.c.source_id), launchers.c.project_id, visible
            )
            query = query.where(evaluations.c.source_id.in_(tracked))
        return {row["word"]: row["count"] for row in await self._run.rows(query)}

    async def endings(
        self, *, since: datetime, visible: ProjectFilter = EVERYTHING
    ) -> Mapping[str, int]:
        query = (
            select(rebuilds.c.reason.label("word"), func.count().label("count"))
            .where(rebuilds.c.created_at >= since, text(ENDED))
            .group_by(rebuilds.c.reason)
        )
        if not visible.is_everything:
            own = only_visible(select(launchers.c.id), launchers.c.project_id, visible)
            query = query.where(rebuilds.c.launcher_id.in_(own))
        return {row["word"]: row["count"] for row in await self._run.rows(query)}
