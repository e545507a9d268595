"""What a requirement asks for: a package by name, something local, something remote."""

import re
from dataclasses import dataclass
from typing import Final

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name, canonicalize_version

from service.definitions.requirements import MalformedLineError, Wish, has_variable

__all__ = ["Local", "Named", "Remote", "is_archive", "meant"]

MAX_REQUIREMENT: Final = 4096
"""Characters, without options; real ones have some hundreds at most."""

_VCS: Final = re.compile(
    r"(?:git\+(?:https?|ssh|git|file)|hg\+(?:https?|ssh|file|static-http)"
    r"|svn\+(?:https?|ssh|svn|file)|bzr\+(?:https?|ssh|s?ftp|lp|file)):",
    re.IGNORECASE,
)
_URL: Final = re.compile(rf"(?:https?|ftp|file):|{_VCS.pattern}", re.IGNORECASE)
_BARE_VCS: Final = re.compile(r"(?:git|hg|svn|bzr|ssh)://|git@[\w.-]+:", re.IGNORECASE)
_EXTRAS: Final = re.compile(r"(?P<path>.+)\[(?P<extras>[^\[\]]+)\]")
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
_EGG: Final = re.compile(r"[#&]egg=(?P<name>[^&]*)")
_PROJECT: Final = re.compile(r"[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE)
_WHEEL: Final = re.compile(r"(?:^|/)(?P<name>[^/#?-]+)-[^/#?]*\.whl(?:[#?]|$)")


_ANY: Final = SpecifierSet()


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A package by its name, from an index or a URL."""

    row: tuple[str, ...]
    """Equal for requirements that mean the same."""
    name: str
    extras: str = ""
    versions: SpecifierSet = _ANY
    url: str = ""
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
    url: str = ""
    """As it was written, where it is a URL."""
    name: str = ""
    extras: str = ""
    marker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Something at a URL, or a text that only the build's environment completes."""

    row: tuple[str, ...]
    moves: bool
    url: str = ""
    """Empty when it depends on the environment."""
    name: str = ""
    marker: str = ""


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


def is_archive(path: str) -> bool:
    """Say whether pip takes a path for an archive."""
    return path.lower().endswith(_ARCHIVES)


def _meant(wish: Wish) -> Named | Local | Remote:
    if has_variable(wish.text):
        return Remote(row=("variable", wish.text), moves=True)
    if wish.is_editable:
        return _editable(wish.text)
    if _URL.match(wish.text) is not None:
        where, _, condition = wish.text.partition("; ")
        return _at_url(where.strip(), _marker(condition, offset=len(where) + 2))
    if _BARE_VCS.match(wish.text):
        raise MalformedLineError(
            "pip installs from a repository by a URL such as git+https://…"
        )
    where, _, condition = wish.text.partition(";")
    condition = _marker(condition, offset=len(where) + 1)
    if not _is_direct_reference(where) and _is_path(where.strip()):
        return _at_path(where.strip(), condition)
    return _named(where.strip(), condition)


def _editable(text: str) -> Local | Remote | Named:
    """Read what stands after -e: a project by its path, or a repository."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        requirement = None
    if requirement is not None and requirement.url:
        _check_editable(requirement.url)
        return _named(text, "")
    if re.match(r"(?:git|hg|svn|bzr):", text, re.IGNORECASE):
        text = f"{text.partition(':')[0]}+{text}"  # as pip does
    if _VCS.match(text):
        if not _egg(text):
            raise MalformedLineError(
                "pip cannot tell the name of an editable requirement from this URL;"
                " write -e NAME @ URL"
            )
        return _at_url(text, "")
    if _URL.match(text) and not text.lower().startswith("file:"):
        _check_editable(text)
    match = _EXTRAS.fullmatch(text)
    path, extras = (match["path"].rstrip(), match["extras"]) if match else (text, "")
    return _local(path, extras, "")


def _check_editable(url: str) -> None:
    if not _VCS.match(url) and not url.startswith("file:"):
        raise MalformedLineError(
            "-e is followed by a local project or by the URL of a repository, such as"
            " git+https://…; leave out -e to install an archive"
        )


def _at_url(where: str, condition: str) -> Local | Remote:
    if where.lower().startswith("file:"):
        match = _EXTRAS.fullmatch(where)
        path, extras = (match["path"], match["extras"]) if match else (where, "")
        return _local(path, extras, condition)
    return Remote(
        row=("url", where, condition),
        moves=_moves(where),
        url=where,
        name=_egg(where),
        marker=condition,
    )


def _at_path(where: str, condition: str) -> Local:
    match = _EXTRAS.fullmatch(where)
    path, extras = (match["path"].rstrip(), match["extras"]) if match else (where, "")
    return _local(path, extras, condition)


def _local(path: str, extras: str, condition: str) -> Local:
    is_url = path.lower().startswith("file:")
    return Local(
        path=_file_path(path),
        row=("local", _names(extras), condition),
        url=path if is_url else "",
        name=_egg(path),
        extras=extras,
        marker=condition,
    )


def _named(text: str, condition: str) -> Named | Local:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as exc:
        raise _refused(text, exc) from exc
    url = requirement.url or ""
    if url and not has_variable(url) and not _URL.match(url):
        raise MalformedLineError(
            "what follows the @ is no URL that pip can fetch, such as https://… or"
            " git+https://…",
            offset=text.index("@"),
        )
    _egg(url)
    marker = condition or str(requirement.marker or "")
    extras = ",".join(sorted(canonicalize_name(extra) for extra in requirement.extras))
    name = canonicalize_name(requirement.name)
    versions = ",".join(sorted(_normal(part) for part in requirement.specifier))
    row = (name, extras, versions, marker)
    if url.lower().startswith("file:"):
        return Local(
            path=_file_path(url),
            row=("named", *row),
            url=url,
            name=name,
            extras=extras,
            marker=marker,
        )
    return Named(
        row=("named", *row, url),
        name=name,
        extras=extras,
        versions=requirement.specifier,
        url=url,
        marker=marker,
        moves=_moves(url),
    )


def _normal(part: Specifier) -> str:
    """Write 1.0 and 1.0.0 alike where they are the same version."""
    if part.operator in {"===", "~="} or part.version.endswith(".*"):
        return str(part)
    return f"{part.operator}{canonicalize_version(part.version)}"


def _refused(text: str, exc: InvalidRequirement) -> MalformedLineError:
    span = getattr(exc.__cause__, "span", None)
    offset = span[0] if isinstance(span, tuple) and span else 0
    why = str(exc).splitlines()[0]
    if re.fullmatch(r"[\w.\-\[\], ]+=[^=]+", text):
        why = "a single = is conda's; pip writes =="
    elif re.match(
        r"(?:!?\s*(?:python\S*\s+-m\s+)?pip3?|conda|mamba)\s+install\s", text
    ):
        why = "this is a command; write the name of the package only"
    elif re.match(r"(?:import|from)\s+\w", text):
        why = "this is Python; write the name of the package only"
    elif re.fullmatch(r"[\w.\-]+(?:\s+[\w.\-]+)+", text):
        why = "pip takes one package a line, and a version after =="
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


def _is_path(where: str) -> bool:
    match = _EXTRAS.fullmatch(where)
    path = match["path"].rstrip() if match else where
    return "/" in where or where.startswith(".") or is_archive(path)


def _egg(where: str) -> str:
    """Return the name that a URL or a path tells pip; empty when it tells none."""
    if match := _WHEEL.search(where):
        return canonicalize_name(match["name"])
    match = _EGG.search(where)
    if match is None:
        return ""
    if not _PROJECT.fullmatch(match["name"]):
        raise MalformedLineError(
            "what follows egg= is no name; versions and extras are written before the"
            " URL, as in NAME[EXTRA] @ URL"
        )
    return canonicalize_name(match["name"])


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
