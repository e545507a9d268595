"""The Python version that a definition requests, as a PEP 440 specifier.

Each installer has its own syntax:
https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html,
https://python-poetry.org/docs/dependency-specification/,
https://docs.astral.sh/uv/concepts/python-versions/.
"""

import re
from collections.abc import Callable
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from service.definitions.closure_builder import Reading
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = [
    "LATEST_PATCH",
    "check_python",
    "from_conda",
    "from_poetry",
    "from_version",
    "specifier",
]

MAX_LENGTH: Final = 200
"""Characters of a version constraint; longer ones are ignored."""
LATEST_PATCH: Final = 40
"""Above the number of patch releases of any Python series."""

_SERIES: Final = re.compile(r"==(\d+\.\d+)\.\*")
_RELEASE: Final = r"\d+(?:\.\d+)*"
_CONDA: Final = re.compile(r"(?:[^\s:]+::)?python(?=$|[\s=<>!~])(?P<rest>.*)")


def specifier(value: str | None) -> str | None:
    """Return a PEP 440 specifier in its normal form; None when it is invalid."""
    if not value or value.strip() == "*" or len(value) > MAX_LENGTH:
        return None
    try:
        parts = SpecifierSet(value)
    except InvalidSpecifier:
        return None
    return str(parts) or None


def from_version(version: str | None) -> str | None:
    """Parse a version: `3.12` is any 3.12, `3.12.1` is exactly that."""
    version = (version or "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", version):
        return f"=={version}.*"
    return specifier(f"=={version}") if version else None


def from_poetry(constraint: str | None) -> str | None:
    """Parse a poetry constraint; None when no single specifier expresses it."""
    if not constraint or "|" in constraint or len(constraint) > MAX_LENGTH:
        return None
    squeezed = re.sub(r"([<>=!~^])\s+", r"\1", constraint.strip())
    parts = [_poetry_part(part) for part in re.split(r"[,\s]+", squeezed) if part]
    return specifier(",".join(part for part in parts if part)) if parts else None


def _poetry_part(part: str) -> str:
    if part == "*":
        return ""
    if part.startswith("^"):
        return _below(part[1:], _caret_place)
    if part.startswith("~") and not part.startswith("~="):
        return _below(part[1:], _tilde_place)
    if re.fullmatch(rf"{_RELEASE}(\.\*)?", part):
        return f"=={part}"
    if re.match(r"=[^=]", part):
        return f"={part}"
    return part


def _caret_place(numbers: list[int]) -> int:
    """Return the index of the first number that is not zero, which must not grow."""
    for place, number in enumerate(numbers):
        if number:
            return place
    return len(numbers) - 1


def _tilde_place(numbers: list[int]) -> int:
    """Return the index of the minor number, or of the major one when it is alone."""
    return min(1, len(numbers) - 1)


def _below(version: str, place_of: Callable[[list[int]], int]) -> str:
    if not re.fullmatch(_RELEASE, version):
        return "invalid"
    numbers = [int(part) for part in version.split(".")]
    place = place_of(numbers)
    limit = [*numbers[:place], numbers[place] + 1]
    return f">={version},<{'.'.join(str(number) for number in limit)}"


def from_conda(dependency: str) -> str | None:
    """Parse a conda dependency on `python`; None for others, or without a version."""
    match = _CONDA.fullmatch(dependency.strip())
    if match is None or len(dependency) > MAX_LENGTH:
        return None
    squeezed = re.sub(r"\s*([<>=!~]+|,)\s*", r"\1", match["rest"].strip())
    version = squeezed.split()[0] if squeezed else ""
    if "|" in version or "[" in version:
        return None
    parts = [_conda_part(part) for part in version.split(",") if part]
    return specifier(",".join(parts)) if parts else None


def _conda_part(part: str) -> str:
    match = re.fullmatch(rf"(?P<fuzzy>=?)(?P<version>{_RELEASE})(?P<rest>.*)", part)
    if match is None:
        return part
    version, rest = match["version"], match["rest"]
    # `=3.9`, `3.9.*` and conda's own `3.9*` are any 3.9; a second `=` names a build.
    is_series = match["fuzzy"] or rest.startswith(("*", ".*"))
    return f"=={version}.*" if is_series else f"=={version}"


def check_python(reading: Reading, path: str, wanted: str | None) -> None:
    """Report a project that does not support the Python of the definition."""
    series = _SERIES.fullmatch(reading.python or "")
    if series is None or specifier(wanted) is None:
        return
    allowed = SpecifierSet(wanted or "")
    if any(f"{series[1]}.{patch}" in allowed for patch in range(LATEST_PATCH)):
        return
    reading.remark(
        Severity.ERROR,
        "python_conflict",
        f"{show(path)} requires Python {show(wanted or '')}, and the environment is"
        f" built with Python {series[1]}; the build would fail. Let them agree.",
        path=path,
    )
