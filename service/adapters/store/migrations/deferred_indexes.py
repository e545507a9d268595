"""Indexes of tables that are in use, made while others write.

PostgreSQL makes an index in one of two ways: within a transaction, and every write to
the table waits until it is done, or CONCURRENTLY, which no transaction may contain. So
a migration's indexes are put off until its transaction is committed, whoever writes the
migration: only tables that are made by the same run have theirs made at once.
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
"""

from functools import cached_property

from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import Index, Table

from service.adapters.store.migrations.concurrent_indexes import IndexChanges
from service.errors import PermanentError

__all__ = ["DeferringImpl"]


# Alembic takes the last class that is made for a dialect, so to import this module is
# to have it used; SQLite has one writer, who waits for itself.
class DeferringImpl(PostgresqlImpl):
    """Notes changes of indexes instead of making them."""

    __dialect__ = "postgresql"

    @cached_property
    def deferred(self) -> IndexChanges:
        """What is to be done after the transaction."""
        return IndexChanges()

    @cached_property
    def _new_tables(self) -> set[str]:
        return set()

    def create_table(self, table: Table, **options: object) -> None:
        """Make a table; its indexes are no trouble to anybody."""
        self._new_tables.add(table.name)
        super().create_table(table, **options)

    def rename_table(
        self, old_table_name: str, new_table_name: str, schema: str | None = None
    ) -> None:
        """Rename a table, which is as new as it was."""
        if old_table_name in self._new_tables:
            self._new_tables.add(new_table_name)
        super().rename_table(old_table_name, new_table_name, schema=schema)

    def create_index(self, index: Index, **options: object) -> None:
        """Put an index off, unless its table is new.

        Raises:
            PermanentError: It is unique: what relies on that would run without it.
        """
        if index.table is not None and index.table.name in self._new_tables:
            super().create_index(index, **options)
            return
        if index.unique:
            raise PermanentError(f"{index.name} is unique, and its table is in use")
        self.deferred.make(index)

    def drop_index(self, index: Index, **options: object) -> None:
        """Put the end of an index off, unless its table is new."""
        if index.table is not None and index.table.name in self._new_tables:
            super().drop_index(index, **options)
            return
        self.deferred.drop(index)
