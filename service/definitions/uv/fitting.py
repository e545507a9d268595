"""Whether a table fits a model of what uv reads; and where it does not, and why."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Discriminator, Tag, ValidationError

from service.definitions.formats.toml_lines import Keys
from service.definitions.local.project_file import ProjectFile
from service.definitions.text import show

__all__ = [
    "AS_TABLE",
    "AS_TEXT",
    "BY_KIND",
    "TOLERANT",
    "explain",
    "find_twins",
    "fit_table",
    "refuse_misfits",
]

_TAG: Final = "as "
"""How the name of an alternative begins, which pydantic puts between the keys."""
TOLERANT: Final = ConfigDict(
    extra="ignore",
    strict=True,
    frozen=True,
    alias_generator=lambda name: name.replace("_", "-"),
)
"""The configuration of a table of which uv ignores the keys that it does not know."""

_KEY: Final = "[key]"
"""What pydantic puts behind a key that is itself at fault."""
_WORDS: Final = {"missing": "it is missing", "extra_forbidden": "uv does not know it"}
_EXPECTED: Final = {
    "dict_type": "expected a table",
    "list_type": "expected an array",
    "model_type": "expected a table",
    "string_pattern_mismatch": "it has not the form that uv reads",
    "string_type": "expected a string",
}
"""Messages, by the kind of an error of pydantic, in words of TOML."""


def _choose(value: object) -> str:
    return f"{_TAG}table" if isinstance(value, Mapping) else f"{_TAG}text"


AS_TEXT: Final = Tag(f"{_TAG}text")
AS_TABLE: Final = Tag(f"{_TAG}table")
BY_KIND: Final = Discriminator(_choose)
"""Chooses between two types of a value: for a table, and for whatever else it is."""


def fit_table(
    model: type[BaseModel],
    value: object,
    place: Keys,
) -> Iterator[tuple[Keys, str]]:
    """Yield where a value does not fit a model, and why."""
    try:
        model.model_validate(value)
    except ValidationError as exc:
        for keys, why in explain(exc):
            yield (*place, *keys), why
    except RecursionError:
        return


def explain(exc: ValidationError) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of a value that is refused, and why."""
    for error in exc.errors(include_url=False):
        found = show(repr(error["input"]), limit=60)
        message = error["msg"].removeprefix("Value error, ")
        message = message.replace("Input should be", "expected")
        message = _EXPECTED.get(error["type"], message)
        why = _WORDS.get(error["type"], f"{message}, found {found}")
        yield tuple(part for part in map(str, error["loc"]) if not _is_tag(part)), why


def find_twins(named: Mapping[str, object], *place: str) -> Iterator[tuple[Keys, str]]:
    """Yield the names that are there already in another spelling."""
    seen: set[str] = set()
    for name in named:
        if canonicalize_name(name) in seen:
            yield (*place, name), "it is there already, in another spelling"
        seen.add(canonicalize_name(name))


def refuse_misfits(
    project: ProjectFile, code: str, misfits: Iterable[tuple[Keys, str]]
) -> None:
    """Report keys that uv refuses, and why."""
    for keys, why in misfits:
        where = show(".".join(keys))
        project.error(code, f"uv refuses {where}: {why}; correct or remove it", *keys)


def _is_tag(part: str) -> bool:
    return part == _KEY or part.startswith(_TAG)
