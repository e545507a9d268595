"""Whether a text is one of many, as a statement that is written once.

`IN` has a parameter for each value: every number of values is another statement, which
the library writes and the database reads and plans anew.
"""

import json
from collections.abc import Collection, Iterable
from typing import Any, Self

from sqlalchemy import (
    BindParameter,
    Boolean,
    Column,
    Dialect,
    TableValuedAlias,
    Text,
    bindparam,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from service.adapters.store.columns import Words, escape

__all__ = ["among", "each"]


class _Several(TypeDecorator[Collection[str]]):
    """Some texts as one parameter: an array, or a document where there are none."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok: bool | None = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind = ARRAY(Text()) if _has_arrays(dialect) else Text()
        return dialect.type_descriptor(kind)

    def process_bind_param(
        self, value: Collection[str] | None, dialect: Dialect
    ) -> list[str] | str:
        words = [escape(item) for item in value or ()]
        return words if _has_arrays(dialect) else json.dumps(words)


class _Among(FunctionElement[bool]):
    """A column, and the texts that it may have."""

    type: TypeEngine[bool] = Boolean()
    inherit_cache: bool | None = True

    def self_group(self, against: OperatorType | None = None) -> Self:
        # Else a database without booleans gets `… = 1`, and SQLite uses no index for a
        # comparison of a comparison.
        del against
        return self


def among(column: Column[str], values: Iterable[str]) -> FunctionElement[bool]:
    """Return the condition that a column of words has one of some values."""
    return _Among(column, _several(values))


class _Each(FunctionElement[str]):
    """Some texts as rows."""

    type: TypeEngine[str] = Words()
    inherit_cache: bool | None = True


def each(values: Iterable[str]) -> TableValuedAlias:
    """Return some values as a table, whose column is `value`."""
    # Of a function of one column PostgreSQL calls the column like the table.
    return _Each(_several(values)).table_valued("value", name="value")


def _several(values: Iterable[str]) -> BindParameter[Any]:
    return bindparam(None, tuple(values), type_=_Several(), unique=True)


@compiles(_Each)
def _from_document(element: _Each, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    return f"json_each({compiler.process(element.clauses, **how)})"


@compiles(_Each, "postgresql")
def _from_array(element: _Each, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    return f"unnest({compiler.process(element.clauses, **how)})"


@compiles(_Among)
def _by_document(element: _Among, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    column, values = element.clauses
    here, there = compiler.process(column, **how), compiler.process(values, **how)
    return f"{here} IN (SELECT value FROM json_each({there}))"  # noqa: S608 - no values


@compiles(_Among, "postgresql")
def _by_array(element: _Among, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    column, values = element.clauses
    return (
        f"{compiler.process(column, **how)} = ANY ({compiler.process(values, **how)})"
    )


def _has_arrays(dialect: Dialect) -> bool:
    return dialect.name == "postgresql"
