"""Launchers, a page at a time."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, literal, select, tuple_, update

from service.adapters.store.columns import Instant
from service.adapters.store.membership import among
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
            select(launchers).where(among(launchers.c.id, ids)).order_by(launchers.c.id)
        )
        return [self._read(row) for row in await self._run.held(query)]

    async def of_whole(
        self, sources: Collection[SourceId], *, limit: int
    ) -> Mapping[SourceId, Sequence[Launcher]]:
        if not sources:
            return {}
        of = launchers.c
        is_theirs = among(of.source_id, sources)
        # By source, so that what the limit cuts is the last one and those behind it.
        first = (
            select(of.id)
            .where(is_theirs)
            .order_by(of.source_id, of.id)
            .limit(limit + 1)
        )
        # Locked in one order everywhere, so that two transactions cannot deadlock.
        query = select(launchers).where(is_theirs, of.id.in_(first)).order_by(of.id)
        rows = await self._run.held(query)
        cut = max(row["source_id"] for row in rows) if len(rows) > limit else None
        found: dict[SourceId, list[Launcher]] = {
            source: [] for source in sources if cut is None or source < cut
        }
        for launcher in sorted(map(self._read, rows), key=_age):
            if launcher.source_id in found:
                found[launcher.source_id].append(launcher)
        return found

    async def newest_generations(
        self, sources: Collection[SourceId]
    ) -> Mapping[SourceId, int]:
        # Both: a launcher that waits for its image wants a later one than it has.
        of = launchers.c
        query = (
            select(
                of.source_id,
                func.max(of.generation).label("has"),
                func.max(of.wanted_generation).label("wants"),
            )
            .where(among(of.source_id, sources))
            .group_by(of.source_id)
        )
        return {
            SourceId(row["source_id"]): max(row["has"] or 0, row["wants"] or 0)
            for row in await self._run.rows(query)
        }

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
            .where(among(launchers.c.id, ids), launchers.c.generation < generation)
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
                among(launchers.c.id, ids),
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


def _age(launcher: Launcher) -> tuple[datetime, LauncherId]:
    return launcher.created_at, launcher.id
