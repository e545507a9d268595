"""The addresses of repositories that poetry can read.

https://github.com/python-poetry/poetry-core/blob/1.9.0/src/poetry/core/vcs/git.py for
version 1, /2.5.0/ for version 2. The patterns there take time with the cube of the
length, as several parts in a row may match the same signs; these accept the same texts.
"""

import re
from collections.abc import Iterable
from typing import Final

from service.definitions.formats.toml_json import text
from service.definitions.poetry.groups import Dependency
from service.definitions.poetry.project import PoetryProject
from service.definitions.text import show

__all__ = ["PATTERNS", "check_git_urls", "is_git_url", "refuse_git_url"]

MAX_LENGTH: Final = 2000
"""Characters; longer addresses are not checked, and accepted."""

_HOST: Final = r"[a-zA-Z0-9_.-]"
_NAME: Final = r"[%\w~.\-]"
_SUFFIX: Final = r"(?:\#egg.+|[@\#][^@\#]+(?:\#subdirectory=[\w\-/\\]+|[&\#]egg=.+)?)?$"
"""A revision, and the names of an egg and of a subdirectory."""


def _patterns(user: str, login: str, path: str) -> tuple[re.Pattern[str], ...]:
    """Build the patterns out of the parts in which the versions differ.

    Args:
        user: The signs before the @ of any address.
        login: What may stand before the @ of a web address.
        path: The signs of a path.
    """
    end = rf"(?:{path}+[/\\])?(?:{_NAME}+[/\\]?)?{_SUFFIX}"
    known = rf"{_HOST}*(?::\d+)?[:/\\]{end}"
    return (
        re.compile(rf"(?:git\+)?(?:git|ssh|rsync|file)://(?:{user}+@)?{known}"),
        re.compile(rf"(?:git\+)?https?://(?:{login}@)?{known}"),
        re.compile(
            rf"(?:git\+)?\w+://(?:{user}+@)?(?:{_HOST}|{_HOST}+:(?::\d)?)"
            rf"{path}+{_NAME}/?{_SUFFIX}"
        ),
        re.compile(rf"(?:{user}+@)?{_HOST}+(?::\d+)?[:/]{path}+/{_NAME}+/?{_SUFFIX}"),
        # Two braces too many in the original, which is a pattern all the same.
        re.compile(rf"(?:{user}+@)?{_HOST}+[:/]\{{{{1,2}}\}}{path}+{_NAME}/?{_SUFFIX}"),
    )


_USER: Final = r"[^/\?\#:@<>\[\]\|]"
PATTERNS: Final = {
    1: _patterns(_HOST, f"{_HOST}+", r"[%\w~.\-/\\$]"),
    2: _patterns(_USER, rf"{_USER}+(?::{_USER}*)?", r"[%\w~.\-+/\\$]"),
}


def is_git_url(url: str, *, major: int) -> bool:
    """Return whether poetry of a major version can read the address of a repository."""
    if len(url) > MAX_LENGTH:
        return True
    return any(pattern.match(url) for pattern in PATTERNS[min(max(major, 1), 2)])


def check_git_urls(project: PoetryProject, wanted: Iterable[Dependency]) -> None:
    """Report the addresses of repositories that poetry cannot read."""
    for dependency in wanted:
        for form in () if dependency.is_python else dependency.forms:
            url = text(form.get("git"))
            if url is not None and not is_git_url(url, major=project.major):
                refuse_git_url(project, url, dependency.name, *dependency.keys)


def refuse_git_url(project: PoetryProject, url: str, name: str, *keys: str) -> None:
    """Report one address that poetry cannot read."""
    project.error(
        "git_url_invalid",
        f"{show(repr(url))} of {show(name)} is no address of a repository that poetry"
        f" {project.version} can read; {_advise(url)}",
        *keys,
        word=url,
    )


def _advise(url: str) -> str:
    if "$" in url:
        return (
            "it fills in no variables, so write the address without them and leave"
            " credentials to git"
        )
    if re.match(r"\.|/|[A-Za-z]:\\", url):
        return "write path = for a directory of this repository"
    return "write one such as https://example.org/owner/name.git"
