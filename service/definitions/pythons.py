"""The Python version that a definition asks for, as a PEP 440 specifier.

Each installer writes versions in its own way:
https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html,
https://python-poetry.org/docs/dependency-specification/,
https://docs.astral.sh/uv/concepts/python-versions/.
"""

import re
from collections.abc import Callable
from typing import Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from service.definitions.reading import Reading
from service.definitions.tables import Table, table, text
from service.definitions.words import show
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
"""Characters of a version constraint; longer ones are no work of a person."""
LATEST_PATCH: Final = 40
"""No Python series has had more patch releases than this."""

_SERIES: Final = re.compile(r"==(\d+\.\d+)\.\*")
_RELEASE: Final = r"\d+(?:\.\d+)*"
_CONDA: Final = re.compile(r"(?:[^\s:]+::)?python(?=$|[\s=<>!~])(?P<rest>.*)")


def specifier(value: str | None) -> str | None:
    """Return a PEP 440 specifier in its normal form; None when it is none."""
    if not value or value.strip() == "*" or len(value) > MAX_LENGTH:
        return None
    try:
        parts = SpecifierSet(value)
    except InvalidSpecifier:
        return None
    return str(parts) or None


def from_version(version: str | None) -> str | None:
    """Read `3.12` for the newest 3.12, and `3.12.1` for just that."""
    version = (version or "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", version):
        return f"=={version}.*"
    return specifier(f"=={version}") if version else None


def from_poetry(constraint: str | None) -> str | None:
    """Read a poetry constraint; None when no single specifier can say it."""
    if not constraint or "|" in constraint or len(constraint) > MAX_LENGTH:
        return None
    squeezed = re.sub(r"([<>=!~^])\s+", r"\1", constraint.strip())
    parts = [_poetry_part(it) for it in re.split(r"[,\s]+", squeezed) if it]
    return specifier(",".join(it for it in parts if it)) if parts else None


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
    """Find the first number that is not zero: the one that must not grow."""
    for place, number in enumerate(numbers):
        if number:
            return place
    return len(numbers) - 1


def _tilde_place(numbers: list[int]) -> int:
    """Find the minor number, or the major one when it stands alone."""
    return min(1, len(numbers) - 1)


def _below(version: str, place_of: Callable[[list[int]], int]) -> str:
    if not re.fullmatch(_RELEASE, version):
        return "invalid"
    numbers = [int(it) for it in version.split(".")]
    place = place_of(numbers)
    limit = [*numbers[:place], numbers[place] + 1]
    return f">={version},<{'.'.join(str(it) for it in limit)}"


def from_conda(dependency: str) -> str | None:
    """Read a conda dependency on `python`; None for any other, or for any version."""
    match = _CONDA.fullmatch(dependency.strip())
    if match is None or len(dependency) > MAX_LENGTH:
        return None
    squeezed = re.sub(r"\s*([<>=!~]+|,)\s*", r"\1", match["rest"].strip())
    version = squeezed.split()[0] if squeezed else ""
    if "|" in version or "[" in version:
        return None
    parts = [_conda_part(it) for it in version.split(",") if it]
    return specifier(",".join(parts)) if parts else None


def _conda_part(part: str) -> str:
    match = re.fullmatch(rf"(?P<fuzzy>=?)(?P<version>{_RELEASE})(?P<rest>.*)", part)
    if match is None:
        return part
    version, rest = match["version"], match["rest"]
    # `=3.9` is any 3.9, as is `3.9.*` and conda's own `3.9*`; a second `=` names a
    # build of it.
    is_series = match["fuzzy"] or rest.startswith(("*", ".*"))
    return f"=={version}.*" if is_series else f"=={version}"


def check_python(reading: Reading, path: str, document: Table) -> None:
    """Say when a project refuses the Python that the definition is built with."""
    wanted = text(table(document, "project").get("requires-python"))
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
