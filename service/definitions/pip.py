"""Requirements files and everything they pull in.

Names in them are relative to different places, as pip has it: `-r` and `-c` to the
file they stand in, projects and archives to where pip runs, which is the context
directory.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from service.definitions.declared import declare
from service.definitions.links import Found, joined
from service.definitions.projects import follow_local
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.requirements import (
    Include,
    Line,
    LineParser,
    MalformedLineError,
    Options,
    Wish,
    decode,
    has_variable,
    logical_lines,
)
from service.definitions.tables import canonical, remark_syntax
from service.definitions.wishes import Local, Named, meant
from service.definitions.words import show
from service.domain.findings import Severity

__all__ = ["Place", "Requirements"]

MAX_DEPTH: Final = 50
MAX_LINES: Final = 20_000
"""In one file. The longest real ones are locks with some thousand lines."""

_URL: Final = re.compile(r"(?:https?|file):", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file of requirements, and how it was reached."""

    path: str
    """As it was named: pip resolves what it includes from there, links or not."""
    is_constraint: bool = False
    trail: tuple[str, ...] = ()
    """The files that include it, outermost first."""

    @property
    def role(self) -> str:
        """What its lines are: `requirement` or `constraint`."""
        return "constraint" if self.is_constraint else "requirement"


@dataclass(slots=True)
class Requirements:
    """Reads requirements files into a reading."""

    reading: Reading
    _parser: LineParser = field(default_factory=LineParser)
    _sequence: list[object] = field(default_factory=list)
    """Options whose order matters, in the order in which pip meets them."""
    _has_sequence: dict[Place, bool] = field(default_factory=dict)

    def file(self, place: Place, found: Found) -> Asking[None]:
        """Read a file that is part of the closure already."""
        raw = yield from self.reading.read(found)
        if raw is None:
            return
        try:
            content = decode(raw)
        except (UnicodeError, LookupError):
            remark_syntax(self.reading, place.path, "it is no text in UTF-8")
            self.reading.mean_bytes(found)
            return
        yield from self.lines(place, logical_lines(content))

    def lines(self, place: Place, lines: Iterable[Line]) -> Asking[None]:
        """Read logical lines, wherever they come from."""
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
        """Add what the order of options means, once everything is read."""
        if self._sequence:
            self.reading.mean("options", canonical(self._sequence))

    def _line(self, place: Place, line: Line) -> Asking[None]:
        try:
            parsed = self._parser.parse(line.text)
            if isinstance(parsed, Wish):
                yield from self._wish(place, line, parsed)
                return
        except MalformedLineError as exc:
            self.reading.mean("text", place.role, line.text)
            column = line.column + exc.offset
            remark_syntax(self.reading, place.path, str(exc), line.number, column)
            return
        yield from self._options(place, line, parsed)

    def _wish(self, place: Place, line: Line, wish: Wish) -> Asking[None]:
        it = meant(wish)
        editable = "editable" if wish.is_editable else ""
        hashes = ",".join(sorted(set(wish.hashes)))
        row = (place.role, editable, hashes, canonical(wish.settings), *it.row)
        if isinstance(it, Local):
            yield from self._local(place, line, it, wish, row)
            return
        self.reading.mean(*row)
        if isinstance(it, Named) and not place.is_constraint:
            declare(self.reading, it.name, marker=it.marker)
        if it.moves:
            self._remark_moving(place, line)

    def _local(
        self, place: Place, line: Line, it: Local, wish: Wish, row: tuple[str, ...]
    ) -> Asking[None]:
        path = joined(self.reading.context_dir, it.path)
        if path is None:
            self.reading.mean(*row, it.path)
            self._remark_unpinned(place, line, it.path, "lies outside the repository")
            return
        self.reading.mean(*row, self.reading.relative(path))
        found = yield from follow_local(
            self.reading, path, is_editable=wish.is_editable
        )
        if found.is_absent and found.trouble is None:
            self._remark_missing(place, line, path)

    def _options(self, place: Place, line: Line, options: Options) -> Asking[None]:
        for name, value in sorted(options.flags):
            self.reading.mean("option", name, value)
        for name, value in options.ordered:
            if name == "find-links":
                yield from self._links_page(place, value)
            self._sequence.append([name, value])
        for include in options.includes:
            yield from self._include(place, line, include)

    def _links_page(self, place: Place, value: str) -> Asking[None]:
        """Count a directory of archives; pip tries the file's own directory first."""
        if _URL.match(value) or has_variable(value):
            return
        for base in (posixpath.dirname(place.path), self.reading.context_dir):
            path = joined(base, value)
            if path is None:
                return
            found = yield from self.reading.take(path, "archives")
            self.reading.mean_bytes(found)
            if not found.is_absent:
                return

    def _include(self, place: Place, line: Line, include: Include) -> Asking[None]:
        path = joined(posixpath.dirname(place.path), include.path)
        why = ""
        if _URL.match(include.path):
            why = "is fetched from a URL at every build"
        elif has_variable(include.path):
            why = "depends on the environment of the build"
        elif path is None:
            why = "lies outside the repository"
        if why or path is None:
            role = "constraint" if include.is_constraint else "requirement"
            self.reading.mean("include", role, include.path)
            self._remark_unpinned(place, line, include.path, why)
            return
        inner = Place(
            path=path,
            is_constraint=include.is_constraint,
            trail=(*place.trail, place.path),
        )
        yield from self._included(inner, line, place)

    def _included(self, inner: Place, line: Line, outer: Place) -> Asking[None]:
        if inner.path in inner.trail:
            # pip fails over it, so a definition without it is another one.
            self.reading.mean("cycle", inner.role, self.reading.relative(inner.path))
            self._remark_cycle(outer, line, inner.path)
            return
        if len(inner.trail) > MAX_DEPTH:
            self.reading.give_up(
                inner.path,
                "too_deep",
                f"Files include each other more than {MAX_DEPTH} levels deep",
            )
            return
        if not self.reading.is_new("requirements", inner.role, inner.path):
            # Reading it again adds no requirement, but it can change the order
            # in which options take effect.
            self._sequence.extend(self._seen_before(inner))
            return
        before = len(self._sequence)
        found = yield from self.reading.take(inner.path, inner.role)
        if found.is_file:
            yield from self.file(inner, found)
        else:
            self.reading.mean_bytes(found)
            if found.trouble is None:
                self._remark_missing(outer, line, inner.path)
        if len(self._sequence) > before:
            self._has_sequence[_key(inner)] = True

    def _seen_before(self, inner: Place) -> list[object]:
        if not self._has_sequence.get(_key(inner)):
            return []
        return [["again", inner.role, self.reading.relative(inner.path)]]

    def _remark_missing(self, place: Place, line: Line, path: str) -> None:
        self.reading.remark(
            Severity.ERROR,
            "missing_include",
            f"{show(place.path)}, line {line.number}, asks for {show(path)}, and there"
            " is no such file; the build would fail. Add it, or take the line out.",
            path=place.path,
            line=line.number,
            column=line.column,
        )

    def _remark_cycle(self, place: Place, line: Line, path: str) -> None:
        self.reading.remark(
            Severity.ERROR,
            "include_cycle",
            f"{show(place.path)}, line {line.number}, includes {show(path)}, which"
            " includes it again; pip refuses that. Take one of the lines out.",
            path=place.path,
            line=line.number,
            column=line.column,
        )

    def _remark_unpinned(self, place: Place, line: Line, what: str, why: str) -> None:
        self.reading.remark(
            Severity.WARNING,
            "unpinned_include",
            f"{show(place.path)}, line {line.number}: {show(what)} {why}, so a change"
            " there is not noticed; copy what you need into the repository.",
            path=place.path,
            line=line.number,
            column=line.column,
        )

    def _remark_moving(self, place: Place, line: Line) -> None:
        self.reading.remark(
            Severity.NOTE,
            "moving_requirement",
            f"{show(place.path)}, line {line.number}, installs from something that can"
            " change without a push here; name a full commit to pin it.",
            path=place.path,
            line=line.number,
            column=line.column,
        )


def _key(place: Place) -> Place:
    return Place(path=place.path, is_constraint=place.is_constraint)
