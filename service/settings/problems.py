"""What is wrong with the settings of a process, every problem at once.

Each is told in the words in which the setting was given: a variable, or a key of the
configuration file.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from service.settings.section import PREFIX

__all__ = ["OTHERS", "Given", "told", "unknown_variables", "unreadable_files"]

OTHERS: Final = ("RELAUNCH_CONFIG", "RELAUNCH_PAYLOADS")
"""Variables with our prefix that are no settings."""
OTHER_PREFIX: Final = "RELAUNCH_TEST_"


def told(problems: Sequence[str]) -> str:
    """Write problems as one message: one on its line, several below each other."""
    if len(problems) == 1:
        return f"settings: {problems[0]}"
    return "\n  ".join((f"settings: {len(problems)} problems", *problems))


def unknown_variables(
    environment: Mapping[str, str], known: Iterable[str]
) -> Iterator[str]:
    """Name the variables with our prefix that are no settings."""
    settings = {*known, *OTHERS}
    files = {f"{name}_FILE" for name in settings}
    for name in sorted(environment):
        is_ours = name.startswith(PREFIX) and not name.startswith(OTHER_PREFIX)
        if is_ours and name not in settings and name not in files:
            yield f"there is no {name}{_nearest(name, settings)}"


def unreadable_files(
    environment: Mapping[str, str], known: Iterable[str]
) -> Iterator[str]:
    """Name the `…_FILE` variables whose file cannot be read as text."""
    for name in (f"{it}_FILE" for it in known):
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
class Given:
    """Where the values of settings come from."""

    known: frozenset[str]
    """Every variable that is a setting."""
    environment: Mapping[str, str]
    config: Mapping[str, Any]
    """What the configuration file says."""
    path: str
    """The configuration file."""

    def unknown_keys(self) -> Iterator[str]:
        """Name the tables and keys of the configuration file that are no settings."""
        tops = {it.removeprefix(PREFIX).lower() for it in self.known}
        tables = {it.partition("_")[0] for it in tops}
        for name, value in self.config.items():
            if name in tops:
                continue
            inner = {it.removeprefix(f"{name}_") for it in tops if it.startswith(name)}
            if name in tables and not isinstance(value, Mapping):
                yield f"{self.path}: {name} is a table; expected [{name}]"
                continue
            if name not in tables:
                told = f"[{name}]" if isinstance(value, Mapping) else name
                near = _nearest(name, tops | tables)
                yield f"{self.path}: there is no {told}{near}"
                continue
            for key in value:
                if key not in inner:
                    near = _nearest(key, inner)
                    yield f"{self.path}: there is no [{name}] {key}{near}"

    def invalid_values(self, exc: ValidationError) -> Iterator[str]:
        """Say what is wrong with which value; never the value itself."""
        for error in exc.errors(include_url=False, include_input=False):
            place = tuple(str(part) for part in error["loc"])
            if error["type"] == "extra_forbidden" and len(place) <= len(
                ("table", "key")
            ):
                continue  # an unknown name is told of with the nearest one
            if error["type"] == "model_type" and len(place) == 1:
                continue  # so is a table that is none
            message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
            name = self._name(place)
            yield f"{name}: {message}" if name else message

    def _name(self, place: tuple[str, ...]) -> str:
        """Name a setting as it was given; nothing for what several say together."""
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
