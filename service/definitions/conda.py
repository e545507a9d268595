"""Conda's environment.yml, as `conda env update` and the build around it read it.

https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from service.definitions.links import Found
from service.definitions.pip import Place, Requirements
from service.definitions.pythons import from_conda
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.requirements import Line, logical_lines
from service.definitions.tables import canonical, remark_syntax, texts
from service.definitions.words import show
from service.definitions.yaml import Document, MalformedYamlError, Mark, load
from service.domain.findings import Severity

__all__ = ["follow_conda", "normal"]

MAX_YAML: Final = 64 * 1024
"""Bytes. An exported environment of 1,000 packages has some 45 KB; the parser takes
up to two seconds for what is allowed here."""

_COSMETIC: Final = frozenset({"name", "prefix"})
"""The build says where the environment goes, whatever the file says."""
_NO_PYTHON: Final = frozenset({"python", "pip", "r-base"})
"""The interpreter, the installer and another language."""
_OPERATORS: Final = re.compile(r"\s*(>=|<=|==|!=|~=|>|<|,|\|)\s*")


def follow_conda(reading: Reading, found: Found) -> Asking[None]:
    """Read environment.yml and the files that its `pip:` section pulls in."""
    raw = yield from reading.read(found)
    if raw is None:
        return
    if len(raw) > MAX_YAML:
        reading.give_up(
            found.path,
            "too_large",
            f"{show(found.path)} is larger than {MAX_YAML // 1024} KiB",
        )
        reading.mean_bytes(found)
        return
    try:
        document = load(raw)
        meaning = _sections(document)
    except MalformedYamlError as exc:
        line, column = exc.mark or (None, None)
        remark_syntax(reading, found.path, str(exc), line, column)
        reading.mean_bytes(found)
        return
    for name, value in meaning:
        reading.mean("conda-section", name, value)
    environment = _Environment(reading=reading, found=found, document=document)
    environment.check_sections()
    environment.check_channels()
    yield from environment.follow_dependencies()


def normal(dependency: str) -> str:
    """Write a match specification so that spaces that do not count look alike."""
    squeezed = _OPERATORS.sub(r"\1", " ".join(dependency.split()))
    channel, colons, rest = squeezed.rpartition("::")
    name = re.match(r"[\w.\-]*", rest)
    lowered = name[0].lower() if name else ""
    return f"{channel}{colons}{lowered}{rest[len(lowered) :]}"


def _sections(document: Document) -> list[tuple[str, str]]:
    """Write every section but the dependencies, which are a set."""
    rows = []
    for key, value in document.values.items():
        if key in _COSMETIC or key == "dependencies":
            continue
        try:
            rows.append((str(key), canonical(value)))
        except (TypeError, ValueError, RecursionError) as exc:
            raise MalformedYamlError(
                f"the section {key!s} is no plain data", document.mark(key)
            ) from exc
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Environment:
    """One environment file being read."""

    reading: Reading
    found: Found
    document: Document

    def follow_dependencies(self) -> Asking[None]:
        dependencies = self.document.values.get("dependencies")
        if dependencies is None:
            dependencies = []
        if not isinstance(dependencies, list):
            self._refuse("dependencies has to be a list", "dependencies")
            self.reading.mean(
                "conda-section", "dependencies", canonical_or_text(dependencies)
            )
            return
        pythons: list[str] = []
        for place, it in enumerate(dependencies):
            if isinstance(it, str):
                self.reading.mean("conda-dependency", normal(it))
                self._declare(normal(it))
                pythons.extend(filter(None, [from_conda(normal(it))]))
                self._check_package(it, place)
            elif isinstance(it, Mapping):
                yield from self._follow_section(place, it)
            else:
                self.reading.mean("conda-strange", canonical_or_text(it))
                self._refuse(f"{it!s} is no package", "dependencies", place)
        self._settle_python(sorted(set(pythons)))

    def check_sections(self) -> None:
        prefix = self.document.values.get("prefix")
        if prefix is not None:
            self._remark(
                Severity.NOTE,
                "prefix_ignored",
                "prefix is ignored, because the image decides where the environment"
                " is; leave it out.",
                "prefix",
            )

    def check_channels(self) -> None:
        channels = texts(self.document.values.get("channels"))
        if "defaults" in channels:
            self._remark(
                Severity.ERROR,
                "defaults_channel",
                "the channel defaults makes the build fail; use conda-forge instead.",
                "channels",
                channels.index("defaults"),
            )
        if not set(channels) - {"nodefaults"}:
            self._remark(
                Severity.WARNING,
                "no_channel",
                "no channel is listed, so conda finds no packages; add conda-forge"
                " under channels.",
                "channels",
            )
        if "nodefaults" not in channels:
            self._remark(
                Severity.NOTE,
                "nodefaults_added",
                "nodefaults is missing under channels, and the build adds it; list it"
                " so that the environment is the same on your machine.",
                "channels",
            )

    def _declare(self, spec: str) -> None:
        """Note a package that may be a Python distribution; conda does not tell."""
        name = re.match(r"(?:.*::)?([a-z0-9][\w.\-]*)", spec)
        if name and name[1] not in _NO_PYTHON and not name[1].startswith("r-"):
            self.reading.declare(name[1])

    def _follow_section(
        self, place: int, section: Mapping[object, object]
    ) -> Asking[None]:
        for key, value in section.items():
            if key != "pip":
                self.reading.mean("conda-strange", f"{key}:", canonical_or_text(value))
                self._refuse(
                    f"{key}: is no section conda knows; a version is written"
                    f" {key}=1.2, without a colon",
                    "dependencies",
                    place,
                )
            elif isinstance(value, list) and all(isinstance(it, str) for it in value):
                yield from self._follow_pip(place, texts(value))
            else:
                self.reading.mean("conda-strange", "pip:", canonical_or_text(value))
                self._refuse(
                    "pip: has to be a list of requirements",
                    "dependencies",
                    place,
                    "pip",
                )

    def _follow_pip(self, place: int, wanted: tuple[str, ...]) -> Asking[None]:
        """Read the lines as the requirements file that conda makes of them."""
        origins = [
            self.document.mark("dependencies", place, "pip", number)
            for number, text in enumerate(wanted)
            for _ in text.splitlines() or [""]
        ]
        requirements = Requirements(self.reading)
        yield from requirements.lines(
            Place(path=self.found.path), _placed("\n".join(wanted), origins)
        )
        requirements.finish()

    def _check_package(self, dependency: str, place: int) -> None:
        spec = normal(dependency)
        if spec.startswith("defaults::"):
            self._remark(
                Severity.WARNING,
                "defaults_channel",
                f"{show(dependency)} comes from the channel defaults, which Anaconda"
                " limits; take it from conda-forge.",
                "dependencies",
                place,
            )
        if re.match(r"(?:[^:]+::)?(?:r-base|r-essentials)(?![\w-])", spec):
            self._remark(
                Severity.NOTE,
                "r_environment",
                "R is installed, and sessions are set up for Python; see whether your"
                " frontend offers an R kernel.",
                "dependencies",
                place,
            )

    def _settle_python(self, pythons: list[str]) -> None:
        if len(pythons) == 1:
            self.reading.python = pythons[0]
        if len(pythons) > 1:
            self._remark(
                Severity.WARNING,
                "python_conflict",
                f"python is asked for more than once ({' and '.join(pythons)}); keep"
                " one of them.",
                "dependencies",
            )

    def _refuse(self, why: str, *path: object) -> None:
        line, column = self._mark(*path) or (None, None)
        remark_syntax(self.reading, self.found.path, why, line, column)

    def _remark(
        self, severity: Severity, code: str, message: str, *path: object
    ) -> None:
        line, column = self._mark(*path) or (None, None)
        self.reading.remark(
            severity,
            code,
            f"{show(self.found.path)}: {message}",
            path=self.found.path,
            line=line,
            column=column,
        )

    def _mark(self, *path: object) -> Mark | None:
        return self.document.mark(*path)


def canonical_or_text(value: object) -> str:
    """Write any value; one that has no canonical form as Python shows it."""
    try:
        return canonical(value)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _placed(text: str, origins: list[Mark | None]) -> Iterator[Line]:
    for line in logical_lines(text):
        number, column = origins[min(line.number, len(origins)) - 1] or (1, 1)
        yield replace(line, number=number, column=column + line.column - 1)
