"""What a requirement asks for: a package by name, something local, something remote."""

import re
from dataclasses import dataclass
from typing import Final

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.definitions.requirements import MalformedLineError, Wish, has_variable

__all__ = ["Local", "Named", "Remote", "meant"]

MAX_REQUIREMENT: Final = 4096
"""Characters, without options; real ones have some hundreds at most."""

_URL: Final = re.compile(
    r"(?:https?|ftp|file|(?:git|hg|svn|bzr)(?:\+\w+)?):", re.IGNORECASE
)
_EXTRAS: Final = re.compile(r"(?P<path>[^\[\]]+)\[(?P<extras>[^\[\]]*)\]")
_ARCHIVES: Final = (
    ".whl",
    ".zip",
    ".tar",
    ".tar.gz",
    ".tgz",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tlz",
    ".tar.lz",
    ".tar.lzma",
)
_COMMIT: Final = re.compile(r"@[0-9a-f]{40}(?:[0-9a-f]{24})?(?:#|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A package by its name, from an index or a URL."""

    row: tuple[str, ...]
    """Equal for requirements that mean the same."""
    name: str
    marker: str = ""
    """When it is installed; always when empty."""
    moves: bool = False
    """It comes from a branch or tag of another repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A directory or archive by its path."""

    path: str
    """Absolute, or relative to where the installer runs."""
    row: tuple[str, ...]
    """Everything but the path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Something at a URL, or a text that only the build's environment completes."""

    row: tuple[str, ...]
    moves: bool


def meant(wish: Wish) -> Named | Local | Remote:
    """Say what a requirement asks for, as pip decides it.

    Raises:
        MalformedLineError: Pip would refuse it.
    """
    if len(wish.text) > MAX_REQUIREMENT:
        raise MalformedLineError("the requirement is too long")
    try:
        return _meant(wish)
    except RecursionError:
        raise MalformedLineError("its marker is nested too deeply") from None


def _meant(wish: Wish) -> Named | Local | Remote:
    if has_variable(wish.text):
        return Remote(row=("variable", wish.text), moves=True)
    is_url = _URL.match(wish.text) is not None
    if not is_url and _is_direct_reference(wish.text):
        return _named(wish.text)
    if wish.is_editable or is_url or _is_path(wish.text):
        return _located(wish.text, is_url=is_url)
    return _named(wish.text)


def _located(text: str, *, is_url: bool) -> Local | Remote:
    where, _, condition = text.partition("; " if is_url else ";")
    condition = _marker(condition, offset=len(where) + 1)
    if is_url and not where.lower().startswith("file:"):
        return Remote(row=("url", where.strip(), condition), moves=_moves(where))
    match = _EXTRAS.fullmatch(where.strip())
    path, extras = (match["path"], match["extras"]) if match else (where.strip(), "")
    return Local(path=_file_path(path), row=("local", _names(extras), condition))


def _named(text: str) -> Named | Local:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as exc:
        raise _refused(text, exc) from exc
    url = requirement.url or ""
    row = (
        canonicalize_name(requirement.name),
        ",".join(sorted(canonicalize_name(extra) for extra in requirement.extras)),
        ",".join(sorted(str(part) for part in requirement.specifier)),
        str(requirement.marker or ""),
    )
    if url.lower().startswith("file:"):
        return Local(path=_file_path(url), row=("named", *row))
    return Named(
        row=("named", *row, url), name=row[0], marker=row[3], moves=_moves(url)
    )


def _refused(text: str, exc: InvalidRequirement) -> MalformedLineError:
    span = getattr(exc.__cause__, "span", None)
    offset = span[0] if isinstance(span, tuple) and span else 0
    why = str(exc).splitlines()[0]
    if re.fullmatch(r"[\w.\-\[\], ]+=[^=]+", text):
        why = "a single = is conda's; pip writes =="
    return MalformedLineError(why, offset=offset)


def _marker(condition: str, *, offset: int) -> str:
    if not condition.strip():
        return ""
    try:
        return str(Marker(condition.strip()))
    except InvalidMarker as exc:
        raise MalformedLineError(str(exc).splitlines()[0], offset=offset) from exc


def _is_direct_reference(text: str) -> bool:
    """Say whether a text is `name @ url` and not a path with an @ in it."""
    name, at, _ = text.partition("@")
    return bool(at) and "/" not in name and not name.startswith(".")


def _is_path(text: str) -> bool:
    where = text.partition(";")[0].strip()
    where = where.partition("[")[0]
    return "/" in where or where.startswith(".") or where.lower().endswith(_ARCHIVES)


def _file_path(where: str) -> str:
    """Take a `file:` URL for its path; the fragment only names what is there."""
    if not where.lower().startswith("file:"):
        return where
    return where[len("file:") :].partition("#")[0]


def _names(extras: str) -> str:
    return ",".join(
        sorted(canonicalize_name(it.strip()) for it in extras.split(",") if it.strip())
    )


def _moves(url: str) -> bool:
    return url.lower().startswith(("git", "hg", "svn", "bzr")) and not _COMMIT.search(
        url
    )
