"""Whether a wheel can be installed in an image, by the tags in its name.

https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/
The C library of the images is not known here, so any will do.
"""

import re
from collections.abc import Collection
from functools import cache
from typing import Final

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from service.definitions.declared import IMAGES
from service.definitions.text import show

__all__ = ["Pythons", "check_wheel"]

Pythons = Collection[str]
"""The series of CPython of which one installs, such as 3.10; none where any may."""

_MACHINES: Final = tuple(sorted({image["platform_machine"] for image in IMAGES}))
_LINUX: Final = re.compile(
    rf"(?:linux|(?:many|musl)linux\w+)_(?P<machine>{'|'.join(_MACHINES)})"
)
_FLAGS: Final = ("", "m", "mu", "d", "dm", "t")
"""Flags of the binary interface: Python had others until 3.7, and has t since 3.13."""
_SERIES: Final = re.compile(r"(\d+)\.(\d+)")


def check_wheel(name: str, pythons: Pythons) -> str:
    """Return why no image can install the wheel of a name; empty when one may."""
    try:
        tags = parse_wheel_filename(name)[3]
    except ValueError:  # also of a number with too many digits
        return f"{show(name)} is no name that a wheel can have"
    ours = [tag for tag in tags if tag.platform == "any" or "linux" in tag.platform]
    if not ours:
        return f"{show(name)} is a wheel for another system; images are Linux's"
    fitting = {found for tag in ours if (found := _without_library(tag))}
    if not fitting:
        return (
            f"{show(name)} is a wheel for other machines; images are for"
            f" {' and '.join(_MACHINES)}. Take the wheel for these, or name the package"
        )
    if any(_series(python) is None for python in pythons):
        return ""
    if pythons and not any(fitting & _supported(python) for python in pythons):
        return (
            f"{show(name)} is a wheel for another Python than {_listed(pythons)}, which"
            " installs here; take the wheel for that, or name the package"
        )
    return ""


def _without_library(tag: Tag) -> Tag | None:
    """Return a tag without its C library; None for a machine that no image has."""
    if tag.platform == "any":
        return tag
    match = _LINUX.fullmatch(tag.platform)
    if match is None:
        return None
    return Tag(tag.interpreter, tag.abi, f"linux_{match['machine']}")


@cache
def _supported(python: str) -> frozenset[Tag]:
    """Return the tags that pip takes under one series of CPython."""
    version = _series(python) or (0, 0)
    platforms = [f"linux_{machine}" for machine in _MACHINES]
    name = f"cp{version[0]}{version[1]}"
    abis = [f"{name}{flags}" for flags in _FLAGS]
    return frozenset(
        (
            *cpython_tags(version, abis, platforms),
            *compatible_tags(version, name, platforms),
        )
    )


def _series(python: str) -> tuple[int, int] | None:
    match = _SERIES.match(python)
    return (int(match[1]), int(match[2])) if match else None


def _listed(pythons: Pythons) -> str:
    *others, last = pythons
    return f"{', '.join(others)} or {last}" if others else last
