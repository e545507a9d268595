"""The statements that are sent to a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

__all__ = ["sent_statements"]


@contextmanager
def sent_statements(*about: str) -> Iterator[list[str]]:
    """Note statements of this process; one for many rows is one.

    Args:
        about: Words of which a statement has one; none for every statement.
    """
    seen: list[str] = []

    def note(*facts: Any) -> None:
        statement: str = facts[2]
        if not about or any(word in statement for word in about):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)
