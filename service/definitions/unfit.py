"""Requirements that can be read and that no image can install."""

from typing import Final

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from service.definitions.wishes import Local, Named, Remote
from service.definitions.words import show

__all__ = ["has_local_version", "unfit"]

_OF_OTHER_SYSTEMS: Final = {
    "pypiwin32": "win32",
    "pywin32": "win32",
    "tensorflow-intel": "win32",
    "tensorflow-macos": "darwin",
    "tensorflow-metal": "darwin",
    "windows-curses": "win32",
}
"""What `pip freeze` writes there, and what has no file for Linux."""


def unfit(thing: Named | Local | Remote) -> str:
    """Say why no image can install something; empty when one may."""
    return _unfit_wheel(thing) or _unfit_name(thing)


def has_local_version(thing: Named | Local | Remote) -> bool:
    """Say whether something is pinned to a version that PyPI takes from nobody.

    https://packaging.python.org/en/latest/specifications/version-specifiers/
    """
    return (
        isinstance(thing, Named)
        and not thing.url
        and any(it.operator == "==" and "+" in it.version for it in thing.versions)
    )


def _unfit_name(thing: Named | Local | Remote) -> str:
    if not isinstance(thing, Named) or thing.url:
        return ""
    if thing.name == "pkg-resources":
        return (
            "pkg-resources is no package; `pip freeze` wrote it on Debian or Ubuntu by"
            " mistake. Take the line out"
        )
    if thing.name == "python":
        return (
            "python is no package of pip; choose the version of Python in an"
            " environment.yml or a pyproject.toml"
        )
    if system := _OF_OTHER_SYSTEMS.get(thing.name):
        return (
            f"{thing.name} is for another system, and images are Linux's; write"
            f" ; sys_platform == '{system}' after it, or take it out"
        )
    return ""


def _unfit_wheel(thing: Named | Local | Remote) -> str:
    where = thing.path if isinstance(thing, Local) else thing.url
    name = where.partition("#")[0].partition("?")[0].rpartition("/")[2]
    if not name.lower().endswith(".whl"):
        return ""
    try:
        tags = parse_wheel_filename(name.replace("%2B", "+"))[3]
    except InvalidWheelFilename:
        return f"{show(name)} is no name that a wheel can have"
    if any(tag.platform == "any" or "linux" in tag.platform for tag in tags):
        return ""
    return f"{show(name)} is a wheel for another system; images are Linux's"
