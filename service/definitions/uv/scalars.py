"""The texts in uv's files that are more than texts: names, URLs, markers, times.

Each type refuses what uv refuses, which was tried with uv itself, and gives the reason.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Final

from packaging import requirements
from packaging.markers import InvalidMarker, Marker as PackagingMarker
from packaging.requirements import InvalidRequirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version as PackagingVersion
from pydantic import AfterValidator, Field, PlainValidator
from pydantic_core import Url as AnyUrl

__all__ = [
    "Glob",
    "IndexLocation",
    "IndexName",
    "Marker",
    "Name",
    "Names",
    "Newer",
    "Requirement",
    "Requirements",
    "Specifiers",
    "Url",
    "Version",
    "Workspace",
    "is_name",
    "parse_requirement",
]

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?", re.ASCII)
"""https://packaging.python.org/en/latest/specifications/name-normalization/"""
_SPAN: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}.*|P.+|\s*\d+\s*(?:years?|months?|weeks?|days?|hours?|minutes?"
    r"|seconds?|[ymwdhs]|mo|hrs?|mins?|secs?)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_ANYWHERE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\$]")
"""How a URL begins, or a path that is absolute, or a variable that may be either."""
_CLASS: Final = re.compile(r"\[(?:!.[^\]]*|[^!][^\]]*)\]", re.DOTALL)
_STARS: Final = re.compile(r"\*{2,}")
_RECURSIVE: Final = 2
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_name(value: str) -> bool:
    """Return whether a text names a package, an extra or a group."""
    return _NAME.fullmatch(value) is not None


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError("expected a name of letters, digits, -, _ and .")
    return value


def _index_name(value: str) -> str:
    if re.search(r"[^A-Za-z0-9._-]", value):
        raise ValueError("expected a name of letters, digits, -, _ and . alone")
    return value


def _url(value: str) -> str:
    try:
        # The parser of uv, which reads URLs by https://url.spec.whatwg.org/, too.
        AnyUrl(value.removeprefix("git+"))
    except ValueError:
        raise ValueError(
            "expected a URL with its scheme, such as https://… or ssh://…"
        ) from None
    return value


def _index_location(value: str) -> str:
    return _url(value) if _SCHEME.match(value) else value


def _newer(value: object) -> object:
    given = value.get("timestamp") if isinstance(value, Mapping) else value
    if value is False or (isinstance(given, str) and _SPAN.fullmatch(given)):
        return value
    raise ValueError("expected a date such as 2026-01-31, or a time such as 3 days")


def _workspace(value: object) -> str | bool:
    if isinstance(value, str | bool):
        return value
    raise ValueError("expected true, or the path of a workspace")


def _find_glob_fault(pattern: str) -> str:
    """Return why uv cannot read a pattern of workspace members; empty when it can.

    https://docs.rs/glob/latest/glob/struct.Pattern.html
    """
    # A class may hold any character, so that stars and brackets in it mean nothing.
    rest = _CLASS.sub("x", pattern)
    if "[" in rest:
        return "[ without its ]"
    for stars in _STARS.finditer(rest):
        if len(stars[0]) > _RECURSIVE:
            return "*** is neither * nor **"
        around = rest[: stars.start()][-1:] + rest[stars.end() :][:1]
        if around.strip("/"):
            return "** has to stand alone between slashes"
    return ""


def _glob(value: str) -> str:
    fault = _find_glob_fault(value)
    if fault:
        raise ValueError(f"it is no pattern: {fault}")
    return value


def _read(
    parse: Callable[[str], object], refusal: type[ValueError], kind: str
) -> Callable[[str], str]:
    """Return a validator that lets a parser of `packaging` read a text."""

    def validate(value: str) -> str:
        try:
            parse(value)
        except refusal as exc:
            raise ValueError(f"it is no {kind}: {str(exc).splitlines()[0]}") from exc
        return value

    return validate


@lru_cache(maxsize=1024)
def _marker(value: str) -> PackagingMarker:
    """Parse a marker; a lock repeats each of its markers for many dependencies."""
    return PackagingMarker(value)


def parse_requirement(value: str) -> requirements.Requirement:
    """Parse a requirement where uv reads it before it knows a directory.

    Raises:
        InvalidRequirement: It is none, or names a path that is relative to something.
    """
    parsed = requirements.Requirement(value)
    if parsed.url and not _ANYWHERE.match(parsed.url):
        raise InvalidRequirement(f"{parsed.url} is no URL; a path belongs in sources")
    return parsed


Name = Annotated[str, AfterValidator(_name)]
Names = list[Name]
IndexName = Annotated[str, AfterValidator(_index_name)]
Url = Annotated[str, AfterValidator(_url)]
IndexLocation = Annotated[str, Field(min_length=1), AfterValidator(_index_location)]
"""A URL, or the path of a directory."""
Glob = Annotated[str, AfterValidator(_glob)]
Newer = Annotated[object, PlainValidator(_newer)]
Workspace = Annotated[str | bool, PlainValidator(_workspace)]
Requirement = Annotated[
    str,
    AfterValidator(_read(parse_requirement, InvalidRequirement, "requirement")),
]
Requirements = list[Requirement]
Marker = Annotated[str, AfterValidator(_read(_marker, InvalidMarker, "marker"))]
Specifiers = Annotated[
    str, AfterValidator(_read(SpecifierSet, InvalidSpecifier, "version specifier"))
]
Version = Annotated[
    str, AfterValidator(_read(PackagingVersion, InvalidVersion, "version"))
]
