"""The distributions that a project's files name: what an image is tried with.

Left out is what an image may do without: extras, groups that are not installed by
default, and what only some Pythons or systems get.
"""

from collections.abc import Mapping
from typing import Final

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement

from service.definitions.reading import Reading
from service.definitions.tables import Table, table, texts

__all__ = [
    "always_holds",
    "declare",
    "declare_pipfile",
    "declare_poetry",
    "declare_project",
]


_IMAGES: Final = tuple(
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
    for machine in ("x86_64", "aarch64")
    for python in ("3.10", "3.11", "3.12", "3.13", "3.14")
)
"""What markers are asked about: the Pythons and machines of images."""

_CONDITIONS: Final = frozenset(
    {*_IMAGES[0], "markers", "optional", "platform", "python"}
)
"""Keys with which poetry and pipenv say when a dependency is installed."""


def declare(reading: Reading, name: str, *, marker: str) -> None:
    """Note a distribution, unless some images do not get it."""
    if always_holds(marker):
        reading.declare(name)


def always_holds(marker: str) -> bool:
    """Say whether a marker is true in every image."""
    try:
        condition = Marker(marker) if marker else None
    except InvalidMarker:
        return False
    return condition is None or all(condition.evaluate(it) for it in _IMAGES)


def declare_project(reading: Reading, document: Table) -> None:
    """Note `dependencies` of a `[project]` table.

    https://packaging.python.org/en/latest/specifications/pyproject-toml/
    """
    for wanted in texts(table(document, "project").get("dependencies")):
        try:
            it = Requirement(wanted)
        except InvalidRequirement:  # its installer says so, and so does the meaning
            continue
        declare(reading, it.name, marker=str(it.marker or ""))


def declare_poetry(reading: Reading, document: Table) -> None:
    """Note poetry's main dependencies, in either of the places that it reads.

    https://python-poetry.org/docs/dependency-specification/
    """
    if reading.tools.reads_project:
        declare_project(reading, document)
    wanted = table(document, "tool", "poetry", "dependencies")
    for name, how in wanted.items():
        if name != "python" and not _is_conditional(how):
            reading.declare(name)


def declare_pipfile(reading: Reading, pipfile: Table) -> None:
    """Note the `packages` of a Pipfile; its other groups are for developers.

    https://pipenv.pypa.io/en/latest/pipfile.html
    """
    for name, how in table(pipfile, "packages").items():
        if not _is_conditional(how):
            reading.declare(name)


def _is_conditional(how: object) -> bool:
    return isinstance(how, list) or (
        isinstance(how, Mapping) and not _CONDITIONS.isdisjoint(how)
    )
