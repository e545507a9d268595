"""The Pythons of this machine, and which of them a definition gets."""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

__all__ = ["Python", "fitting", "installed", "nearest", "to_specifiers"]

_NAME: Final = re.compile(r"python3\.(\d+)")
_PATIENCE: Final = 20.0
"""Seconds for an interpreter to start."""
_PROGRAM: Final = (
    "import platform; print(platform.python_implementation(), "
    "platform.python_version())"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """An interpreter."""

    version: Version
    path: Path


def installed(search: str) -> tuple[Python, ...]:
    """Return the first working CPython of every minor version on a path, newest first.

    They are found by their names (`python3.10`), as every distribution has them.
    """
    named = _named(search)
    found = (_first_working(named[minor]) for minor in sorted(named, reverse=True))
    return tuple(it for it in found if it is not None)


def nearest(wanted: str, search: str) -> Python | None:
    """Return the wanted minor version, else the next newer, else the newest older.

    What installs on 3.10 is more likely to install on 3.11 than on 3.9: packages
    drop old versions.
    """
    goal = Version(wanted).minor
    named = _named(search)
    newer = sorted(it for it in named if it >= goal)
    older = sorted((it for it in named if it < goal), reverse=True)
    for minor in (*newer, *older):
        if python := _first_working(named[minor]):
            return python
    return None


def fitting(constraint: str, found: Sequence[Python]) -> Python | None:
    """Return the newest Python that a Poetry or PEP 440 constraint allows.

    A constraint that cannot be read allows all: the tool itself will say what is
    wrong with it.
    """
    try:
        allowed = to_specifiers(constraint)
    except (InvalidSpecifier, InvalidVersion, ValueError):
        return found[0] if found else None
    return next((it for it in found if any(it.version in one for one in allowed)), None)


def to_specifiers(constraint: str) -> tuple[SpecifierSet, ...]:
    """Translate a Poetry constraint into PEP 440; any of the results will do.

    https://python-poetry.org/docs/1.8/dependency-specification/#version-constraints

    Raises:
        ValueError: It is none.
    """
    ways = re.split(r"\s*\|\|?\s*", constraint.strip())
    return tuple(
        SpecifierSet(
            ",".join(
                _translated(part.replace(" ", ""))
                for part in re.split(r"\s*,\s*|(?<=[\w*])\s+(?=[<>=!~^])", way)
            )
        )
        for way in ways
    )


def _named(search: str) -> dict[int, list[Path]]:
    """Return interpreters by minor version, in the order of the path."""
    named: dict[int, list[Path]] = defaultdict(list)
    for folder in search.split(":"):
        for path in sorted(Path(folder).glob("python3.*") if folder else ()):
            if match := _NAME.fullmatch(path.name):
                named[int(match[1])].append(path)
    return named


def _first_working(paths: Iterable[Path]) -> Python | None:
    return next((it for path in paths if (it := _asked(path)) is not None), None)


def _asked(path: Path) -> Python | None:
    """Ask an interpreter what it is; None when it is no CPython that runs."""
    try:
        answer = subprocess.run(  # noqa: S603 - an interpreter, with a constant program
            [path, "-I", "-S", "-c", _PROGRAM],
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            timeout=_PATIENCE,
            check=True,
        )
        implementation, version = answer.stdout.split()
        python = Python(version=Version(version), path=path)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    is_release = not python.version.is_prerelease and not python.version.local
    return python if implementation == "CPython" and is_release else None


def _translated(part: str) -> str:
    if part in {"*", ""}:
        return ""
    if part[0] == "^":
        return _below(part[1:], 0)
    if part[0] == "~" and part[:2] != "~=":
        return _below(part[1:], 1)
    return part if part[0] in "<>=!~" else f"=={part}"


def _below(version: str, kept: int) -> str:
    """Allow a version and what follows it, up to the next at the kept place."""
    release = [*Version(version).release]
    place = min(kept, len(release) - 1)
    ceiling = [*release[:place], release[place] + 1]
    return f">={version},<{'.'.join(map(str, ceiling))}"
