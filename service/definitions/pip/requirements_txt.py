"""Parser of pip's requirements file format, line by line.

https://pip.pypa.io/en/stable/reference/requirements-file-format/

The steps and their order are pip's: join continued lines, strip comments, split off the
options, and parse them. Included files are not read here.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from service.definitions.pip.options import (
    CONTROLS,
    INCLUDES,
    MalformedLineError,
    OptionParser,
)

__all__ = [
    "Given",
    "Include",
    "Line",
    "LineParser",
    "MalformedLineError",
    "Options",
    "RequirementLine",
    "RequirementLocation",
    "has_variable",
    "logical_lines",
]

_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*$")
"""Pip's `(^|\\s+)#.*$`, without its quadratic time on long runs of spaces."""
_VARIABLE: Final = re.compile(r"\$\{[A-Z0-9_]+\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementLocation:
    """A requirements file, and the files that include it."""

    path: str
    """The path before links are resolved: pip resolves includes from it."""
    is_constraint: bool = False
    trail: tuple[str, ...] = ()
    """The files that include it, outermost first."""

    @property
    def role(self) -> str:
        """The role of its lines: `requirement` or `constraint`."""
        return "constraint" if self.is_constraint else "requirement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One logical line, without its comment."""

    number: int
    """The number of its first physical line, from 1."""
    column: int
    """The column where it begins, from 1."""
    text: str


Given = tuple[tuple[str, str], ...]
"""Options by their long names, with values, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementLine:
    """A requirement to install."""

    text: str
    """The requirement without its options."""
    is_editable: bool = False
    hashes: tuple[str, ...] = ()
    settings: Given = ()
    """`--config-settings` of its build."""
    controls: Given = ()
    """Options for all packages, which pip applies on any line."""
    ignored: tuple[str, ...] = ()
    """Other options of the line, which have no effect."""
    written: str = ""
    """The whole line, in which backslashes stand that pip takes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """An included file, which pip reads at this point."""

    path: str
    is_constraint: bool
    controls: Given = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of the whole installation."""

    given: Given = ()
    controls: Given = ()
    ignored: tuple[str, ...] = ()


def logical_lines(text: str) -> Iterator[Line]:
    """Yield logical lines: continued ones joined, without comments and blanks."""
    for number, column, joined in _join_lines(text):
        stripped = _COMMENT.sub("", joined)
        if stripped.strip():
            yield Line(number=number, column=column, text=stripped.strip())


def _join_lines(text: str) -> Iterator[tuple[int, int, str]]:
    parts: list[str] = []
    start = column = 1
    for number, line in enumerate(text.splitlines(), start=1):
        is_comment = line.lstrip().startswith("#")
        if not parts:
            start = number
            column = len(line) - len(line.lstrip()) + 1
        if line.endswith("\\") and not is_comment:
            parts.append(line.strip("\\"))
            continue
        # The space makes a comment after a continued line a comment, as in pip.
        parts.append(f" {line}" if is_comment else line)
        yield start, column, "".join(parts)
        parts = []
    if parts:
        yield start, column, "".join(parts)


def has_variable(text: str) -> bool:
    """Return whether a text has an environment variable that pip would expand."""
    return _VARIABLE.search(text) is not None


def _before_options(text: str) -> tuple[str, int]:
    """Split off the options: they begin with the first word that starts with a dash."""
    offset = 0
    for word in text.split(" "):
        if word.startswith("-"):
            break
        offset += len(word) + 1
    return text[:offset].rstrip(" "), min(offset, len(text))


class LineParser:
    """Parses logical lines. Creating its option parser is slow, so it is reused."""

    def __init__(self) -> None:
        self._options = OptionParser()

    def parse(self, text: str) -> RequirementLine | Include | Options:
        """Parse a logical line.

        Raises:
            MalformedLineError: Pip would refuse it.
        """
        requirement, offset = _before_options(text)
        given, words = self._options.read(text[offset:], offset)
        editables = [value for name, value in given if name == "editable"]
        if requirement or editables:
            made = _make_requirement(requirement, editables, given, words)
            return replace(made, written=text)
        for kind in INCLUDES:
            paths = [value for name, value in given if name == kind]
            if paths:
                return _make_include(kind, paths[0], given, words)
        return Options(
            given=_select(given, _SETTING),
            controls=_select(given, CONTROLS),
            ignored=_ignored(_exclude(given, _SETTING | CONTROLS), words),
        )


_SETTING: Final = frozenset(
    {
        "index-url",
        "extra-index-url",
        "no-index",
        "find-links",
        "pre",
        "prefer-binary",
        "require-hashes",
        "no-require-hashes",
        "trusted-host",
        "use-feature",
    }
)


def _make_requirement(
    requirement: str,
    editables: list[str],
    given: list[tuple[str, str]],
    words: tuple[str, ...],
) -> RequirementLine:
    # Pip does not check the hash of an editable requirement.
    hashes = () if editables else _select(given, {"hash"})
    obeyed = {"config-settings"} if editables else {"config-settings", "hash"}
    rest = _exclude(given, obeyed | CONTROLS)
    if editables and not requirement:
        rest.remove(("editable", editables[0]))
    return RequirementLine(
        text=requirement or editables[0],
        is_editable=bool(editables),
        hashes=tuple(value for _, value in hashes),
        settings=_select(given, {"config-settings"}),
        controls=_select(given, CONTROLS),
        ignored=_ignored(rest, words),
    )


def _make_include(
    kind: str, path: str, given: list[tuple[str, str]], words: tuple[str, ...]
) -> Include:
    rest = _exclude(given, CONTROLS)
    rest.remove((kind, path))
    return Include(
        path=path,
        is_constraint=kind == "constraint",
        controls=_select(given, CONTROLS),
        ignored=_ignored(rest, words),
    )


def _select(given: Iterable[tuple[str, str]], names: Collection[str]) -> Given:
    return tuple(option for option in given if option[0] in names)


def _exclude(
    given: Iterable[tuple[str, str]], names: Collection[str]
) -> list[tuple[str, str]]:
    return [option for option in given if option[0] not in names]


def _ignored(
    given: Iterable[tuple[str, str]], words: tuple[str, ...]
) -> tuple[str, ...]:
    return (*(f"--{name} {value}".rstrip() for name, value in given), *words)
