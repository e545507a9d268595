"""Digests of builder and run images, and launchers that are behind them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import case, exists, func, literal_column, select, tuple_

from service.adapters.store.statements import Statements
from service.adapters.store.tables import asks, bases, launchers, rebuilds
from service.domain.build import BuildState
from service.domain.launcher import UpdatePolicy
from service.domain.source import SourceId
from service.ports.store.bases import Outdated

__all__ = ["SqlBases"]


class SqlBases:
    """Implements the port `Bases`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def digests(self) -> Mapping[str, str]:
        rows = await self._run.rows(select(bases.c.reference, bases.c.digest))
        return {row["reference"]: row["digest"] for row in rows}

    async def save(self, reference: str, *, digest: str, at: datetime) -> None:
        row = {"reference": reference, "digest": digest, "seen_at": at}
        await self._run.put_all(
            bases,
            [row],
            changes=lambda new: {"digest": new["digest"], "seen_at": new["seen_at"]},
        )

    async def builders(self) -> Collection[tuple[str, str]]:
        query = (
            select(launchers.c.frontend, launchers.c.wanted_builder)
            .where(_IS_AUTOMATIC, launchers.c.wanted_builder.is_not(None))
            .distinct()
        )
        rows = await self._run.rows(query)
        return {(row["frontend"], row["wanted_builder"]) for row in rows}

    async def outdated(
        self, builders: Collection[tuple[str, str]], *, limit: int
    ) -> Sequence[Outdated]:
        built_at = (
            select(func.max(rebuilds.c.completed_at))
            .where(
                rebuilds.c.environment_id == launchers.c.environment_id,
                rebuilds.c.state == BuildState.SUCCEEDED.value,
            )
            .scalar_subquery()
        )
        is_held = func.max(case((launchers.c.held_key.is_not(None), 1), else_=0))
        # Never built counts as older than anything.
        oldest = func.min(func.coalesce(built_at, literal_column("0")))
        query = (
            select(
                launchers.c.source_id,
                func.count(launchers.c.frontend.distinct()).label("images"),
                is_held.label("is_held"),
            )
            .where(
                _IS_AUTOMATIC,
                tuple_(launchers.c.frontend, launchers.c.wanted_builder).in_(
                    tuple(builders)
                ),
                ~exists().where(asks.c.source_id == launchers.c.source_id),
            )
            .group_by(launchers.c.source_id)
            .order_by(is_held.desc(), oldest, launchers.c.source_id)
            .limit(limit)
        )
        return [
            Outdated(
                source_id=SourceId(row["source_id"]),
                images=row["images"],
                is_held=bool(row["is_held"]),
            )
            for row in await self._run.rows(query)
        ]


_IS_AUTOMATIC = launchers.c.policy != UpdatePolicy.MANUAL.value
