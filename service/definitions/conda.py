"""Conda's environment.yml, as `conda env update` and the build around it read it.

https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from service.definitions.conda_remarks import CondaRemarks, is_list_of_texts
from service.definitions.links import Found
from service.definitions.pip import Place, Requirements
from service.definitions.pythons import from_conda
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.requirements import Line, logical_lines
from service.definitions.specs import MalformedSpecError, normal, read_spec
from service.definitions.tables import canonical, remark_syntax, texts
from service.definitions.words import show
from service.definitions.yaml import Document, MalformedYamlError, Mark, load
from service.domain.findings import Severity

__all__ = ["follow_conda"]

MAX_YAML: Final = 64 * 1024
"""Bytes. An exported environment of 1,000 packages has some 45 KB; the parser takes
up to two seconds for what is allowed here."""

_NO_PYTHON: Final = frozenset({"python", "pip", "r-base"})
"""The interpreter, the installer and another language."""


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
    """Write what conda reads, but for the dependencies, which are a set."""
    rows: list[tuple[str, ...]] = []
    for key in ("channels", "variables"):
        value = document.values.get(key)
        if not value:
            continue
        if key == "channels" and is_list_of_texts(value):
            # The build adds nodefaults wherever it is missing.
            names = dict.fromkeys(texts(value))
            rows.append(("channels", *(it for it in names if it != "nodefaults")))
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
    found: Found
    document: Document
    remarks: CondaRemarks

    def follow_dependencies(self) -> Asking[None]:
        dependencies = self.document.values.get("dependencies")
        if dependencies is None:
            dependencies = []
        if not isinstance(dependencies, list):
            self.remarks.refuse("dependencies has to be a list", "dependencies")
            self.reading.mean(
                "conda-section", "dependencies", canonical_or_text(dependencies)
            )
            return
        pythons: list[str] = []
        sections = [it for it in dependencies if isinstance(it, Mapping)]
        last = next((it for it in reversed(sections) if "pip" in it), None)
        for place, it in enumerate(dependencies):
            if isinstance(it, str):
                pythons.extend(filter(None, [self._package(it, place)]))
            elif isinstance(it, Mapping):
                yield from self._follow_section(place, it, is_last=it is last)
            else:
                self.reading.mean("conda-strange", canonical_or_text(it))
                self.remarks.refuse(f"{it!s} is no package", "dependencies", place)
        if last is not None and not any(map(_is_pip, dependencies)):
            # Conda adds it for the pip: part.
            self.reading.mean("conda-dependency", "pip")
        self._settle_python(sorted(set(pythons)))

    def _package(self, dependency: str, place: int) -> str | None:
        """Read one match specification; return the Python that it asks for."""
        try:
            spec = read_spec(dependency)
        except MalformedSpecError as exc:
            self.reading.mean("conda-strange", dependency)
            self.remarks.refuse(
                f"{show(dependency)} is no package that conda can look for: {exc}",
                "dependencies",
                place,
            )
            return None
        if spec.ignored:
            self.remarks.remark(
                Severity.WARNING,
                "spec_ignored",
                f"of {show(dependency)} conda ignores {show(spec.ignored)}; extras are"
                " for pip, and versions are written as name>=1,<2.",
                "dependencies",
                place,
            )
        written = normal(spec.text)
        self.reading.mean("conda-dependency", written)
        self._declare(written)
        self.remarks.check_package(dependency, place)
        return from_conda(written)

    def _declare(self, spec: str) -> None:
        """Note a package that may be a Python distribution; conda does not tell."""
        name = re.match(r"(?:.*::)?([a-z0-9][\w.\-]*)", spec)
        if name and name[1] not in _NO_PYTHON and not name[1].startswith("r-"):
            self.reading.declare(name[1])

    def _follow_section(
        self, place: int, section: Mapping[object, object], *, is_last: bool
    ) -> Asking[None]:
        for key, value in section.items():
            if key != "pip":
                self.reading.mean("conda-strange", f"{key}:", canonical_or_text(value))
                self.remarks.refuse(
                    f"{key}: is no section conda knows; a version is written"
                    f" {key}=1.2, without a colon",
                    "dependencies",
                    place,
                )
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

    def _settle_python(self, pythons: list[str]) -> None:
        if len(pythons) == 1:
            self.reading.python = pythons[0]
        if len(pythons) > 1:
            self.remarks.remark(
                Severity.WARNING,
                "python_conflict",
                f"python is asked for more than once ({' and '.join(pythons)}); keep"
                " one of them.",
                "dependencies",
            )


def _is_pip(dependency: object) -> bool:
    return isinstance(dependency, str) and "pip" in re.split(
        r"[<>~\s=]", dependency, maxsplit=1
    )[0].split("::")


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
