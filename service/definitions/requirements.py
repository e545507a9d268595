"""Pip's requirements file format, line by line.

https://pip.pypa.io/en/stable/reference/requirements-file-format/

The steps and their order are pip's own: join continued lines, strip comments, split off
options, and let an option parser read them. Nothing here knows of other files.
"""

import codecs
import optparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

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

MAX_OPTIONS: Final = 64 * 1024
"""Characters on a line: 200 hashes have 16,000. Splitting them takes quadratic time."""

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
    {"utf-8", "utf-8-sig", "ascii", "iso8859-1", "iso8859-15", "cp1252"}
)
"""What people claim. Some of the others take quadratic time, or are no encodings."""
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*$")
"""Pip's `(^|\\s+)#.*$`, without its quadratic time on long runs of blanks."""
_VARIABLE: Final = re.compile(r"\$\{[A-Z0-9_]+\}")


class MalformedLineError(ValueError):
    """A line that pip refuses.

    Args:
        message: What is wrong with it.
        offset: Where in the line, counted from 0.
    """

    def __init__(self, message: str, *, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One logical line, without its comment."""

    number: int
    """Of its first physical line, counted from 1."""
    column: int
    """Where it begins there, counted from 1."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Something to install."""

    text: str
    """The requirement without its options."""
    is_editable: bool = False
    hashes: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    """Every other option on its line, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """Another file that is read in this place."""

    path: str
    is_constraint: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a line says about the whole installation."""

    includes: tuple[Include, ...] = ()
    ordered: tuple[tuple[str, str], ...] = ()
    """Options whose order matters, such as those about indexes."""
    flags: frozenset[tuple[str, str]] = frozenset()
    """Options that are either given or not."""


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


_VALUED: Final[dict[str, tuple[str, ...]]] = {
    "index-url": ("-i", "--index-url", "--pypi-url"),
    "extra-index-url": ("--extra-index-url",),
    "find-links": ("-f", "--find-links"),
    "no-binary": ("--no-binary",),
    "only-binary": ("--only-binary",),
    "all-releases": ("--all-releases",),
    "only-final": ("--only-final",),
    "trusted-host": ("--trusted-host",),
    "use-feature": ("--use-feature",),
    "requirement": ("-r", "--requirement"),
    "constraint": ("-c", "--constraint"),
    "editable": ("-e", "--editable"),
    "hash": ("--hash",),
    "config-settings": ("-C", "--config-setting", "--config-settings"),
    "global-option": ("--global-option",),
}
_FLAGS: Final[dict[str, tuple[str, ...]]] = {
    "no-index": ("--no-index",),
    "pre": ("--pre",),
    "prefer-binary": ("--prefer-binary",),
    "require-hashes": ("--require-hashes",),
    "no-require-hashes": ("--no-require-hashes",),
}
_ORDERED: Final = frozenset(
    {
        "index-url",
        "extra-index-url",
        "no-index",
        "find-links",
        "no-binary",
        "only-binary",
        "all-releases",
        "only-final",
    }
)
"""Each of these adds to or undoes the ones before it."""
_INCLUDES: Final = frozenset({"requirement", "constraint"})
_UNFLAGGED: Final = _ORDERED | _INCLUDES | {"hash"}
"""A hash without a requirement is ignored."""


class _OptionParser(optparse.OptionParser):
    """Notes options in the order in which they are given; never prints or exits."""

    def __init__(self) -> None:
        super().__init__(add_help_option=False, usage="")
        self.seen: list[tuple[str, str]] = []
        for name, spellings in _VALUED.items():
            self.add_option(
                *spellings,
                action="callback",
                callback=self._note,
                type="string",
                metavar=name,
            )
        for name, spellings in _FLAGS.items():
            self.add_option(
                *spellings, action="callback", callback=self._note, metavar=name
            )

    def error(self, msg: str) -> NoReturn:
        raise MalformedLineError(msg)

    def _note(
        self,
        option: optparse.Option,
        _spelling: str,
        value: str | None,
        _parser: optparse.OptionParser,
    ) -> None:
        self.seen.append((str(option.metavar), value or ""))


class LineParser:
    """Reads logical lines; made once, because making an option parser is slow."""

    def __init__(self) -> None:
        self._parser = _OptionParser()

    def parse(self, text: str) -> Wish | Options:
        """Read a logical line.

        Raises:
            MalformedLineError: Pip would refuse it.
        """
        requirement, offset = _before_options(text)
        given = self._options(text[offset:], offset)
        editables = [value for name, value in given if name == "editable"]
        if requirement or editables:
            return _wish(requirement, editables, given)
        return _setting(given)

    def _options(self, text: str, offset: int) -> list[tuple[str, str]]:
        if not text:
            return []
        if len(text) > MAX_OPTIONS:
            raise MalformedLineError("the options are too long", offset=offset)
        self._parser.seen = []
        try:
            self._parser.parse_args(shlex.split(text))
        except MalformedLineError as exc:
            raise MalformedLineError(str(exc), offset=offset) from exc
        except ValueError as exc:
            raise MalformedLineError(
                f"the options cannot be split: {exc}", offset=offset
            ) from exc
        return self._parser.seen


def _wish(requirement: str, editables: list[str], given: list[tuple[str, str]]) -> Wish:
    return Wish(
        text=requirement or editables[0],
        is_editable=not requirement,
        hashes=tuple(value for name, value in given if name == "hash"),
        settings=tuple(it for it in given if it[0] not in {"hash", "editable"}),
    )


def _setting(given: list[tuple[str, str]]) -> Options:
    return Options(
        includes=tuple(
            Include(path=value, is_constraint=name == "constraint")
            for name, value in given
            if name in _INCLUDES
        ),
        ordered=tuple(it for it in given if it[0] in _ORDERED),
        flags=frozenset(it for it in given if it[0] not in _UNFLAGGED),
    )
