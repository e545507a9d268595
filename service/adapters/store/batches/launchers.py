"""Launchers, a page at a time."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, literal, select, tuple_, update

from service.adapters.store.columns import Instant
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.configuration import launchers
from service.domain.building.build import (
    BuildKey,
)
from service.domain.launcher import Launcher, LauncherId
from service.domain.source import SourceId

__all__ = ["SqlLauncherBatches"]

_WANTED: Final = {
    "id": "id",
    "wanted_key": "wanted_key",
    "wanted_generation": "wanted_generation",
    "wanted_builder": "wanted_builder",
    "is_pinned": "is_exact",
    "held_key": "held_key",
    "held_until": "held_until",
}
"""The columns that an evaluation writes, and the fields that they hold."""
_SAVE_WANTED: Final = (
    update(launchers)
    .where(launchers.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}") for name in _WANTED if name != "id"})
)
"""Written once: SQLAlchemy takes longer for an UPDATE than the database does."""


class SqlLauncherBatches:
    """Implement the port `LauncherBatches`.

    Args:
        statements: The transaction.
        read: Reads a launcher off its row.
    """

    def __init__(
        self, statements: Statements, *, read: Callable[[Row], Launcher]
    ) -> None:
        self._run = statements
        self._read = read

    async def page_of_source(
        self, source: SourceId, *, limit: int, after: Launcher | None = None
    ) -> Sequence[Launcher]:
        # The order of the index of a source's launchers: no page is sorted.
        order = (launchers.c.created_at, launchers.c.id)
        query = select(launchers).where(launchers.c.source_id == source)
        if after is not None:
            reached = (literal(after.created_at, Instant()), literal(after.id))
            query = query.where(tuple_(*order) > tuple_(*reached))
        query = query.order_by(*order).limit(limit)
        return [self._read(row) for row in await self._run.held(query)]

    async def some(self, ids: Iterable[LauncherId]) -> Sequence[Launcher]:
        # In one order everywhere, so that two transactions cannot deadlock.
        query = (
            select(launchers)
            .where(launchers.c.id.in_(tuple(ids)))
            .order_by(launchers.c.id)
        )
        return [self._read(row) for row in await self._run.held(query)]

    async def newest_generation(self, source: SourceId) -> int:
        # Both: a launcher that waits for its image wants a later one than it has.
        of = launchers.c
        query = select(
            func.max(of.generation).label("has"),
            func.max(of.wanted_generation).label("wants"),
        ).where(of.source_id == source)
        (row,) = await self._run.rows(query)
        return max(row["has"] or 0, row["wants"] or 0)

    async def save_wanted(self, changed: Iterable[Launcher]) -> None:
        rows = [
            {f"b_{name}": getattr(launcher, field) for name, field in _WANTED.items()}
            for launcher in changed
        ]
        await self._run.change_all(_SAVE_WANTED, rows)

    async def roll_out_many(
        self,
        ids: Iterable[LauncherId],
        *,
        image: str,
        key: BuildKey,
        generation: int,
        built_at: datetime | None = None,
    ) -> Collection[LauncherId]:
        # The comparison is part of the UPDATE. A generation that was read before may be
        # another when the write comes, and of two rollouts the later to commit would
        # win, not the newer.
        moved = (
            update(launchers)
            .where(launchers.c.id.in_(tuple(ids)), launchers.c.generation < generation)
            .values(
                image=image, image_key=key, generation=generation, **_built(built_at)
            )
            .returning(launchers.c.id)
        )
        return {LauncherId(row["id"]) for row in await self._run.changed(moved)}

    async def make_available_many(
        self,
        ids: Iterable[LauncherId],
        *,
        image: str,
        key: BuildKey,
        generation: int,
        built_at: datetime | None = None,
    ) -> Collection[LauncherId]:
        offered = (
            update(launchers)
            .where(
                launchers.c.id.in_(tuple(ids)),
                launchers.c.available_generation < generation,
                # What it starts from already is no offer, nor is anything older.
                launchers.c.generation < generation,
            )
            .values(
                available_image=image,
                available_key=key,
                available_generation=generation,
                **_built(built_at),
            )
            .returning(launchers.c.id)
        )
        return {LauncherId(row["id"]) for row in await self._run.changed(offered)}


def _built(at: datetime | None) -> Values:
    return {"built_at": at} if at else {}
