"""What people write in place of a requirement, each with what pip would read.

The parser of requirements names the grammar: "Expected semicolon (after name with no
version specifier) or end" is true and helps nobody who wrote a version of poetry's.
"""

import re
from typing import Final

__all__ = ["UNRESOLVED", "explain_misspelt", "explain_path", "find_conflict"]

UNRESOLVED: Final = (
    "this is a mark of a merge that was not resolved; keep one of the two sides and"
    " take the marks out"
)
"""About a line that git wrote where it could not merge."""

_CONFLICT: Final = re.compile(r"(?:<{7}|={7}|>{7}|\|{7})(?:\s.*)?")
_INSTALLER: Final = r"(?:pip3?|conda|mamba|uv pip)"
_NAME: Final = r"[A-Za-z0-9][\w.\-]*(?:\[[\w.\-, ]*\])?"

_OF_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/](?!/).*")
ELSEWHERE: Final = (
    "this is a path of a Windows machine, and a build has the repository alone; copy"
    " what you need into it, and write its path with /"
)
_PATHS: Final = (
    (
        re.compile(r"(?:(?:-e|--editable)[\s=]\s*[\"']?)?[A-Za-z]:[\\/](?!/).*"),
        ELSEWHERE,
    ),
    (
        re.compile(r"(?:-e|--editable)[\s=][^\\]*\\\w.*"),
        "pip reads no \\ in a path; write it with /",
    ),
    (
        re.compile(rf"{_NAME}\s*(?:[=<>~!]=?[^/]*)?\s/[/*].*"),
        "pip reads no comment after // or /*; write # before it",
    ),
    (
        re.compile(rf"{_NAME}\s*[=<>~!]=[^/]*\s/.*"),
        "a version is followed by nothing but a ; or a #",
    ),
)
"""What is taken for a path by its signs, and is none that is there."""

_MISSPELT: Final = (
    (_CONFLICT, UNRESOLVED),
    (_OF_WINDOWS, ELSEWHERE),
    (re.compile(rf"{_NAME}\s*=[<>].*"), "pip writes >= and <=, with the = at the end"),
    (re.compile(r"[\w.\-\[\], ]+=[^=]+"), "a single = is conda's; pip writes =="),
    (
        re.compile(rf"(?:[$>%!]\s*)?(?:python\S*\s+-m\s+)?{_INSTALLER}\s+install\s.*"),
        "this is a command; write the name of the package only",
    ),
    (
        re.compile(r"(?:import|from)\s+\w.*"),
        "this is Python; write the name of the package only",
    ),
    (
        re.compile(r"[\w.\-]+(?:\s+[\w.\-]+)+"),
        "pip takes one package a line, and a version after ==",
    ),
    (
        re.compile(rf"[*\u2022]\s+{_NAME}.*"),
        "a requirement begins with its name; take out what stands before it",
    ),
    (
        re.compile(r"(?:'.*'|\".*\"),?"),
        "pip reads no quotation marks here; take them out",
    ),
    (
        re.compile(rf"{_NAME}\s*(?:\^|~(?!=)).*"),
        "pip has no ^ and no ~ alone; write >=1.2,<2 or ~=1.2",
    ),
    (
        re.compile(rf"{_NAME}\s*==\s*(?:\*|latest|any)"),
        "for any version write the name alone, without ==",
    ),
    (
        re.compile(rf"{_NAME}\s*,[^;]*"),
        "pip takes one package a line, without commas",
    ),
    (re.compile(rf"{_NAME}\s*:.*"), "pip writes a version after ==, not after a colon"),
    (
        re.compile(rf"{_NAME}\s*\(\s*[\d.]+\s*\)"),
        "pip writes a version after ==, not in parentheses",
    ),
    (
        re.compile(r".*[\u201c\u201d\u2018\u2019\u2013\u2014\uff1d\u2265\u2264].*"),
        "a sign in it is typographic, as word processors write it; type it anew",
    ),
)
"""In this order: the first one that a line is wins."""


def explain_misspelt(text: str) -> str | None:
    """Explain a text that is no requirement; None for other faults."""
    return next((why for like, why in _MISSPELT if like.fullmatch(text)), None)


def explain_path(line: str) -> str | None:
    """Explain a line whose path is not there; None for a plain path."""
    return next((why for like, why in _PATHS if like.fullmatch(line)), None)


def find_conflict(raw: bytes) -> int | None:
    """Return the number of the first line that git wrote where it could not merge."""
    lines = raw.decode("utf-8", "replace").splitlines()
    marks = (at for at, line in enumerate(lines, 1) if line.startswith("<<<<<<<"))
    return next(marks, None)
