"""The closure of requirements files.

Paths have different bases, as in pip: `-r` and `-c` are relative to the including file;
projects and archives, to pip's working directory, which is the context directory.
"""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.declared import always_holds, declare
from service.definitions.formats.toml_json import canonical, remark_syntax
from service.definitions.local.build_system import is_project
from service.definitions.local.projects import follow_local
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.pip.checks import RequirementChecks
from service.definitions.pip.encodings import (
    UndecodableError,
    UnreadEncodingError,
    decode,
)
from service.definitions.pip.extras import ask_for_extras
from service.definitions.pip.findings import PipRemarks
from service.definitions.pip.links_page import (
    FILE_URL,
    WEB_URL,
    follow_links_page,
    path_instead,
)
from service.definitions.pip.option_effects import Effects
from service.definitions.pip.pins import Pins, Spot
from service.definitions.pip.requirement_line import (
    Local,
    NamedRequirement,
    ParsedRequirement,
    parse_requirement,
)
from service.definitions.pip.requirement_urls import check_option_urls, is_archive
from service.definitions.pip.requirements_txt import (
    Include,
    Line,
    LineParser,
    MalformedLineError,
    Options,
    RequirementLine,
    RequirementLocation,
    has_variable,
    logical_lines,
)
from service.definitions.pip.uninstallable import is_always_refused, passes_over
from service.definitions.pip.wheels import Pythons
from service.definitions.queries import Asking
from service.definitions.text import show

__all__ = ["Requirements"]

MAX_DEPTH: Final = 50
MAX_LINES: Final = 20_000
"""Lines of one file; the longest real ones are locks with thousands."""


@dataclass(slots=True)
class Requirements:
    """Parses requirements files, with their includes, into a closure."""

    reading: Reading
    pythons: Pythons = ()
    """The series of Python of which one installs; none where any may."""
    # One for all: making it takes a fifth of what a short file costs to read.
    _parser: LineParser = field(default_factory=cache(LineParser))
    _effects: list[Effects] = field(default_factory=lambda: [Effects()])
    """A stack: the effects of the current file, last, and of the including ones."""
    _known: dict[tuple[str, str], Effects] = field(default_factory=dict)
    """The effects of parsed files: including a file again applies them again."""
    _pins: Pins = field(default_factory=Pins)
    _demands: dict[str, Spot] = field(default_factory=dict)
    """The locations of `--require-hashes` and `--no-require-hashes`."""
    _remarks: PipRemarks = field(init=False)
    _checks: RequirementChecks = field(init=False)

    def __post_init__(self) -> None:
        self._remarks = PipRemarks(self.reading)
        self._checks = RequirementChecks(self._remarks, self.pythons)

    def file(self, place: RequirementLocation, found: ResolvedPath) -> Asking[None]:
        """Parse a file that is part of the closure already."""
        raw = yield from self.reading.read(found)
        if raw is None:
            return
        try:
            content = decode(raw)
        except (UndecodableError, UnreadEncodingError) as exc:
            if isinstance(exc, UndecodableError):
                remark_syntax(self.reading, place.path, str(exc), exc.line)
            else:
                self._remarks.unread_encoding(place.path, str(exc), exc.line)
            # Pip would guess the encoding from the locale of the build.
            self.reading.loosen()
            self.reading.mean_bytes(found)
            return
        yield from self.lines(place, logical_lines(content))

    def lines(self, place: RequirementLocation, lines: Iterable[Line]) -> Asking[None]:
        """Parse logical lines of a file, or of a `pip:` section."""
        for count, line in enumerate(lines):
            if self.reading.is_full():
                return
            if count >= MAX_LINES:
                self.reading.give_up(
                    place.path,
                    "too_many_lines",
                    f"{show(place.path)} has more than {MAX_LINES} requirements",
                )
                return
            yield from self._line(place, line)

    def finish(self) -> None:
        """Add the combined effect of all files, once everything is parsed."""
        effects = self._effects[0]
        flags = {name for name, _ in effects.flags}
        if not self._pins.are_exact() or "no-require-hashes" in flags:
            self.reading.loosen()
        for row in effects.rows():
            self.reading.mean(*row)
        if len(self._demands) > 1:
            self._remarks.unfit(
                max(self._demands.values(), key=lambda spot: spot.line),
                f"{' and '.join(self._demands)} exclude each other; take one of them"
                " out",
            )
        for problem in self._pins.troubles(flags):
            self._remarks.trouble(problem)
        self._checks.finish(names_source=effects.names_source())
        self._remarks.finish()

    def _line(self, place: RequirementLocation, line: Line) -> Asking[None]:
        spot = Spot(path=place.path, line=line.number, column=line.column)
        try:
            parsed = self._parser.parse(line.text)
            if isinstance(parsed, Options):
                check_option_urls(parsed.given)
            requirement = (
                parse_requirement(parsed)
                if isinstance(parsed, RequirementLine)
                else None
            )
        except MalformedLineError as exc:
            if is_always_refused(line.text):
                self.reading.refuse("text", place.role, line.text)
            self.reading.mean("text", place.role, line.text)
            self.reading.loosen()
            column = line.column + exc.offset
            spot = Spot(path=place.path, line=line.number, column=column)
            self._remarks.malformed(spot, line.text, str(exc))
            return
        # Before the requirement itself: pip applies `--no-binary` and the like while it
        # parses the line, on any line, and other options only on lines of their own.
        self._effects[-1].control(parsed.controls)
        if isinstance(parsed, RequirementLine) and requirement is not None:
            yield from self._add_requirement(place, spot, parsed, requirement)
        elif isinstance(parsed, Include):
            yield from self._include(place, spot, parsed)
        elif isinstance(parsed, Options):
            yield from self._options(place, spot, parsed)

    def _add_requirement(
        self,
        place: RequirementLocation,
        spot: Spot,
        line: RequirementLine,
        requirement: ParsedRequirement,
    ) -> Asking[None]:
        editable = "editable" if line.is_editable else ""
        # A set: pip accepts a file that has any one of the hashes, in any case.
        hashes = ",".join(sorted({value.lower() for value in line.hashes}))
        settings = sorted(line.settings, key=lambda given: given[1].partition("=")[0])
        row = (place.role, editable, hashes, canonical(settings), *requirement.row)
        ask_for_extras(self.reading, requirement)
        if isinstance(requirement, Local):
            yield from self._local(spot, requirement, line, row)
        elif place.is_constraint or not passes_over(line, requirement):
            self.reading.mean(*row)
            if isinstance(requirement, NamedRequirement) and not place.is_constraint:
                declare(self.reading, requirement.name, marker=requirement.marker)
            # A branch or tag can install other code tomorrow, without a push.
            if requirement.moves:
                self._remarks.moving(spot)
        self._pins.add(line, requirement, spot, role=place.role)
        self._checks.check(spot, line, requirement, is_constraint=place.is_constraint)

    def _local(
        self,
        spot: Spot,
        requirement: Local,
        line: RequirementLine,
        row: tuple[str, ...],
    ) -> Asking[None]:
        reading = self.reading
        is_certain = always_holds(requirement.marker)
        if not requirement.path and is_certain:
            self._remarks.unfit(spot, "no path follows file:; write ./PATH")
        path = join_path(reading.context_dir, requirement.path)
        if path is None:
            reading.mean(*row, requirement.path)
            self._remarks.elsewhere(spot, requirement, is_certain=is_certain)
            return
        reading.mean(*row, reading.relative(path))
        found = yield from follow_local(reading, path, is_by_pip=True)
        if found.is_absent and found.trouble is None:
            self._remarks.missing(spot, path, written=line.written, wanted=requirement)
        elif found.is_file and (line.is_editable or not is_archive(path)):
            self._remarks.no_project(spot, path, is_editable=line.is_editable)
        elif found.is_directory and not (yield from is_project(reading, found.real)):
            self._remarks.no_metadata(spot, requirement)

    def _options(
        self, place: RequirementLocation, spot: Spot, options: Options
    ) -> Asking[None]:
        if options.ignored:
            self._remarks.ignored(spot, options.ignored, "without a requirement")
        for name, _ in options.given:
            if name in {"require-hashes", "no-require-hashes"}:
                self._demands.setdefault(f"--{name}", spot)
        pages = [value for name, value in options.given if name == "find-links"]
        for value in pages[1:]:
            self._remarks.ignored(spot, (f"-f {value}",), "as the second of its line")
        links = (
            (
                yield from follow_links_page(
                    self.reading, self._remarks, place.path, pages[0]
                )
            )
            if pages
            else None
        )
        self._effects[-1].add(options, links)

    def _include(
        self, place: RequirementLocation, spot: Spot, include: Include
    ) -> Asking[None]:
        if include.ignored:
            self._remarks.ignored(
                spot, include.ignored, "beside the first -r or -c of the line"
            )
        path = join_path(posixpath.dirname(place.path), include.path)
        why = ""
        if WEB_URL.match(include.path):
            why = "is fetched from a URL at every build"
        elif has_variable(include.path):
            why = "depends on the environment of the build"
        if why or path is None or FILE_URL.match(include.path):
            role = "constraint" if include.is_constraint else "requirement"
            self.reading.loosen()
            self.reading.mean("include", role, include.path)
            if why:
                self._remarks.unpinned(spot, include.path, why)
            else:
                self._remarks.outside(spot, include.path, path_instead(include))
            return
        inner = RequirementLocation(
            path=path,
            is_constraint=include.is_constraint,
            trail=(*place.trail, place.path),
        )
        yield from self._included(inner, spot)

    def _included(self, inner: RequirementLocation, spot: Spot) -> Asking[None]:
        if inner.path in inner.trail:
            # pip fails on a cycle, so the cycle is part of the meaning.
            self.reading.mean("cycle", inner.role, self.reading.relative(inner.path))
            self._remarks.cycle(spot, inner.path)
            return
        if len(inner.trail) > MAX_DEPTH:
            self.reading.give_up(
                inner.path,
                "too_deep",
                f"Files include each other more than {MAX_DEPTH} levels deep",
            )
            return
        # Pushed and popped around one file: nested includes add to the innermost.
        if self.reading.is_new("requirements", inner.role, inner.path):
            self._effects.append(Effects())
            yield from self._read_included(inner, spot)
            self._known[inner.role, inner.path] = self._effects.pop()
        # A second include adds no requirement, but its options apply again: the last.
        known = self._known.get((inner.role, inner.path))
        if known is not None:
            self._effects[-1].then(known)

    def _read_included(self, inner: RequirementLocation, spot: Spot) -> Asking[None]:
        found = yield from self.reading.take(inner.path, inner.role)
        if found.is_file:
            yield from self.file(inner, found)
            return
        self.reading.mean_bytes(found)
        if found.trouble is None:
            self._remarks.missing(spot, inner.path)
