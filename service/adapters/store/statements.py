"""The statements that every aggregate is written with."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    RowMapping,
    Select,
    Table,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement

from service.errors import NotFoundError
from service.ports.store import Page, PageRequest

__all__ = ["Columns", "Row", "Statements", "Values", "insert_into"]

Item = TypeVar("Item")
Row = RowMapping
Values = Mapping[str, object]
Columns = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]
"""Of the row that was to be inserted, where another one stands already."""

_PARAMETERS: Final = 10_000
"""Both engines take about 32,000 in one statement."""


def insert_into(
    connection: AsyncConnection, table: Table
) -> postgresql.Insert | sqlite.Insert:
    """Begin an INSERT … ON CONFLICT: the same words in both dialects."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    is_postgresql = dialect == "postgresql"
    return postgresql.insert(table) if is_postgresql else sqlite.insert(table)


@cache
def _put(
    dialect: str, table: Table, changes: Callable[[Columns], Values]
) -> postgresql.Insert | sqlite.Insert:
    """Write a statement; writing it takes longer than sending it."""
    insert = _insert(dialect, table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_=dict(changes(insert.excluded)),
    )


class Statements:
    """Runs statements within one transaction.

    Args:
        connection: In its transaction.
        is_writing: Whether rows may be held and changed.
    """

    def __init__(self, connection: AsyncConnection, *, is_writing: bool) -> None:
        self._connection = connection
        self._is_writing = is_writing

    async def rows(
        self,
        query: Select[*tuple[object, ...]] | CompoundSelect[*tuple[object, ...]],
        values: Values | None = None,
    ) -> Sequence[Row]:
        """Return what a query finds, with values for what it leaves open."""
        found = await self._connection.execute(query, values and dict(values))
        return found.mappings().all()

    async def page(
        self,
        query: Select[*tuple[object, ...]],
        page: PageRequest,
        read: Callable[[Row], Item],
    ) -> Page[Item]:
        """Return a part of what a query finds, with the number of all it finds."""
        rows = await self.rows(query.limit(page.limit).offset(page.offset))
        total = page.offset + len(rows)
        # A page that is not full ends the list, unless it begins behind the end.
        is_end = len(rows) < page.limit and (bool(rows) or page.offset == 0)
        if not is_end:
            counted = select(func.count()).select_from(query.order_by(None).subquery())
            total = (await self._connection.execute(counted)).scalar_one()
        return Page(items=[read(row) for row in rows], total=total)

    async def held(
        self, query: Select[*tuple[object, ...]], *, skip: bool = False
    ) -> Sequence[Row]:
        """Return rows that nobody else changes until this transaction ends.

        What is read to be changed and saved is not overtaken by another process. A
        transaction that only reads holds nothing.

        Args:
            query: Of one table.
            skip: Whether rows that another transaction holds are left out.
        """
        if self._is_writing:
            query = query.with_for_update(key_share=True, skip_locked=skip)
        return await self.rows(query)

    async def the_one(
        self, query: Select[*tuple[object, ...]], *, what: str, id_: str
    ) -> Row:
        """Return and hold the only row.

        Raises:
            NotFoundError: There is none.
        """
        rows = await self.held(query)
        if not rows:
            raise NotFoundError(f"there is no {what} {id_!r}")
        return rows[0]

    async def add(self, table: Table, values: Values) -> bool:
        """Insert a row; say False when its id or another unique key is taken."""
        statement = insert_into(self._connection, table).on_conflict_do_nothing()
        done = await self._connection.execute(statement.values(values))
        return done.rowcount == 1

    async def add_all(self, table: Table, rows: Sequence[Values]) -> None:
        """Insert rows, in their order."""
        if rows:
            await self._connection.execute(
                table.insert(), [dict(values) for values in rows]
            )

    async def put(self, table: Table, values: Values, *, changes: Values) -> None:
        """Insert a row, or change the one of the same primary key."""
        statement = (
            insert_into(self._connection, table)
            .values(values)
            .on_conflict_do_update(
                index_elements=list(table.primary_key.columns), set_=dict(changes)
            )
        )
        await self._connection.execute(statement)

    async def put_all(
        self,
        table: Table,
        rows: Sequence[Values],
        *,
        changes: Callable[[Columns], Values],
    ) -> None:
        """Insert rows in their order, or change those of the same primary key.

        One statement, written once and sent for each row without waiting.

        Args:
            table: Where to.
            rows: All with the same columns.
            changes: Says what a row becomes by the one that was to be inserted; a
                function of a module, the same every time.
        """
        if rows:
            statement = _put(self._connection.dialect.name, table, changes)
            await self._connection.execute(statement, [dict(values) for values in rows])

    async def change(
        self, table: Table, values: Values, *where: ColumnElement[bool]
    ) -> bool:
        """Update rows; say whether there was any."""
        done = await self._connection.execute(
            update(table).where(*where).values(values)
        )
        return done.rowcount > 0

    async def save(self, table: Table, values: Values, *, what: str) -> None:
        """Update the row of `values["id"]`.

        Raises:
            NotFoundError: There is none.
        """
        id_ = values["id"]
        if not await self.change(table, values, table.c.id == id_):
            raise NotFoundError(f"there is no {what} {id_!r}")

    async def remove(self, table: Table, *where: ColumnElement[bool]) -> None:
        """Delete rows; none is no error."""
        await self._connection.execute(delete(table).where(*where))

    async def remove_each(self, column: Column[int], numbers: Iterable[int]) -> None:
        """Delete the rows whose column has one of many numbers."""
        left = list(numbers)
        while left:
            await self.remove(column.table, column.in_(left[:_PARAMETERS]))
            left = left[_PARAMETERS:]
