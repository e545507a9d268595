"""Pip's requirements file format, line by line.

https://pip.pypa.io/en/stable/reference/requirements-file-format/

The steps and their order are pip's own: join continued lines, strip comments, split off
options, and let an option parser read them. Nothing here knows of other files.
"""

import codecs
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from service.definitions.options import (
    CONTROLS,
    INCLUDES,
    MalformedLineError,
    OptionParser,
)

__all__ = [
    "Include",
    "Line",
    "LineParser",
    "MalformedLineError",
    "Options",
    "Wish",
    "decode",
    "has_variable",
    "logical_lines",
]

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    # UTF-32's little-endian mark begins with UTF-16's: it has to be looked for first.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING: Final = re.compile(rb"coding[:=]\s*([-\w.]+)")
_ENCODINGS: Final = frozenset(
    {"utf-8", "utf-8-sig", "ascii", "iso8859-1", "iso8859-2", "iso8859-15", "cp1250"}
    | {"cp1251", "cp1252", "koi8-r", "gb2312", "gbk", "gb18030", "big5", "shift_jis"}
    | {"cp932", "euc_jp", "euc_kr"}
)
"""What people claim. Some of the others take quadratic time, or are no encodings."""
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*$")
"""Pip's `(^|\\s+)#.*$`, without its quadratic time on long runs of blanks."""
_VARIABLE: Final = re.compile(r"\$\{[A-Z0-9_]+\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One logical line, without its comment."""

    number: int
    """Of its first physical line, counted from 1."""
    column: int
    """Where it begins there, counted from 1."""
    text: str


Given = tuple[tuple[str, str], ...]
"""Options by their long names, with their values, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Something to install."""

    text: str
    """The requirement without its options."""
    is_editable: bool = False
    hashes: tuple[str, ...] = ()
    settings: Given = ()
    """For its build."""
    controls: Given = ()
    """Of any package: pip obeys them here, too."""
    ignored: tuple[str, ...] = ()
    """What else is on the line, to no effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """Another file that is read in this place."""

    path: str
    is_constraint: bool
    controls: Given = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a line says about the whole installation."""

    given: Given = ()
    controls: Given = ()
    ignored: tuple[str, ...] = ()


def decode(raw: bytes) -> str:
    """Decode a requirements file as pip does.

    Raises:
        UnicodeError: It is not in the encoding that it claims, UTF-8 by default.
        LookupError: It claims an encoding that does not exist.
    """
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding)
    for line in raw.split(b"\n", 2)[:2]:
        claim = _CODING.search(line) if line.startswith(b"#") else None
        if claim is not None:
            return raw.decode(_encoding(claim[1].decode("ascii")))
    return raw.decode("utf-8")


def _encoding(name: str) -> str:
    known = codecs.lookup(name).name
    if known not in _ENCODINGS:
        raise LookupError(f"the encoding {name} is not read")
    return known


def logical_lines(text: str) -> Iterator[Line]:
    """Yield what is left once lines are joined and comments and blanks are gone."""
    for number, column, joined in _joined(text):
        stripped = _COMMENT.sub("", joined)
        if stripped.strip():
            yield Line(number=number, column=column, text=stripped.strip())


def _joined(text: str) -> Iterator[tuple[int, int, str]]:
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
        # The blank sees to it that a comment after a continued line is seen as one.
        parts.append(f" {line}" if is_comment else line)
        yield start, column, "".join(parts)
        parts = []
    if parts:
        yield start, column, "".join(parts)


def has_variable(text: str) -> bool:
    """Say whether pip would put an environment variable into a text."""
    return _VARIABLE.search(text) is not None


def _before_options(text: str) -> tuple[str, int]:
    """Split off the options: they begin with the first word that has a dash."""
    offset = 0
    for word in text.split(" "):
        if word.startswith("-"):
            break
        offset += len(word) + 1
    return text[:offset].rstrip(" "), min(offset, len(text))


class LineParser:
    """Reads logical lines; made once, because making an option parser is slow."""

    def __init__(self) -> None:
        self._options = OptionParser()

    def parse(self, text: str) -> Wish | Include | Options:
        """Read a logical line.

        Raises:
            MalformedLineError: Pip would refuse it.
        """
        requirement, offset = _before_options(text)
        given, words = self._options.read(text[offset:], offset)
        editables = [value for name, value in given if name == "editable"]
        if requirement or editables:
            return _wish(requirement, editables, given, words)
        for kind in INCLUDES:
            paths = [value for name, value in given if name == kind]
            if paths:
                return _include(kind, paths[0], given, words)
        return Options(
            given=_only(given, _SETTING),
            controls=_only(given, CONTROLS),
            ignored=_ignored(_but(given, _SETTING | CONTROLS), words),
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


def _wish(
    requirement: str,
    editables: list[str],
    given: list[tuple[str, str]],
    words: tuple[str, ...],
) -> Wish:
    # Of an editable requirement pip checks no hash.
    hashes = () if editables else _only(given, {"hash"})
    obeyed = {"config-settings"} if editables else {"config-settings", "hash"}
    rest = _but(given, obeyed | CONTROLS)
    if editables and not requirement:
        rest.remove(("editable", editables[0]))
    return Wish(
        text=requirement or editables[0],
        is_editable=bool(editables),
        hashes=tuple(value for _, value in hashes),
        settings=_only(given, {"config-settings"}),
        controls=_only(given, CONTROLS),
        ignored=_ignored(rest, words),
    )


def _include(
    kind: str, path: str, given: list[tuple[str, str]], words: tuple[str, ...]
) -> Include:
    rest = _but(given, CONTROLS)
    rest.remove((kind, path))
    return Include(
        path=path,
        is_constraint=kind == "constraint",
        controls=_only(given, CONTROLS),
        ignored=_ignored(rest, words),
    )


def _only(given: Iterable[tuple[str, str]], names: Collection[str]) -> Given:
    return tuple(option for option in given if option[0] in names)


def _but(
    given: Iterable[tuple[str, str]], names: Collection[str]
) -> list[tuple[str, str]]:
    return [option for option in given if option[0] not in names]


def _ignored(
    given: Iterable[tuple[str, str]], words: tuple[str, ...]
) -> tuple[str, ...]:
    return (*(f"--{name} {value}".rstrip() for name, value in given), *words)
