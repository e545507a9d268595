"""Requirements by kind: a named package, a local path, or a remote URL."""

import re
from dataclasses import dataclass
from typing import Final

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name, canonicalize_version

from service.definitions.declared import check_answerable
from service.definitions.pip.requirement_urls import (
    EXTRAS,
    URL,
    VCS,
    check_url,
    egg_name,
    file_path,
    is_path,
    moves,
)
from service.definitions.pip.requirements_txt import (
    MalformedLineError,
    RequirementLine,
    has_variable,
)
from service.definitions.python.misspelt import explain_misspelt

__all__ = ["Local", "NamedRequirement", "RemoteRequirement", "parse_requirement"]

MAX_REQUIREMENT: Final = 4096
"""Characters without options; real ones have some hundreds at most."""

_BARE_VCS: Final = re.compile(r"(?:git|hg|svn|bzr|ssh)://|git@[\w.-]+:", re.IGNORECASE)


_ANY: Final = SpecifierSet()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRequirement:
    """A package by name, from an index or a URL."""

    row: tuple[str, ...]
    """The meaning: equal for equivalent requirements."""
    name: str
    extras: str = ""
    versions: SpecifierSet = _ANY
    url: str = ""
    marker: str = ""
    """The environment marker; empty for none."""
    moves: bool = False
    """Whether it comes from a branch or tag, which may move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A directory or archive by path."""

    path: str
    """Absolute, or relative to the installer's working directory."""
    row: tuple[str, ...]
    """The meaning without the path."""
    url: str = ""
    """The `file:` URL, if it was written as one."""
    name: str = ""
    extras: str = ""
    marker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRequirement:
    """A package at a URL, or a text with environment variables."""

    row: tuple[str, ...]
    moves: bool
    url: str = ""
    """Empty when it has environment variables."""
    name: str = ""
    marker: str = ""
    is_incomplete: bool = False
    """Whether pip refuses the text unless the environment fills in its variables."""


ParsedRequirement = NamedRequirement | Local | RemoteRequirement


def parse_requirement(
    line: RequirementLine,
) -> ParsedRequirement:
    """Parse a requirement, in the order of pip's own checks.

    Raises:
        MalformedLineError: Pip would refuse it.
    """
    if len(line.text) > MAX_REQUIREMENT:
        raise MalformedLineError("the requirement is too long")
    try:
        requirement = _parse_kind(line)
        if why := check_answerable(requirement.marker):
            raise MalformedLineError(f"{requirement.marker} {why}")
    except RecursionError:
        raise MalformedLineError("its marker is nested too deeply") from None
    return requirement


def _parse_kind(line: RequirementLine) -> ParsedRequirement:
    if has_variable(line.text):
        is_refused = _is_refused(line)
        return RemoteRequirement(
            row=("variable", line.text), moves=not is_refused, is_incomplete=is_refused
        )
    return _parse_text(line)


def _is_refused(line: RequirementLine) -> bool:
    """Return whether pip refuses a text as it stands, as with variables not set.

    A path with such a sign in it is taken for one that is not there.
    """
    try:
        parsed = _parse_text(line)
    except MalformedLineError:
        return True
    return isinstance(parsed, Local) and not parsed.url


def _parse_text(line: RequirementLine) -> ParsedRequirement:
    if line.is_editable:
        return _editable(line.text)
    if URL.match(line.text) is not None:
        where, _, condition = line.text.partition("; ")
        return _at_url(where.strip(), _marker(condition, offset=len(where) + 2))
    if _BARE_VCS.match(line.text):
        raise MalformedLineError(
            "pip installs from a repository by a URL such as git+https://…"
        )
    where, _, condition = line.text.partition(";")
    condition = _marker(condition, offset=len(where) + 1)
    if not _is_direct_reference(where) and is_path(where.strip()):
        return _at_path(where.strip(), condition)
    return _named(where.strip(), condition)


def _editable(text: str) -> Local | RemoteRequirement | NamedRequirement:
    """Parse the value of -e: a local project or a repository."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        requirement = None
    if requirement is not None and requirement.url:
        _check_editable(requirement.url)
        return _named(text, "")
    if re.match(r"(?:git|hg|svn|bzr):", text, re.IGNORECASE):
        text = f"{text.partition(':')[0]}+{text}"  # as pip does
    if VCS.match(text):
        if not egg_name(text):
            raise MalformedLineError(
                "this URL does not give pip the name of the editable requirement;"
                " write -e NAME @ URL"
            )
        return _at_url(text, "")
    if URL.match(text) and not text.lower().startswith("file:"):
        _check_editable(text)
    match = EXTRAS.fullmatch(text)
    path, extras = (match["path"].rstrip(), match["extras"]) if match else (text, "")
    return _local(path, extras, "")


def _check_editable(url: str) -> None:
    if not VCS.match(url) and not url.startswith("file:"):
        raise MalformedLineError(
            "-e is followed by a local project or by the URL of a repository, such as"
            " git+https://…; leave out -e to install an archive"
        )


def _at_url(where: str, condition: str) -> Local | RemoteRequirement:
    if where.lower().startswith("file:"):
        match = EXTRAS.fullmatch(where)
        path, extras = (match["path"], match["extras"]) if match else (where, "")
        return _local(path, extras, condition)
    check_url(where)
    return RemoteRequirement(
        row=("url", where, condition),
        moves=moves(where),
        url=where,
        name=egg_name(where),
        marker=condition,
    )


def _at_path(where: str, condition: str) -> Local:
    match = EXTRAS.fullmatch(where)
    path, extras = (match["path"].rstrip(), match["extras"]) if match else (where, "")
    return _local(path, extras, condition)


def _local(path: str, extras: str, condition: str) -> Local:
    is_url = path.lower().startswith("file:")
    return Local(
        path=file_path(path),
        row=("local", _names(extras), condition),
        url=path if is_url else "",
        name=egg_name(path),
        extras=extras,
        marker=condition,
    )


def _named(text: str, condition: str) -> NamedRequirement | Local:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as exc:
        raise _explain_refusal(text, exc) from exc
    url = requirement.url or ""
    if url and not has_variable(url) and not URL.match(url):
        raise MalformedLineError(
            "what follows the @ is no URL that pip can fetch, such as https://… or"
            " git+https://…",
            offset=text.index("@"),
        )
    check_url(url)
    egg_name(url)
    marker = condition or str(requirement.marker or "")
    extras = ",".join(sorted(canonicalize_name(extra) for extra in requirement.extras))
    name = canonicalize_name(requirement.name)
    versions = ",".join(sorted(_normal(part) for part in requirement.specifier))
    row = (name, extras, versions, marker)
    if url.lower().startswith("file:"):
        return Local(
            path=file_path(url),
            row=("named", *row),
            url=url,
            name=name,
            extras=extras,
            marker=marker,
        )
    return NamedRequirement(
        row=("named", *row, url),
        name=name,
        extras=extras,
        versions=requirement.specifier,
        url=url,
        marker=marker,
        moves=moves(url),
    )


def _normal(part: Specifier) -> str:
    """Normalize a specifier: 1.0 equals 1.0.0, except for === and ~=."""
    if part.operator in {"===", "~="} or part.version.endswith(".*"):
        return str(part)
    return f"{part.operator}{canonicalize_version(part.version)}"


def _explain_refusal(text: str, exc: InvalidRequirement) -> MalformedLineError:
    span = getattr(exc.__cause__, "span", None)
    offset = span[0] if isinstance(span, tuple) and span else 0
    why = explain_misspelt(text) or str(exc).splitlines()[0]
    return MalformedLineError(why, offset=offset)


def _marker(condition: str, *, offset: int) -> str:
    if not condition.strip():
        return ""
    try:
        return str(Marker(condition.strip()))
    except InvalidMarker as exc:
        raise MalformedLineError(str(exc).splitlines()[0], offset=offset) from exc


def _is_direct_reference(text: str) -> bool:
    """Return whether a text is `name @ url` and not a path with an @ in it."""
    name, at, _ = text.partition("@")
    return bool(at) and "/" not in name and not name.startswith(".")


def _names(extras: str) -> str:
    return ",".join(
        sorted(
            canonicalize_name(part.strip())
            for part in extras.split(",")
            if part.strip()
        )
    )
