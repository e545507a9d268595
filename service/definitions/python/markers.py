"""The environments in which a marker is evaluated, so that none of it is left out.

https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import Final

from packaging.markers import Marker

__all__ = [
    "MACHINES",
    "MAX_KEPT",
    "asks_for_machine",
    "environments",
    "may_hold_on_linux",
]

MACHINES: Final = ("x86_64", "aarch64")
_SYSTEM: Final = ("os_name", "platform_system", "sys_platform")
_PYTHONS: Final = ("2.7", *(f"3.{minor}" for minor in range(4, 20)))
_ANY: Final = ("CPython", "PyPy")
_OF_MACHINE: Final = re.compile(
    r"\b(?:implementation_version|platform_release|platform_version)\b"
)
"""What the machine that installs decides, and no image shows."""
_UNANSWERED: Final = (ValueError, RecursionError)
"""What a marker raises that cannot be parsed or evaluated."""
_PATCH: Final = re.compile(r"\b(\d{1,3}\.\d{1,3})\.(\d{1,3})")
MAX_PATCHES: Final = 20
"""Patch releases that one marker names. Real ones name one or two."""
MAX_KEPT: Final = 1024
"""Markers whose answers are kept: exports of a lock repeat a few dozen in all of their
lines, and each is evaluated in up to hundreds of environments."""


def asks_for_machine(marker: Marker) -> bool:
    """Return whether a marker cannot be answered here.

    It depends on the machine that installs, or names too many releases of Python.
    """
    written = str(marker)
    patches = set(_PATCH.findall(written))
    return len(patches) > MAX_PATCHES or _OF_MACHINE.search(written) is not None


@lru_cache(maxsize=MAX_KEPT)
def may_hold_on_linux(marker: str) -> bool:
    """Return whether a marker is true on some Linux, or cannot be evaluated.

    Extras are unknown here, so a marker with one is taken for true.
    """
    if not marker:
        return True
    try:
        parsed = Marker(marker)
        if "extra" in marker or not any(word in marker for word in _SYSTEM):
            return True
        return asks_for_machine(parsed) or any(
            parsed.evaluate(image) for image in environments(parsed, _PYTHONS, _ANY)
        )
    except _UNANSWERED:
        return True


def environments(
    marker: Marker, pythons: Iterable[str], implementations: Iterable[str]
) -> Iterator[dict[str, str]]:
    """Yield environments of images: one at least for each answer that a marker has.

    Args:
        marker: One that does not ask for the machine.
        pythons: The series of Python, such as 3.12.
        implementations: Their names, as platform_python_implementation has them.
    """
    written = str(marker)
    choices = (
        [release for python in pythons for release in _releases(written, python)],
        _mentioned(written, "platform_machine", MACHINES),
        _mentioned(written, "implementation", tuple(implementations)),
    )
    for release, machine, implementation in product(*choices):
        yield {
            "extra": "",
            "implementation_name": implementation.lower(),
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": implementation,
            "platform_system": "Linux",
            "python_full_version": release,
            "python_version": release.rpartition(".")[0],
            "sys_platform": "linux",
        }


def _releases(written: str, python: str) -> list[str]:
    """Return releases of a series: the first, and those where an answer may change."""
    if "python_full_version" not in written:
        return [f"{python}.0"]
    named = {0, *(int(patch) for of, patch in _PATCH.findall(written) if of == python)}
    patches = sorted(named | {patch + 1 for patch in named})
    return [f"{python}.{patch}" for patch in patches]


def _mentioned(written: str, variable: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return values if variable in written else values[:1]
