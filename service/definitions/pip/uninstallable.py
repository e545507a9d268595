"""Valid requirements that no image can install."""

import re
from typing import Final
from urllib.parse import unquote

from service.definitions.pip.requirement_line import (
    Local,
    NamedRequirement,
    ParsedRequirement,
    RemoteRequirement,
)
from service.definitions.pip.requirements_txt import RequirementLine
from service.definitions.pip.wheels import Pythons, check_wheel
from service.definitions.python.markers import may_hold_on_linux
from service.definitions.text import show

__all__ = [
    "check_constraint",
    "find_uninstallable",
    "has_local_version",
    "is_always_refused",
    "passes_over",
]

_OF_OTHER_SYSTEMS: Final = {
    "pypiwin32": "win32",
    "pywin32": "win32",
    "tensorflow-intel": "win32",
    "tensorflow-macos": "darwin",
    "tensorflow-metal": "darwin",
    "windows-curses": "win32",
}
"""Packages without a file for Linux, which `pip freeze` writes on other systems."""


_REPOSITORY: Final = re.compile(
    r"https?://(?:[^/?#]+/[^?#]+\.git|"
    r"(?:www\.)?(?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org)"
    r"/[^/?#@]+/(?![^?#]*\.(?:zip|whl|t[\w.]{2,8})[?#]?)[^/?#@]+)(?:@[^?#]*)?/?(?:[?#].*)?",
    re.IGNORECASE,
)
"""A page of a repository for people, on which pip finds no archive."""


def find_uninstallable(requirement: ParsedRequirement, pythons: Pythons) -> str:
    """Return why no image can install a requirement; empty when one may.

    Args:
        requirement: One that holds in every image.
        pythons: The series of Python of which one installs it; none where any may.
    """
    return (
        _check_wheel(requirement, pythons)
        or _check_repository(requirement.url)
        or _check_scheme(requirement.url)
        or _check_name(requirement)
    )


def has_local_version(
    requirement: ParsedRequirement,
) -> bool:
    """Return whether a requirement is pinned to a local version, which PyPI never has.

    https://packaging.python.org/en/latest/specifications/version-specifiers/
    """
    return (
        isinstance(requirement, NamedRequirement)
        and not requirement.url
        and any(
            version.operator == "==" and "+" in version.version
            for version in requirement.versions
        )
    )


def passes_over(line: RequirementLine, requirement: ParsedRequirement) -> bool:
    """Return whether pip passes over a requirement on every Linux, by its marker.

    With a hash it counts even so: pip demands one of all requirements then.
    """
    return (
        isinstance(requirement, NamedRequirement)
        and not (requirement.url or line.hashes)
        and not may_hold_on_linux(requirement.marker)
    )


def _check_name(requirement: ParsedRequirement) -> str:
    if not isinstance(requirement, NamedRequirement) or requirement.url:
        return ""
    if requirement.name == "pkg-resources":
        return (
            "pkg-resources is no package; `pip freeze` wrote it on Debian or Ubuntu by"
            " mistake. Take the line out"
        )
    if requirement.name == "python":
        return (
            "python is no package of pip; choose the version of Python in an"
            " environment.yml or a pyproject.toml"
        )
    if system := _OF_OTHER_SYSTEMS.get(requirement.name):
        return (
            f"{requirement.name} is for another system, and images are Linux's; write"
            f" ; sys_platform == '{system}' after it, or take it out"
        )
    return ""


def _check_repository(url: str) -> str:
    if not _REPOSITORY.fullmatch(url):
        return ""
    return (
        f"{show(url)} is a repository, of which pip downloads the page and ends with"
        f" “Cannot determine archive format”; write git+{show(url)}"
    )


def _check_scheme(url: str) -> str:
    if not url.lower().startswith("ftp:"):
        return ""
    return f"pip takes {show(url)} for an address, and fetches nothing by ftp"


def _check_wheel(requirement: ParsedRequirement, pythons: Pythons) -> str:
    where = requirement.url or (
        requirement.path if isinstance(requirement, Local) else ""
    )
    name = where.partition("#")[0].partition("?")[0].rpartition("/")[2]
    if not name.lower().endswith(".whl"):
        return ""
    # Only the name in a URL is quoted.
    return check_wheel(unquote(name) if requirement.url else name, pythons)


def check_constraint(line: RequirementLine, requirement: ParsedRequirement) -> str:
    """Return why pip refuses a constraint; empty when it does not."""
    if line.is_editable:
        return "is editable, which no constraint may be"
    if requirement.row[0] == "variable":
        return ""
    if not requirement.name:
        return "has no name, and a constraint has to have one"
    has_extras = not isinstance(requirement, RemoteRequirement) and requirement.extras
    return "has extras, which no constraint may have" if has_extras else ""


_REFUSED: Final = re.compile(
    r"[A-Za-z][\w.-]*(?:\[[\w, -]*\])?(?:=[\w.*]+(?:=\w+)?|(?: [A-Za-z]\w*)+)"
)


def is_always_refused(text: str) -> bool:
    """Return whether no pip has ever taken a line that this one refuses.

    A single `=`, as conda writes it, or several words.
    """
    return _REFUSED.fullmatch(text) is not None
