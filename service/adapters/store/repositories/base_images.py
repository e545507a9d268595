"""Digests of builder and run images, and launchers that are behind them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    exists,
    func,
    literal,
    literal_column,
    null,
    select,
    text,
    tuple_,
)

from service.adapters.store.keyset import Order
from service.adapters.store.statements import Row, Statements
from service.adapters.store.tables.builds import bases
from service.adapters.store.tables.configuration import BUILT, HELD, launchers
from service.adapters.store.tables.evaluations import asks
from service.adapters.store.tables.operation import fingerprints
from service.domain.source import SourceId
from service.ports.store.bases import Outdated
from service.ports.store.paging import Cursor

__all__ = ["SqlBases"]

Query = Select[*tuple[object, ...]]

_PAGE: Final = 1000
_PAGES: Final = 20
"""A walk ends after so many pages, whatever it found: a course of ten thousand
launchers has one source."""
_PAIR: Final = (launchers.c.frontend, launchers.c.wanted_builder)
_BY_AGE: Final = Order(at=launchers.c.built_at, id=launchers.c.id)
# Those that wait for an evaluation already are left out, whoever asked: it plans them
# with the present builder anyway.
_IS_NOT_ASKED_FOR: Final = ~exists().where(asks.c.source_id == launchers.c.source_id)


class SqlBases:
    """Implement the port `Bases`."""

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

    async def fingerprint(self, name: str) -> str | None:
        query = select(fingerprints.c.fingerprint).where(fingerprints.c.name == name)
        rows = await self._run.rows(query)
        return rows[0]["fingerprint"] if rows else None

    async def fingerprint_at(self, name: str) -> datetime | None:
        query = select(fingerprints.c.seen_at).where(fingerprints.c.name == name)
        rows = await self._run.rows(query)
        return rows[0]["seen_at"] if rows else None

    async def save_fingerprint(
        self, name: str, fingerprint: str, *, at: datetime
    ) -> None:
        await self._run.put_all(
            fingerprints,
            [{"name": name, "fingerprint": fingerprint, "seen_at": at}],
            changes=lambda new: {
                "fingerprint": new["fingerprint"],
                "seen_at": new["seen_at"],
            },
        )

    async def builders(self) -> Collection[tuple[str, str]]:
        # From one pair to the next in the index: there are few pairs, and a DISTINCT
        # would read every launcher.
        query = select(*_PAIR).where(text(BUILT)).order_by(*_PAIR).limit(1)
        found: list[tuple[str, str]] = []
        rows = await self._run.rows(query)
        while rows:
            last = (rows[0]["frontend"], rows[0]["wanted_builder"])
            found.append(last)
            there = (literal(word, launchers.c.frontend.type) for word in last)
            rows = await self._run.rows(query.where(tuple_(*_PAIR) > tuple_(*there)))
        return set(found)

    async def outdated(
        self, builders: Collection[tuple[str, str]], *, limit: int
    ) -> Sequence[Outdated]:
        found: dict[str, None] = {}
        for walk in (_held(builders), *_oldest(builders)):
            found |= await self._sources(walk, limit=limit)
        return (await self._describe(list(found), builders))[:limit]

    async def _sources(self, walk: Query, *, limit: int) -> dict[str, None]:
        """Return the first sources of launchers in the order of an index."""
        found: dict[str, None] = {}
        last: Row | None = None
        for _ in range(_PAGES):
            rows = await self._run.rows(walk.where(*_behind(last)).limit(_PAGE))
            found |= dict.fromkeys(row["source_id"] for row in rows)
            if len(found) >= limit or len(rows) < _PAGE:
                break
            last = rows[-1]
        return dict.fromkeys(list(found)[:limit])

    async def _describe(
        self, ids: Sequence[str], builders: Collection[tuple[str, str]]
    ) -> Sequence[Outdated]:
        is_held = func.max(case((launchers.c.held_key.is_not(None), 1), else_=0))
        # Never built counts as older than anything.
        # Times are integers here, so a literal 0 sorts before all of them in both
        # engines.
        oldest = func.min(func.coalesce(launchers.c.built_at, literal_column("0")))
        query = (
            select(
                launchers.c.source_id,
                func.count(launchers.c.frontend.distinct()).label("images"),
                is_held.label("is_held"),
            )
            .where(
                text(BUILT),
                launchers.c.source_id.in_(ids),
                tuple_(*_PAIR).in_(tuple(builders)),
            )
            .group_by(launchers.c.source_id)
            .order_by(is_held.desc(), oldest, launchers.c.source_id)
        )
        return [
            Outdated(
                source_id=SourceId(row["source_id"]),
                images=row["images"],
                is_held=bool(row["is_held"]),
            )
            for row in await self._run.rows(query)
        ]


def _held(builders: Collection[tuple[str, str]]) -> Query:
    """Walk the launchers that are held, by id."""
    query = select(launchers.c.source_id, launchers.c.id, null().label("built_at"))
    return query.where(
        text(HELD), tuple_(*_PAIR).in_(tuple(builders)), _IS_NOT_ASKED_FOR
    ).order_by(launchers.c.id)


def _oldest(builders: Collection[tuple[str, str]]) -> Iterator[Query]:
    """Walk the launchers of each builder: those never built, then by their age."""
    query = select(launchers.c.source_id, launchers.c.id, launchers.c.built_at)
    for frontend, builder in sorted(builders):
        of_one = query.where(
            text(BUILT),
            launchers.c.frontend == frontend,
            launchers.c.wanted_builder == builder,
            _IS_NOT_ASKED_FOR,
        )
        yield of_one.where(launchers.c.built_at.is_(None)).order_by(launchers.c.id)
        built = of_one.where(launchers.c.built_at.is_not(None))
        yield built.order_by(*_BY_AGE.keys)


def _behind(row: Row | None) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a launcher follows one in its walk."""
    if row is None:
        return ()
    if row["built_at"] is None:
        return (launchers.c.id > row["id"],)
    return _BY_AGE.behind(Cursor(at=row["built_at"], id=row["id"]))
