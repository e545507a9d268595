"""Conda's package-list.txt: `conda list --export` writes, `conda create` reads it.

https://docs.conda.io/projects/conda/en/stable/commands/list.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.conda.match_specs import MalformedSpecError, read_spec
from service.definitions.formats.toml_json import remark_syntax
from service.definitions.paths import ResolvedPath
from service.definitions.python.versions import from_conda
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["ListedPackage", "follow_package_list", "listed_packages"]

_LINE: Final = re.compile(
    r"(?P<name>[A-Za-z0-9_][\w.\-]*)\s*"
    r"(?:(?P<exact>=\s?[\w.!+*-]+(?:=[\w.!+*-]+)?)"
    r"|(?P<rest>(?:(?:[=!~<>]=|[<>])\s?[\w.!+*-]+\s*[,|]?\s*){1,20}))?",
    re.ASCII,
)
"""`name`, `name=version`, `name=version=build`, or a version with other operators."""
_WRITTEN: Final = re.compile(r"[a-z0-9][\w.-]* \d\w*(?:\.\w+)* [\w.]+", re.ASCII)
_PLATFORM: Final = re.compile(r"#\s*platform:\s*(\S+)")
_BUILT: Final = re.compile(r"linux-|noarch")
_NO_PYTHON: Final = frozenset({"python", "pip"})
EXPLICIT: Final = "@EXPLICIT"
MAX_LINES: Final = 20_000
_EXACT: Final = 2
"""The number of fields after the name that name exactly one file: version and build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPackage:
    """One line of the list that is neither blank nor a comment."""

    number: int
    text: str
    spec: str | None
    """The match specification: name, version and build, separated by spaces; None when
    conda cannot parse the line."""

    @property
    def is_of_pip(self) -> bool:
        """Return whether the package had been installed by pip."""
        return self.spec is not None and self.spec.split()[2:] == ["pypi_0"]


def listed_packages(text: str) -> Iterator[ListedPackage]:
    """Parse the lines of a list as conda's `--file` does."""
    for number, line in enumerate(text.splitlines(), start=1):
        written = line.split("#")[0].strip()
        if not written:
            continue
        match = _LINE.fullmatch(written)
        spec = None
        if match is not None:
            exact = (match["exact"] or "").replace(" ", "").replace("=", " ")
            rest = (match["rest"] or "").replace(" ", "")
            spec = f"{match['name'].lower()}{exact}{' ' if rest else ''}{rest}"
            # Parsing takes long, and nearly all lines are as conda writes them.
            if not _WRITTEN.fullmatch(spec) and not _is_read(spec):
                spec = None
        yield ListedPackage(number=number, text=written, spec=spec)


def _is_read(spec: str) -> bool:
    """Return whether conda can look for what it made of a line."""
    try:
        read_spec(spec)
    except MalformedSpecError:
        return False
    return True


def follow_package_list(reading: Reading, found: ResolvedPath) -> Asking[None]:
    """Add a package-list.txt to the closure."""
    raw = yield from reading.read(found)
    if raw is None:
        return
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        remark_syntax(reading, found.path, "it is not UTF-8")
        reading.mean_bytes(found)
        return
    if EXPLICIT in text:
        _remark_explicit(reading, found)
        reading.mean_bytes(found)
        return
    _check_platform(reading, found, text)
    for count, line in enumerate(listed_packages(text)):
        if count >= MAX_LINES:
            what = f"{show(found.path)} has more than {MAX_LINES} packages"
            reading.give_up(found.path, "too_many_lines", what)
            reading.mean_bytes(found)
            return
        _count(reading, found, line)
    if reading.python is None:
        # A list of a whole environment names its Python; in a short one the
        # dependencies of the packages are open.
        reading.loosen()


def _count(reading: Reading, found: ResolvedPath, line: ListedPackage) -> None:
    if line.spec is None:
        reading.loosen()
        reading.mean("conda-list", "text", line.text)
        remark_syntax(
            reading,
            found.path,
            f"{line.text} is no package as `conda list --export` writes it:"
            " name=version=build",
            line.number,
        )
        return
    reading.mean("conda-list", line.spec)
    name, *exact = line.spec.split()
    if len(exact) != _EXACT:
        reading.loosen()
    if name == "python" and exact:
        version = exact[0] if exact[0][0] in "=<>!~" else f"=={exact[0]}"
        reading.python = from_conda(f"python{version}")
    if name not in _NO_PYTHON:
        reading.declare(name)
    if line.is_of_pip:
        reading.remark(
            Severity.ERROR,
            "pip_in_package_list",
            f"{show(found.path)}, line {line.number}: {show(name)} was installed by"
            " pip where the list was made, and conda has no such package; the build"
            " would fail. Write an environment.yml with a pip: section instead.",
            path=found.path,
            line=line.number,
        )


def _check_platform(reading: Reading, found: ResolvedPath, text: str) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        match = _PLATFORM.match(line)
        if match is None:
            continue
        if not _BUILT.match(match[1]):
            reading.remark(
                Severity.ERROR,
                "other_platform",
                f"{show(found.path)} was made on {show(match[1])}, and its builds are"
                " for that; images are built on Linux, so the build would fail. Make"
                " the list on Linux, or write an environment.yml.",
                path=found.path,
                line=number,
            )
        return


def _remark_explicit(reading: Reading, found: ResolvedPath) -> None:
    reading.remark(
        Severity.NOTE,
        "explicit_list",
        f"{show(found.path)} lists files by their URL ({EXPLICIT}), so every change of"
        " it counts, comments too.",
        path=found.path,
    )
