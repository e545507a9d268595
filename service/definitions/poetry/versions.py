"""Syntax of versions and constraints in poetry.

https://python-poetry.org/docs/1.8/dependency-specification/#version-constraints
"""

import re
from typing import Final

from packaging.markers import InvalidMarker, Marker
from packaging.version import VERSION_PATTERN, Version

__all__ = ["is_constraint", "is_marker", "is_platform", "is_version"]

MAX_LENGTH: Final = 400
"""Characters; longer constraints are not checked, and accepted."""

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
"""`1.x` for `1.*`, which version 2 no longer accepts."""
_BETWEEN: Final = re.compile(r"\s*,\s*|\s+")


def is_version(text: str) -> bool:
    """Return whether a text is a valid version of a project."""
    try:
        Version(text)
    except ValueError:  # also of a number with too many digits
        return False
    return True


def is_constraint(text: str, *, major: int) -> bool:
    """Return whether poetry of a major version can parse a version constraint."""
    if len(text) > MAX_LENGTH:
        return True
    if major > 1 and _OLD_SERIES.search(text):
        return False
    return all(_is_range(part.strip()) for part in re.split(r"\|\|?", text.strip()))


def _is_range(text: str) -> bool:
    text = text.rstrip(",").rstrip()
    position = 0
    while True:
        match = _ONE.match(text, position)
        if match is None:
            return False
        if match.end() == len(text):
            return True
        between = _BETWEEN.match(text, match.end())
        if between is None:
            return False
        position = between.end()


def is_platform(text: str, *, major: int) -> bool:
    """Return whether the platform of a dependency is valid; an empty one is.

    Alternatives are separated by |. Within one, version 1 separates by blanks, too, and
    what contradicts itself is refused.
    """
    if not text or len(text) > MAX_LENGTH:
        return True
    between = _AND_OF_MAJOR.get(major, _AND)
    ways = re.split(r"\s*\|\|?\s*", text.strip())
    return all(_is_possible(between.split(way)) for way in ways)


_AND: Final = re.compile(r"\s*,\s*")
_AND_OF_MAJOR: Final = {
    1: re.compile(r"(?<!^)(?<![=>< ,]) *(?<!-)[, ](?!-) *(?!,|$)"),
}
_PLATFORM: Final = re.compile(r"(?P<operator>!=|={1,2}(?=.))?\s*(?P<value>.+?)\s*")


def _is_possible(parts: list[str]) -> bool:
    """Return whether a platform can be all that the parts ask for."""
    matches = [_PLATFORM.fullmatch(part) for part in parts]
    named = [match for match in matches if match]
    excluded = {part["value"] for part in named if part["operator"] == "!="}
    wanted = {part["value"] for part in named if part["operator"] != "!="}
    return all(matches) and len(wanted) < 2 and not wanted & excluded  # noqa: PLR2004


def is_marker(text: str) -> bool:
    """Return whether a marker is valid; an empty one is, and two texts of poetry's."""
    if text in {"", "*", "<empty>"} or len(text) > MAX_LENGTH:
        return True
    try:
        Marker(text)
    except InvalidMarker:
        return False
    return True
