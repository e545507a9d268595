"""The distributions that a definition declares; the smoke test imports them.

Left out are distributions that an image may lack: extras, groups that are not installed
by default, and those for only some Pythons or systems.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from packaging.markers import (
    Marker,
    UndefinedComparison,
    UndefinedEnvironmentName,
)
from packaging.requirements import InvalidRequirement, Requirement

from service.definitions.closure_builder import Reading
from service.definitions.formats.toml_json import Table, table, texts
from service.definitions.python.markers import (
    MACHINES,
    MAX_KEPT,
    asks_for_machine,
    environments,
)

__all__ = [
    "IMAGES",
    "always_holds",
    "check_answerable",
    "declare",
    "declare_pipfile",
    "declare_poetry",
    "declare_project",
    "may_hold",
]


_PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13", "3.14")

IMAGES: Final = tuple(
    {
        "extra": "",
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    for machine in MACHINES
    for python in _PYTHONS
)
"""The environments of images: one for each Python and machine."""

_CONDITIONS: Final = frozenset(
    {*IMAGES[0], "markers", "optional", "platform", "python"}
)
"""Keys of poetry and pipenv that make a dependency conditional."""


_UNANSWERED: Final = ValueError
"""What a marker raises that cannot be parsed or evaluated, or that has a number of too
many digits."""


def declare(reading: Reading, name: str, *, marker: str) -> None:
    """Declare a distribution, if its marker is true in every image."""
    if always_holds(marker):
        reading.declare(name)


@lru_cache(maxsize=MAX_KEPT)
def always_holds(marker: str) -> bool:
    """Return whether a marker is true in every image."""
    try:
        condition = Marker(marker) if marker else None
        return condition is None or (
            not asks_for_machine(condition)
            and all(condition.evaluate(image) for image in _images(condition))
        )
    except _UNANSWERED:
        return False


def check_answerable(marker: str) -> str:
    """Return why a valid marker cannot be evaluated; empty when it can, or is empty.

    One that compares a name with ~= or a version, or that asks for a name of other
    tools, cannot: pip fails with a traceback.
    """
    try:
        if marker:
            Marker(marker).evaluate(dict(IMAGES[0]))
    except UndefinedComparison:
        return (
            "compares what pip cannot compare; write == or >= with a version such as"
            " 3.11"
        )
    except UndefinedEnvironmentName as exc:
        return f"asks for {exc}, which pip does not know; write a name such as os_name"
    return ""


@lru_cache(maxsize=MAX_KEPT)
def may_hold(marker: str) -> bool:
    """Return whether a marker is true in some image."""
    try:
        condition = Marker(marker)
        return asks_for_machine(condition) or any(
            condition.evaluate(image) for image in _images(condition)
        )
    except _UNANSWERED:
        return True


def _images(marker: Marker) -> Iterator[dict[str, str]]:
    return environments(marker, _PYTHONS, ("CPython",))


def declare_project(reading: Reading, document: Table) -> None:
    """Declare `dependencies` of a `[project]` table.

    https://packaging.python.org/en/latest/specifications/pyproject-toml/
    """
    for wanted in texts(table(document, "project").get("dependencies")):
        try:
            requirement = Requirement(wanted)
        except InvalidRequirement:  # reported by the checks of its installer
            continue
        declare(reading, requirement.name, marker=str(requirement.marker or ""))


def declare_poetry(reading: Reading, document: Table) -> None:
    """Declare poetry's main dependencies, from both tables that it reads.

    https://python-poetry.org/docs/dependency-specification/
    """
    if reading.tools.reads_project:
        declare_project(reading, document)
    wanted = table(document, "tool", "poetry", "dependencies")
    for name, how in wanted.items():
        if name != "python" and not _is_conditional(how):
            reading.declare(name)


def declare_pipfile(reading: Reading, pipfile: Table) -> None:
    """Declare the `packages` of a Pipfile; its other groups are for development.

    https://pipenv.pypa.io/en/latest/pipfile.html
    """
    for name, how in table(pipfile, "packages").items():
        if not _is_conditional(how):
            reading.declare(name)


def _is_conditional(how: object) -> bool:
    return isinstance(how, list) or (
        isinstance(how, Mapping) and not _CONDITIONS.isdisjoint(how)
    )
