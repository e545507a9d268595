"""Read the URL or path of a requirement as pip does."""

import re
from typing import Final
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from service.definitions.pip.requirements_txt import (
    Given,
    MalformedLineError,
)

__all__ = [
    "EXTRAS",
    "URL",
    "VCS",
    "check_option_urls",
    "check_url",
    "egg_name",
    "file_path",
    "is_archive",
    "is_path",
    "moves",
]

VCS: Final = re.compile(
    r"(?:git\+(?:https?|ssh|git|file)|hg\+(?:https?|ssh|file|static-http)"
    r"|svn\+(?:https?|ssh|svn|file)|bzr\+(?:https?|ssh|s?ftp|lp|file)):",
    re.IGNORECASE,
)
URL: Final = re.compile(rf"(?:https?|ftp|file):|{VCS.pattern}", re.IGNORECASE)
EXTRAS: Final = re.compile(r"(?P<path>.+)\[(?P<extras>[^\[\]]+)\]")
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


def check_url(url: str) -> None:
    """Check that Python's parser of URLs, which pip uses, takes a URL.

    Raises:
        MalformedLineError: It does not: a bracket has no pair, or signs in the host
            stand for others.
    """
    try:
        urlsplit(url)
    except ValueError as exc:
        raise MalformedLineError(f"the URL cannot be read: {exc}") from exc


def check_option_urls(given: Given) -> None:
    """Check the URLs and hosts that options name, as pip does before it asks them.

    Raises:
        MalformedLineError: One cannot be read.
    """
    for name, value in given:
        if name == "trusted-host" and "://" not in value:
            check_url(f"//{value}")
        elif name in {"index-url", "extra-index-url", "find-links"}:
            check_url(value)


def is_archive(path: str) -> bool:
    """Return whether pip treats a path as an archive."""
    return path.lower().endswith(_ARCHIVES)


def is_path(where: str) -> bool:
    """Return whether pip treats a text as a path, not as a name."""
    match = EXTRAS.fullmatch(where)
    path = match["path"].rstrip() if match else where
    return "/" in where or where.startswith(".") or is_archive(path)


def egg_name(where: str) -> str:
    """Return the package name in a URL or path, as pip finds it; empty without one."""
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


def file_path(where: str) -> str:
    """Return the path of a `file:` URL, without its fragment."""
    if not where.lower().startswith("file:"):
        return where
    return where[len("file:") :].partition("#")[0]


def moves(url: str) -> bool:
    """Return whether a URL names a repository without a commit, so that it may move."""
    return url.lower().startswith(("git", "hg", "svn", "bzr")) and not _COMMIT.search(
        url
    )
