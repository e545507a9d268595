"""The encoding of a requirements file, found as pip finds it.

https://pip.pypa.io/en/stable/reference/requirements-file-format/#encoding
"""

import codecs
import re
from contextlib import suppress
from typing import Final

__all__ = ["UndecodableError", "UnreadEncodingError", "decode"]

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    # UTF-32's little-endian mark begins with UTF-16's: it has to be looked for first.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING: Final = re.compile(rb"coding[:=]\s*([-\w.]+)")
_UNREAD: Final = frozenset({"idna", "punycode", "unicode-escape"})
"""Encodings that pip reads. Here they take quadratic time, or warn at every escape."""


class UndecodableError(Exception):
    """Pip cannot decode the file either.

    Attributes:
        line: The line that is at fault; None where bytes have no lines.
    """

    def __init__(self, why: str, line: int | None) -> None:
        super().__init__(why)
        self.line = line


class UnreadEncodingError(Exception):
    """The file declares an encoding that pip reads, and this reader does not.

    Attributes:
        line: The line that declares it.
    """

    def __init__(self, name: str, line: int) -> None:
        super().__init__(name)
        self.line = line


def decode(raw: bytes) -> str:
    """Decode a requirements file: by its mark, by its comment, or as UTF-8.

    Raises:
        UndecodableError: Pip would fail.
        UnreadEncodingError: Pip would not, and the file is not read.
    """
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return _decoded(raw[len(mark) :], encoding, has_lines=encoding == "utf-8")
    for number, line in enumerate(raw.split(b"\n", 2)[:2], start=1):
        claim = _CODING.search(line) if line.startswith(b"#") else None
        if claim is not None:
            return _declared(raw, claim[1].decode("ascii", "replace"), number)
    return _decoded(raw, "UTF-8")


def _declared(raw: bytes, name: str, number: int) -> str:
    """Decode a file by the encoding that one of its first two lines declares."""
    try:
        known = codecs.lookup(name).name
        with suppress(UnicodeError):
            b"a".decode(name)  # refused where it is no encoding of texts
    except LookupError as exc:
        raise UndecodableError(
            f"it declares the encoding {name}, which Python has not for texts; write"
            " # coding: utf-8",
            number,
        ) from exc
    if known in _UNREAD:
        raise UnreadEncodingError(name, number)
    return _decoded(raw, name)


def _decoded(raw: bytes, encoding: str, *, has_lines: bool = True) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1 if has_lines else None
        raise UndecodableError(f"it is no text in {encoding}", line) from exc
    except UnicodeError as exc:
        raise UndecodableError(f"it is no text in {encoding}", None) from exc
