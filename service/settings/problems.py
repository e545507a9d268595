"""What is wrong with the settings of a process, every problem at once.

Each is reported in the words in which the setting was given: a variable, or a key of
the configuration file.
"""

from collections.abc import (
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set as AbstractSet,
)
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from service.settings.renamed import RENAMED_SETTINGS
from service.settings.section import PREFIX

__all__ = [
    "OTHERS",
    "GivenSettings",
    "describe_problems",
    "unknown_variables",
    "unreadable_files",
]

OTHERS: Final = ("RELAUNCH_CONFIG", "RELAUNCH_PAYLOADS")
"""Variables with our prefix that are no settings."""
OTHER_PREFIX: Final = "RELAUNCH_TEST_"
_RENAMED_TABLES: Final = frozenset(table for table, _ in RENAMED_SETTINGS)


def describe_problems(problems: Sequence[str]) -> str:
    """Write problems as one message: one on its line, several below each other."""
    if len(problems) == 1:
        return f"settings: {problems[0]}"
    return "\n  ".join((f"settings: {len(problems)} problems", *problems))


def unknown_variables(
    environment: Mapping[str, str], known: Iterable[str]
) -> Iterator[str]:
    """Name the variables with our prefix that are no settings, or are so no longer."""
    settings = {*known, *OTHERS}
    renamed = dict(_renamed_variables())
    files = {f"{name}_FILE" for name in settings}
    for name in sorted(environment):
        is_ours = name.startswith(PREFIX) and not name.startswith(OTHER_PREFIX)
        if is_ours and name in renamed:
            yield f"{name} is now {renamed[name]}"
        elif is_ours and name not in settings and name not in files:
            yield f"there is no {name}{_nearest(name, settings)}"


def _renamed_variables() -> Iterator[tuple[str, str]]:
    for (table, key), (new_table, new_key) in RENAMED_SETTINGS.items():
        old, new = _variable(table, key), _variable(new_table, new_key)
        yield old, new
        yield f"{old}_FILE", f"{new}_FILE"


def unreadable_files(
    environment: Mapping[str, str], known: Iterable[str]
) -> Iterator[str]:
    """Name the `…_FILE` variables whose file cannot be read as text."""
    for name in (f"{text}_FILE" for text in known):
        path = environment.get(name)
        if not path:
            continue
        try:
            Path(path).read_text(encoding="utf-8")
        except OSError as exc:
            yield f"{name}: cannot read {path}: {exc.strerror}"
        except UnicodeDecodeError:
            yield f"{name}: {path} is no text in UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSettings:
    """Where the values of settings come from."""

    known: frozenset[str]
    """Every variable that is a setting."""
    tables: Mapping[str, AbstractSet[str]]
    """The tables of the configuration file, and the keys of each."""
    environment: Mapping[str, str]
    config: Mapping[str, Any]
    """The content of the configuration file."""
    path: str
    """The configuration file."""

    def unknown_keys(self) -> Iterator[str]:
        """Name the tables and keys of the configuration file that are no settings."""
        singles = {
            text.removeprefix(PREFIX).lower()
            for text in self.known - {*self._flat_names()}
        }
        for name, value in self.config.items():
            if name in singles:
                continue
            if (keys := self.tables.get(name)) is not None:
                if isinstance(value, Mapping):
                    yield from self._unknown_in_table(name, value, known=keys)
                else:
                    yield f"{self.path}: {name} is a table; expected [{name}]"
            elif name in _RENAMED_TABLES and isinstance(value, Mapping):
                yield from self._unknown_in_table(name, value, known=())
            elif right := self._flat_names().get(_variable(name)):
                yield f"{self.path}: there is no {name}; expected {right}"
            else:
                label = f"[{name}]" if isinstance(value, Mapping) else name
                near = _nearest(name, singles | self.tables.keys())
                yield f"{self.path}: there is no {label}{near}"

    def _flat_names(self) -> Mapping[str, str]:
        """Map variables to where the file has them: `[table] key`.

        Somebody may write the name of a variable, without prefix, as a key of no table.
        """
        present = {
            _variable(table, key): f"[{table}] {key}"
            for table, keys in self.tables.items()
            for key in keys
        }
        renamed = {
            _variable(*old): f"[{new[0]}] {new[1]}"
            for old, new in RENAMED_SETTINGS.items()
        }
        return renamed | present

    def _unknown_in_table(
        self, table: str, keys: Iterable[str], *, known: Iterable[str]
    ) -> Iterator[str]:
        names = set(known)
        for key in keys:
            if new := RENAMED_SETTINGS.get((table, key)):
                yield f"{self.path}: [{table}] {key} is now [{new[0]}] {new[1]}"
            elif key not in names:
                near = _nearest(key, names)
                yield f"{self.path}: there is no [{table}] {key}{near}"

    def invalid_values(self, exc: ValidationError) -> Iterator[str]:
        """Describe what is wrong with which value; never the value itself."""
        for error in exc.errors(include_url=False, include_input=False):
            place = tuple(str(part) for part in error["loc"])
            if error["type"] == "extra_forbidden" and len(place) <= len(
                ("table", "key")
            ):
                continue  # an unknown name is reported with the nearest one
            if error["type"] == "model_type" and len(place) == 1:
                continue  # so is a table that is none
            message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
            name = self._name(place)
            yield f"{name}: {message}" if name else message

    def _name(self, place: tuple[str, ...]) -> str:
        """Name a setting as it was given; nothing for a conflict of several."""
        top, *inner = place
        is_single = _variable(top) in self.known
        if not is_single and not inner:
            return ""
        variable = _variable(top) if is_single else _variable(top, inner[0])
        rest = ".".join(inner if is_single else inner[1:])
        is_in_environment = {variable, f"{variable}_FILE"} & self.environment.keys()
        if top not in self.config or is_in_environment:
            return f"{variable} {rest}".strip()
        key = top if is_single else f"[{top}] {inner[0]}"
        return f"{self.path}: {key} {rest}".strip()


def _variable(*place: str) -> str:
    return PREFIX + "_".join(place).upper()


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
