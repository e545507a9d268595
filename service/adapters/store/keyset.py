"""Pages of lists that are ordered by time and id, found by their index.

A page behind a cursor is one walk of an index from there. A page by number is found by
the keys alone, from the nearer end of the list; only then are its rows read.
https://use-the-index-luke.com/no-offset
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Select,
    cast,
    func,
    literal,
    select,
    tuple_,
)

from service.adapters.store.statements import Row, Statements
from service.adapters.store.tables.operation import totals
from service.ports.store.paging import Cursor, Page, PageRequest

__all__ = ["Order", "count_rows", "read_page", "read_total"]

Item = TypeVar("Item")
Query = Select[*tuple[object, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order of a list: by a time, then by the id, which makes it total."""

    at: Column[datetime]
    id: Column[str]
    is_newest_first: bool = False

    @property
    def keys(self) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """Return what ORDER BY takes."""
        if self.is_newest_first:
            return self.at.desc(), self.id.desc()
        return self.at.asc(), self.id.asc()

    def behind(self, cursor: Cursor | None) -> tuple[ColumnElement[bool], ...]:
        """Return the condition that a row stands behind a cursor; none without one."""
        if cursor is None:
            return ()
        here, there = self._compared(cursor)
        return (here < there if self.is_newest_first else here > there,)

    def since(self, cursor: Cursor) -> ColumnElement[bool]:
        """Return the condition that a row stands at a cursor or behind it."""
        here, there = self._compared(cursor)
        return here <= there if self.is_newest_first else here >= there

    def _compared(
        self, cursor: Cursor
    ) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        there = (literal(cursor.at, self.at.type), literal(cursor.id, self.id.type))
        return tuple_(self.at, self.id), tuple_(*there)

    def turned(self) -> "Order":
        """Return the same order from its other end."""
        return Order(at=self.at, id=self.id, is_newest_first=not self.is_newest_first)


async def read_page(
    run: Statements,
    query: Query,
    order: Order,
    page: PageRequest,
    read: Callable[[Row], Item],
    *,
    count: Query | None = None,
) -> Page[Item]:
    """Return a page of a query's rows, with the total number.

    Args:
        run: The statements of a transaction.
        query: What the list consists of, in no order.
        order: Its order.
        page: The requested part.
        read: Reads an item off a row.
        count: Returns how many rows the query has as `count`; counts them when absent.
    """
    wanted = query.order_by(*order.keys).limit(page.limit)
    if page.after is not None:
        rows = await run.rows(wanted.where(*order.behind(page.after)))
        total = await _count(run, query, count)
    elif page.offset == 0:
        rows = await run.rows(wanted)
        is_whole = len(rows) < page.limit
        total = len(rows) if is_whole else await _count(run, query, count)
    else:
        total = await _count(run, query, count)
        first = await _find_first(run, query, order, page.offset, total)
        rows = await run.rows(wanted.where(order.since(first))) if first else ()
    return Page(items=[read(row) for row in rows], total=total)


async def _count(run: Statements, query: Query, count: Query | None) -> int:
    found = await run.rows(count_rows(query) if count is None else count)
    return int(found[0]["count"])


async def _find_first(
    run: Statements, query: Query, order: Order, offset: int, total: int
) -> Cursor | None:
    """Find the position of the item that an offset skips to; None behind the end."""
    from_end = total - 1 - offset
    if from_end < 0:
        return None
    walked = order if offset <= from_end else order.turned()
    keys = query.with_only_columns(order.at.label("at"), order.id.label("id"))
    keys = keys.order_by(*walked.keys).offset(min(offset, from_end)).limit(1)
    rows = await run.rows(keys)
    return Cursor(at=rows[0]["at"], id=rows[0]["id"]) if rows else None


def count_rows(query: Query) -> Query:
    """Return the query that counts another's rows."""
    return select(func.count().label("count")).select_from(query.subquery())


def read_total(list_: str, *, part: str | None = None) -> Query:
    """Return the query of a number that triggers keep, of a part or of the whole."""
    found = func.coalesce(func.sum(totals.c.count), 0)
    query = select(cast(found, BigInteger).label("count"))
    query = query.where(totals.c.list == list_)
    return query if part is None else query.where(totals.c.part == part)
