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

from service.definitions.code import follow_directory
from service.definitions.declared import always_holds, declare
from service.definitions.effects import Effects
from service.definitions.links import Found, joined
from service.definitions.pins import Pins, Spot
from service.definitions.pip_remarks import PipRemarks
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
from service.definitions.unfit import has_local_version, unfit
from service.definitions.wishes import Local, Named, Remote, is_archive, meant
from service.definitions.words import show

__all__ = ["Place", "Requirements"]

MAX_DEPTH: Final = 50
MAX_LINES: Final = 20_000
"""In one file. The longest real ones are locks with some thousand lines."""

_URL: Final = re.compile(r"https?:", re.IGNORECASE)
_FILE_URL: Final = re.compile(r"file:/*", re.IGNORECASE)
_OF_A_REQUIREMENT: Final = "after a requirement"


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
    _effects: list[Effects] = field(default_factory=lambda: [Effects()])
    """Of the file being read, last, and of those that include it."""
    _known: dict[tuple[str, str], Effects] = field(default_factory=dict)
    """Of files that were read before: including them again applies them again."""
    _pins: Pins = field(default_factory=Pins)
    _demands: dict[str, Spot] = field(default_factory=dict)
    """Where hashes are demanded, and where they are not."""
    _local_versions: list[tuple[Spot, str]] = field(default_factory=list)
    _remarks: PipRemarks = field(init=False)

    def __post_init__(self) -> None:
        self._remarks = PipRemarks(self.reading)

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
        """Add what all files come to, once everything is read."""
        effects = self._effects[0]
        flags = {name for name, _ in effects.flags}
        for row in effects.rows():
            self.reading.mean(*row)
        if len(self._demands) > 1:
            self._remarks.unfit(
                max(self._demands.values(), key=lambda spot: spot.line),
                f"{' and '.join(self._demands)} exclude each other; take one of them"
                " out",
            )
        for found in self._pins.troubles(flags):
            self._remarks.trouble(found)
        if not effects.names_source():
            for spot, text in self._local_versions:
                self._remarks.local_version(spot, text)
        self._remarks.finish()

    def _line(self, place: Place, line: Line) -> Asking[None]:
        spot = Spot(path=place.path, line=line.number, column=line.column)
        try:
            parsed = self._parser.parse(line.text)
            thing = meant(parsed) if isinstance(parsed, Wish) else None
        except MalformedLineError as exc:
            self.reading.mean("text", place.role, line.text)
            column = line.column + exc.offset
            spot = Spot(path=place.path, line=line.number, column=column)
            self._remarks.malformed(spot, line.text, str(exc))
            return
        self._effects[-1].control(parsed.controls)
        if isinstance(parsed, Wish) and thing is not None:
            yield from self._wish(place, spot, parsed, thing)
        elif isinstance(parsed, Include):
            yield from self._include(place, spot, parsed)
        elif isinstance(parsed, Options):
            yield from self._options(place, spot, parsed)

    def _wish(
        self, place: Place, spot: Spot, wish: Wish, thing: Named | Local | Remote
    ) -> Asking[None]:
        editable = "editable" if wish.is_editable else ""
        hashes = ",".join(sorted({value.lower() for value in wish.hashes}))
        settings = sorted(wish.settings, key=lambda given: given[1].partition("=")[0])
        row = (place.role, editable, hashes, canonical(settings), *thing.row)
        if isinstance(thing, Local):
            yield from self._local(spot, thing, wish, row)
        else:
            self.reading.mean(*row)
            if isinstance(thing, Named) and not place.is_constraint:
                declare(self.reading, thing.name, marker=thing.marker)
            if thing.moves:
                self._remarks.moving(spot)
        self._pins.add(wish, thing, spot, role=place.role)
        self._check(place, spot, wish, thing)

    def _check(
        self, place: Place, spot: Spot, wish: Wish, thing: Named | Local | Remote
    ) -> None:
        if wish.ignored:
            self._remarks.ignored(spot, wish.ignored, _OF_A_REQUIREMENT)
        if place.is_constraint:
            why = _no_constraint(wish, thing)
            if why:
                self._remarks.constraint(spot, wish.text, why)
        elif always_holds(thing.marker):
            if why := unfit(thing):
                self._remarks.unfit(spot, why)
            if has_local_version(thing):
                self._local_versions.append((spot, wish.text))

    def _local(
        self, spot: Spot, thing: Local, wish: Wish, row: tuple[str, ...]
    ) -> Asking[None]:
        is_certain = always_holds(thing.marker)
        path = joined(self.reading.context_dir, thing.path)
        if path is None:
            self.reading.mean(*row, thing.path)
            self._remarks.elsewhere(spot, thing, is_certain=is_certain)
            return
        self.reading.mean(*row, self.reading.relative(path))
        found = yield from follow_local(self.reading, path)
        if found.is_absent and found.trouble is None:
            self._remarks.missing(spot, path)
        elif found.is_file and (wish.is_editable or not is_archive(path)):
            self._remarks.no_project(spot, path, is_editable=wish.is_editable)

    def _options(self, place: Place, spot: Spot, options: Options) -> Asking[None]:
        if options.ignored:
            self._remarks.ignored(spot, options.ignored, "without a requirement")
        for name, _ in options.given:
            if name in {"require-hashes", "no-require-hashes"}:
                self._demands.setdefault(f"--{name}", spot)
        pages = [value for name, value in options.given if name == "find-links"]
        for value in pages[1:]:
            self._remarks.ignored(spot, (f"-f {value}",), "as the second of its line")
        links = (yield from self._links_page(place, pages[0])) if pages else None
        self._effects[-1].add(options, links)

    def _links_page(self, place: Place, value: str) -> Asking[str]:
        """Count a directory of archives; pip tries the file's own directory first."""
        if _URL.match(value) or _FILE_URL.match(value) or has_variable(value):
            return value
        for base in (posixpath.dirname(place.path), self.reading.context_dir):
            path = joined(base, value)
            if path is None:
                break
            found = (yield from self.reading.files.find([path]))[path]
            yield from follow_directory(self.reading, found, "archives")
            if found.is_file and not is_archive(path):
                self._remarks.links_page(place.path, path)
            if not found.is_absent:
                return self.reading.relative(path)
        return value

    def _include(self, place: Place, spot: Spot, include: Include) -> Asking[None]:
        if include.ignored:
            self._remarks.ignored(
                spot, include.ignored, "beside the first -r or -c of the line"
            )
        path = joined(posixpath.dirname(place.path), include.path)
        why = ""
        if _URL.match(include.path):
            why = "is fetched from a URL at every build"
        elif has_variable(include.path):
            why = "depends on the environment of the build"
        if why or path is None or _FILE_URL.match(include.path):
            role = "constraint" if include.is_constraint else "requirement"
            self.reading.mean("include", role, include.path)
            if why:
                self._remarks.unpinned(spot, include.path, why)
            else:
                self._outside(spot, include)
            return
        inner = Place(
            path=path,
            is_constraint=include.is_constraint,
            trail=(*place.trail, place.path),
        )
        yield from self._included(inner, spot)

    def _outside(self, spot: Spot, include: Include) -> None:
        mend = ""
        if match := _FILE_URL.match(include.path):
            option = "-c" if include.is_constraint else "-r"
            mend = f"write {option} {show(include.path[match.end() :])}"
        self._remarks.outside(spot, include.path, mend)

    def _included(self, inner: Place, spot: Spot) -> Asking[None]:
        if inner.path in inner.trail:
            # pip fails over it, so a definition without it is another one.
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
        if self.reading.is_new("requirements", inner.role, inner.path):
            self._effects.append(Effects())
            yield from self._read_included(inner, spot)
            self._known[inner.role, inner.path] = self._effects.pop()
        # Reading it again adds no requirement, but its options take effect again.
        known = self._known.get((inner.role, inner.path))
        if known is not None:
            self._effects[-1].then(known)

    def _read_included(self, inner: Place, spot: Spot) -> Asking[None]:
        found = yield from self.reading.take(inner.path, inner.role)
        if found.is_file:
            yield from self.file(inner, found)
            return
        self.reading.mean_bytes(found)
        if found.trouble is None:
            self._remarks.missing(spot, inner.path)


def _no_constraint(wish: Wish, thing: Named | Local | Remote) -> str:
    """Say why pip refuses a constraint; empty when it does not."""
    if wish.is_editable:
        return "is editable, which no constraint may be"
    if thing.row[0] == "variable":
        return ""
    if not thing.name:
        return "has no name, and a constraint has to have one"
    has_extras = not isinstance(thing, Remote) and thing.extras
    return "has extras, which no constraint may have" if has_extras else ""
