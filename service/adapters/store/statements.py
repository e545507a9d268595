"""The SQL statements that all repositories share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    RowMapping,
    Select,
    Table,
    Update,
    delete,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.sql.elements import KeyedColumnElement

from service.errors import NotFoundError

__all__ = ["Columns", "Row", "Statements", "Values", "insert_into"]

Row = RowMapping
Values = Mapping[str, object]
Columns = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]
"""The columns of the row to be inserted, in ON CONFLICT."""

_PARAMETERS: Final = 10_000
"""Parameters of one statement; both engines allow about 32,000."""


def insert_into(
    connection: AsyncConnection, table: Table
) -> postgresql.Insert | sqlite.Insert:
    """Begin an INSERT … ON CONFLICT, which both dialects have."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    is_postgresql = dialect == "postgresql"
    return postgresql.insert(table) if is_postgresql else sqlite.insert(table)


@cache
def _put(
    dialect: str, table: Table, changes: Callable[[Columns], Values]
) -> postgresql.Insert | sqlite.Insert:
    """Compile an upsert; cached, because compiling takes longer than executing it."""
    insert = _insert(dialect, table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_=dict(changes(insert.excluded)),
    )


class Statements:
    """Run statements within one transaction.

    Args:
        connection: The connection, in its transaction.
        is_writing: Whether rows may be locked and changed.
    """

    def __init__(self, connection: AsyncConnection, *, is_writing: bool) -> None:
        self._connection = connection
        self._is_writing = is_writing

    async def rows(
        self,
        query: Select[*tuple[object, ...]] | CompoundSelect[*tuple[object, ...]],
        values: Values | None = None,
    ) -> Sequence[Row]:
        """Return the rows of a query, with values for its parameters."""
        found = await self._connection.execute(query, values and dict(values))
        return found.mappings().all()

    async def held(
        self, query: Select[*tuple[object, ...]], *, skip: bool = False
    ) -> Sequence[Row]:
        """Return rows and lock them until this transaction ends (FOR UPDATE).

        A transaction that only reads locks nothing.

        Args:
            query: A query of one table.
            skip: Whether to leave out rows that another transaction has locked.
        """
        # Without the lock, another process could change a row between our read and
        # our write. FOR NO KEY UPDATE, so that inserts of referring rows need not wait.
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
            raise _not_found(what, id_)
        return rows[0]

    async def add(self, table: Table, values: Values) -> bool:
        """Insert a row; return False when its id or another unique key is taken."""
        # Not caught as IntegrityError: in PostgreSQL a failed statement aborts the
        # whole transaction, and callers go on in theirs.
        statement = insert_into(self._connection, table).on_conflict_do_nothing()
        done = await self._connection.execute(statement.values(values))
        return done.rowcount == 1

    async def add_new(self, table: Table, rows: Sequence[Values]) -> None:
        """Insert rows, leaving out those whose id or another unique key is taken."""
        if rows:
            statement = insert_into(self._connection, table).on_conflict_do_nothing()
            await self._connection.execute(statement, [dict(row) for row in rows])

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
            changes: Computes the new values of a row from the one to be inserted; a
                module's function, because the statement is cached by it.
        """
        if rows:
            statement = _put(self._connection.dialect.name, table, changes)
            await self._connection.execute(statement, [dict(values) for values in rows])

    async def change(
        self, table: Table, values: Values, *where: ColumnElement[bool]
    ) -> bool:
        """Update rows; return whether there was any."""
        done = await self._connection.execute(
            update(table).where(*where).values(values)
        )
        return done.rowcount > 0

    async def change_all(
        self, statement: Update, rows: Sequence[Mapping[str, object]]
    ) -> None:
        """Run one UPDATE with parameters for each row: one round trip for all."""
        if rows:
            await self._connection.execute(statement, [dict(row) for row in rows])

    async def changed(
        self, statement: ReturningUpdate[*tuple[object, ...]]
    ) -> Sequence[Row]:
        """Run an UPDATE … RETURNING; return its rows."""
        return (await self._connection.execute(statement)).mappings().all()

    async def save(self, table: Table, values: Values, *, what: str) -> None:
        """Update the row of `values["id"]`.

        Raises:
            NotFoundError: There is none.
        """
        id_ = values["id"]
        if not await self.change(table, values, table.c.id == id_):
            raise _not_found(what, str(id_))

    async def remove(self, table: Table, *where: ColumnElement[bool]) -> None:
        """Delete rows; none is no error."""
        await self._connection.execute(delete(table).where(*where))

    async def remove_each(self, column: Column[int], numbers: Iterable[int]) -> None:
        """Delete the rows whose column has one of many numbers."""
        left = list(numbers)
        # In portions: both engines bound the parameters of a statement, and a backlog
        # may be larger.
        while left:
            await self.remove(column.table, column.in_(left[:_PARAMETERS]))
            left = left[_PARAMETERS:]


def _not_found(what: str, id_: str) -> NotFoundError:
    """Write it as Renku does, which does not show whether others have such a thing."""
    return NotFoundError(
        f"{what} with id '{id_}' does not exist or you do not have access to it."
    )
