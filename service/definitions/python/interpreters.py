"""Check whether builds have a Python version that a definition allows.

The buildpacks' images have some minor versions of CPython, with the newest patch
releases of each: https://github.com/paketo-buildpacks/cpython.
"""

import re
from collections.abc import Iterable
from typing import Final

from packaging.specifiers import SpecifierSet

from service.definitions.closure_builder import Reading
from service.definitions.python.versions import LATEST_PATCH, from_poetry
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["EVER", "check_interpreter", "check_poetry_interpreter", "has_interpreter"]

EVER: Final = ("2.7", *(f"3.{minor}" for minor in range(1, 16)))
"""All minor versions of Python; conda channels keep old releases."""
_EXACT: Final = re.compile(r"={2,3}\d+\.\d+(?P<patch>\.\d+)?")


def check_poetry_interpreter(
    reading: Reading, path: str, wanted: str, line: int | None
) -> None:
    """Report a poetry constraint that no Python of builds satisfies."""
    ways = [from_poetry(way) for way in re.split(r"\|\|?", wanted)]
    if None not in ways:
        _check(reading, path, wanted, [way or "" for way in ways], line)


def check_interpreter(
    reading: Reading, path: str, wanted: str | None, line: int | None
) -> None:
    """Report a version specifier that no Python of builds satisfies."""
    if wanted:
        _check(reading, path, wanted, [wanted], line)


def has_interpreter(specifier: str, series: Iterable[str]) -> bool:
    """Return whether a release of the given Python series satisfies a specifier."""
    try:
        allowed = SpecifierSet(specifier)
        return any(
            allowed.contains(f"{minor}.{patch}")
            for minor in series
            for patch in range(LATEST_PATCH)
        )
    # Reported by the checks of its installer; also of a number with too many digits.
    except ValueError:
        return True


def _check(
    reading: Reading, path: str, wanted: str, ways: list[str], line: int | None
) -> None:
    series = reading.tools.pythons
    available = f"{', '.join(series[:-1])} and {series[-1]}"
    if not any(has_interpreter(way, series) for way in ways):
        reading.remark(
            Severity.ERROR,
            "no_interpreter",
            f"{show(path)} asks for Python {show(wanted)}, and builds have {available};"
            " the build would fail. Allow one of them.",
            path=path,
            line=line,
        )
        return
    exact = [_EXACT.fullmatch(way) for way in ways]
    if all(exact):
        # poetry install ends with "not supported by the project (3.11)" under 3.11.7.
        is_first = not any(match["patch"] for match in exact if match)
        first = ", which is its first release alone" if is_first else ""
        reading.remark(
            Severity.WARNING,
            "python_patch_pinned",
            f"{show(path)} asks for exactly Python {show(wanted)}{first}; of each"
            " version builds have the newest patch releases only, so it may not be"
            " there."
            " Allow all of them, as in >=3.12,<3.13.",
            path=path,
            line=line,
        )
