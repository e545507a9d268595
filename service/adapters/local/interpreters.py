"""Find the Python interpreters of this machine, and choose one for a definition."""

import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

__all__ = [
    "Python",
    "fitting",
    "installed",
    "is_native",
    "named",
    "nearest",
    "to_specifiers",
]

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


def is_native(platform: str) -> bool:
    """Return whether a platform is this machine's, as Renku's default always is."""
    is_arm = os.uname().machine in {"aarch64", "arm64"}
    return platform == "linux/amd64" or (is_arm and platform == "linux/arm64")


def installed(search: str) -> tuple[Python, ...]:
    """Return the first working CPython of every minor version on a path, newest first.

    They are found by their names (`python3.10`), as every distribution has them.
    """
    named = _named(search)
    found = (_first_working(named[minor]) for minor in sorted(named, reverse=True))
    return tuple(python for python in found if python is not None)


def named(search: str) -> tuple[str, ...]:
    """Return the minor versions, as in `3.12`, whose programs are on a path.

    None of them is run. Scripts do not count: a shim stands there for a Python that
    may not be chosen.
    """
    found = _named(search)
    return tuple(
        f"3.{minor}" for minor in sorted(found) if any(map(_is_program, found[minor]))
    )


def nearest(wanted: str, search: str) -> Python | None:
    """Return the wanted minor version, else the next newer, else the newest older.

    What installs on 3.10 is more likely to install on 3.11 than on 3.9: packages
    drop old versions.
    """
    goal = Version(wanted).minor
    named = _named(search)
    newer = sorted(number for number in named if number >= goal)
    older = sorted((number for number in named if number < goal), reverse=True)
    for minor in (*newer, *older):
        if python := _first_working(named[minor]):
            return python
    return None


def fitting(constraint: str, found: Sequence[Python]) -> Python | None:
    """Return the newest Python that a Poetry or PEP 440 constraint allows.

    An invalid constraint allows all: the installer itself will report it.
    """
    try:
        allowed = to_specifiers(constraint)
    except (InvalidSpecifier, InvalidVersion, ValueError):
        return found[0] if found else None
    return next(
        (python for python in found if any(python.version in one for one in allowed)),
        None,
    )


def to_specifiers(constraint: str) -> tuple[SpecifierSet, ...]:
    """Translate a Poetry constraint into PEP 440; any of the results will do.

    https://python-poetry.org/docs/1.8/dependency-specification/#version-constraints

    Raises:
        ValueError: It is none.
    """
    ways = re.split(r"\|\|?", constraint)
    return tuple(
        SpecifierSet(
            ",".join(
                _translate_part(part.replace(" ", ""))
                for part in re.split(r",|(?<=[\w*])\s+(?=[<>=!~^])", way.strip())
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


def _is_program(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            # A version manager's shim is a script, and fails for versions that are not
            # selected.
            return file.read(2) != b"#!"
    except OSError:
        return False


def _first_working(paths: Iterable[Path]) -> Python | None:
    return next(
        (python for path in paths if (python := _query_version(path)) is not None), None
    )


def _query_version(path: Path) -> Python | None:
    """Run an interpreter to get its version; None unless it is a working CPython."""
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


def _translate_part(part: str) -> str:
    if part in {"*", ""}:
        return ""
    if part[0] == "^":
        return _make_range(part[1:], 0)
    if part[0] == "~" and part[:2] != "~=":
        return _make_range(part[1:], 1)
    return part if part[0] in "<>=!~" else f"=={part}"


def _make_range(version: str, kept: int) -> str:
    """Return the range from a version to the next one at the kept position."""
    release = [*Version(version).release]
    place = min(kept, len(release) - 1)
    ceiling = [*release[:place], release[place] + 1]
    return f">={version},<{'.'.join(map(str, ceiling))}"
