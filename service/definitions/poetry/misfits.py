"""Find the values of a [tool.poetry] table that poetry refuses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import (
    ValidationError,
)
from pydantic_core import ErrorDetails

from service.definitions.poetry.table_schema import TAG, table_model
from service.definitions.text import show

__all__ = ["Misfit", "find_misfits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A value in a table that poetry refuses."""

    keys: tuple[str, ...]
    """The path from the table."""
    why: str


def find_misfits(table: Mapping[str, object], *, major: int) -> Iterator[Misfit]:
    """Yield what poetry of a major version refuses in a [tool.poetry] table."""
    try:
        table_model(table, major=major).model_validate(dict(table))
    except ValidationError as exc:
        # Each alternative of a union reports an error; the first is the usual form.
        found = [_misfit(error) for error in exc.errors(include_url=False)]
        yield from {misfit.keys: misfit for misfit in reversed(found)}.values()


def _is_alternative(part: str | int) -> bool:
    """Return whether a part of a location names an alternative of a union."""
    return isinstance(part, str) and part.startswith((TAG, "list[", "literal[", "_"))


_WORDS: Final = {
    "extra_forbidden": "poetry does not know this key here",
    "missing": "it is missing",
    "union_tag_invalid": "expected one of version, git, path, file and url in it",
    "too_short": "expected at least one entry",
}


def _misfit(error: ErrorDetails) -> Misfit:
    keys = tuple(str(part) for part in error["loc"] if not _is_alternative(part))
    why = _WORDS.get(error["type"])
    if why is None:
        wanted = error["msg"].removeprefix("Value error, ")
        wanted = wanted.replace("Input should be", "expected")
        why = f"{wanted}, found {show(repr(error['input']), limit=60)}"
    return Misfit(keys=keys, why=why)
