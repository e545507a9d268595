"""The closure of conda's environment.yml, as `conda env update` reads it.

https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.conda.findings import CondaRemarks, is_list_of_texts
from service.definitions.conda.match_specs import (
    MalformedSpecError,
    normalize_spec,
    read_spec,
)
from service.definitions.conda.pythons import (
    asked_pythons,
    check_pythons,
    check_word,
    names_python,
    series_of,
)
from service.definitions.formats.toml_json import (
    canonical,
    refuse_from,
    remark_syntax,
    texts,
)
from service.definitions.formats.yaml import Document, MalformedYamlError, Mark, load
from service.definitions.paths import ResolvedPath
from service.definitions.pip.closure import Requirements
from service.definitions.pip.requirements_txt import (
    Line,
    RequirementLocation,
    logical_lines,
)
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["follow_conda"]

MAX_YAML: Final = 64 * 1024
"""Bytes. An exported environment of 1,000 packages has some 45 KB; the parser takes
up to two seconds for a file of this size."""

_NO_PYTHON: Final = frozenset({"python", "pip", "r-base"})
"""Conda packages that are no Python distributions."""


_EXACT: Final = re.compile(r"(?:.*::)?[\w.-]+==[^=*|,<>!~\s]+=[^=*\s]+")
"""A version and a build, as `conda env export` writes them: exactly one file."""


def follow_conda(reading: Reading, found: ResolvedPath) -> Asking[None]:
    """Read environment.yml and the files that its `pip:` section pulls in."""
    raw = yield from reading.read(found)
    if raw is None:
        return
    # Before parsing: the parser is pure Python. It is conda's own, so that both agree
    # on what a document means.
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
        if line is None or column is None:
            reading.mean_bytes(found)
        else:
            refuse_from(reading, found, raw, line, column)
        return
    for row in meaning:
        reading.mean("conda-section", *row)
    remarks = CondaRemarks(reading=reading, found=found, document=document)
    remarks.check_sections()
    remarks.check_channels()
    environment = _Environment(
        reading=reading, found=found, document=document, remarks=remarks
    )
    yield from environment.follow_dependencies()


def _sections(document: Document) -> list[tuple[str, ...]]:
    """Return the meaning of the sections, without the dependencies, which are a set."""
    rows: list[tuple[str, ...]] = []
    for key in ("channels", "variables"):
        value = document.values.get(key)
        if not value:
            continue
        if key == "channels" and is_list_of_texts(value):
            # The build adds a missing nodefaults, so its presence means nothing.
            # In order, as the order is the priority of channels; the second of two
            # equal names has no effect.
            names = dict.fromkeys(texts(value))
            named = tuple(name for name in names if name != "nodefaults")
            rows.extend([("channels", *named)] if named else [])
            continue
        try:
            rows.append((key, canonical(value)))
        except (TypeError, ValueError, RecursionError) as exc:
            raise MalformedYamlError(
                f"the section {key!s} is no plain data", document.mark(key)
            ) from exc
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Environment:
    """One environment file being read."""

    reading: Reading
    found: ResolvedPath
    document: Document
    remarks: CondaRemarks

    def follow_dependencies(self) -> Asking[None]:
        dependencies = self.document.values.get("dependencies")
        if dependencies is None:
            dependencies = []
        if not isinstance(dependencies, list):
            self.remarks.refuse(
                "dependencies has to be a list; write each package on a line of its"
                " own, after a dash and a space",
                "dependencies",
            )
            self.reading.mean(
                "conda-section", "dependencies", canonical_or_text(dependencies)
            )
            return
        # Of several `pip:` sections conda keeps the last one only.
        sections = [
            dependency for dependency in dependencies if isinstance(dependency, Mapping)
        ]
        last = next(
            (section for section in reversed(sections) if "pip" in section), None
        )
        for place in range(len(dependencies)):
            yield from self._follow_entry(dependencies, place, last)
        if last is not None and not any(map(_is_pip, dependencies)):
            # Conda installs pip itself for a pip: section.
            self.reading.mean("conda-dependency", "pip")
        if not any(map(names_python, dependencies)):
            # An export of a whole environment names its Python. A short list mostly
            # does not, and the dependencies of its packages are open.
            self.reading.loosen()
        self._settle_python(dependencies)

    def _follow_entry(
        self, every: list[object], place: int, last: object
    ) -> Asking[None]:
        dependency = every[place]
        if isinstance(dependency, str):
            self._package(dependency, place)
        elif isinstance(dependency, Mapping):
            if dependency == {"pip": None}:
                self.remarks.check_empty_pip(every[place + 1 :], place)
            yield from self._follow_section(
                place, dependency, is_last=dependency is last
            )
        else:
            self.reading.mean("conda-strange", canonical_or_text(dependency))
            self.remarks.refuse(f"{dependency!s} is no package", "dependencies", place)

    def _package(self, dependency: str, place: int) -> None:
        """Parse one match specification."""
        try:
            spec = read_spec(dependency)
        except MalformedSpecError as exc:
            self.reading.loosen()
            self.reading.mean("conda-strange", dependency)
            self.remarks.refuse(
                f"{show(dependency)} is no package that conda can look for: {exc}",
                "dependencies",
                place,
            )
            return
        if spec.ignored:
            self.remarks.ignore_part(dependency, spec.ignored, place)
        written = normalize_spec(spec.text)
        if not _EXACT.fullmatch(written):
            self.reading.loosen()
        self.reading.mean("conda-dependency", written, *spec.odd)
        self._declare(written)
        self.remarks.check_package(dependency, place)
        check_word(self.remarks, dependency, place)

    def _declare(self, spec: str) -> None:
        """Declare a package that may be a Python distribution; conda marks none."""
        name = re.match(r"(?:.*::)?([a-z0-9][\w.\-]*)", spec)
        if name and name[1] not in _NO_PYTHON and not name[1].startswith("r-"):
            self.reading.declare(name[1])

    def _follow_section(
        self, place: int, section: Mapping[object, object], *, is_last: bool
    ) -> Asking[None]:
        for key, value in section.items():
            if key == "conda":
                self.reading.loosen()
                every = self.document.values["dependencies"]
                self.reading.mean("conda-section", key, canonical_or_text(every))
                self.remarks.check_replacing(value, place)
            elif key != "pip":
                self.remarks.ignore_entry(str(key), place)
            elif not is_last:
                self.remarks.remark(
                    Severity.WARNING,
                    "pip_section_ignored",
                    "conda installs the last pip: section only, and this is not it; put"
                    " all its lines into one.",
                    "dependencies",
                    place,
                    "pip",
                )
            elif not value:
                continue
            elif is_list_of_texts(value):
                yield from self._follow_pip(place, texts(value))
            else:
                self.reading.mean("conda-strange", "pip:", canonical_or_text(value))
                self.remarks.refuse(
                    "pip: has to be a list of requirements",
                    "dependencies",
                    place,
                    "pip",
                )

    def _follow_pip(self, place: int, wanted: tuple[str, ...]) -> Asking[None]:
        """Parse the lines as the requirements file that conda writes for pip."""
        # Positions in the YAML file for every line of the text that pip gets: one entry
        # may hold several lines, and an alias has no position of its own.
        origins = [
            self.document.mark("dependencies", place, "pip", number)
            for number, text in enumerate(wanted)
            for _ in text.splitlines() or [""]
        ]
        every = self.document.values["dependencies"]
        requirements = Requirements(self.reading, pythons=series_of(texts(every)))
        yield from requirements.lines(
            RequirementLocation(path=self.found.path),
            _placed("\n".join(wanted), origins),
        )
        requirements.finish()

    def _settle_python(self, dependencies: list[object]) -> None:
        asked = asked_pythons(dependencies)
        if len(asked) == 1:
            self.reading.python = asked[0]
        check_pythons(self.remarks, asked)


def _is_pip(dependency: object) -> bool:
    return isinstance(dependency, str) and "pip" in re.split(
        r"[<>~\s=]", dependency, maxsplit=1
    )[0].split("::")


def canonical_or_text(value: object) -> str:
    """Return the canonical form of a value, or its `repr` when it has none."""
    try:
        return canonical(value)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _placed(text: str, origins: list[Mark | None]) -> Iterator[Line]:
    for line in logical_lines(text):
        number, column = origins[min(line.number, len(origins)) - 1] or (1, 1)
        yield replace(line, number=number, column=column + line.column - 1)
