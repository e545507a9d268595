"""What poetry accepts as the version of a dependency.

https://python-poetry.org/docs/1.8/dependency-specification/#version-constraints
"""

import re
from typing import Final

from packaging.markers import InvalidMarker, Marker
from packaging.version import VERSION_PATTERN, InvalidVersion, Version

__all__ = ["is_constraint", "is_marker", "is_version"]

MAX_LENGTH: Final = 400
"""Characters; a longer one is no work of a person, and nobody says what it is."""

_FLAGS: Final = re.VERBOSE | re.IGNORECASE
_ONE: Final = re.compile(
    rf"""(?:
        v?[x*](?:\.[x*])*
      | (?:\^|~=|~)\s*{VERSION_PATTERN.replace("?P<", "?P<c_")}
      | (?:!=|==)?v?\d+(?:\.\d+){{0,2}}(?:\.[x*])+
      | (?:<>|!=|>=?|<=?|==?)?\s*(?:{VERSION_PATTERN}|dev)(?:\.\*)?
    )(?=[\s,]|$)""",
    _FLAGS,
)
_OLD_SERIES: Final = re.compile(r"\d\.x(?![\w.])", re.IGNORECASE)
"""`1.x` for `1.*`, which version 2 does not read any more."""
_BETWEEN: Final = re.compile(r"\s*,\s*|\s+")


def is_version(text: str) -> bool:
    """Say whether a project may have this version."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def is_constraint(text: str, *, major: int) -> bool:
    """Say whether poetry of a major version can parse a version constraint."""
    if len(text) > MAX_LENGTH:
        return True
    if major > 1 and _OLD_SERIES.search(text):
        return False
    return all(_is_range(part.strip()) for part in re.split(r"\|\|?", text.strip()))


def _is_range(text: str) -> bool:
    text = text.rstrip(",").rstrip()
    place = 0
    while True:
        match = _ONE.match(text, place)
        if match is None:
            return False
        if match.end() == len(text):
            return True
        between = _BETWEEN.match(text, match.end())
        if between is None:
            return False
        place = between.end()


def is_marker(text: str) -> bool:
    """Say whether a marker can be parsed; an empty one is none."""
    if not text or len(text) > MAX_LENGTH:
        return True
    try:
        Marker(text)
    except InvalidMarker:
        return False
    return True
