"""Find where a package that failed came from: a directory of the repository, a line.

An installer names a package by its own name or by the URL of its directory, and prints
before where it got each; formats were taken from the output of pip 26.3 and uv 0.13.9.
"""

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name

from service.build_failures.locate import name_of

__all__ = ["Origin", "find_origin"]

_TAKEN: Final = re.compile(r"[ \t]*(?:Collecting|Obtaining|Processing) (\S+)")
_NAMED_IN: Final = re.compile(r"-r (\S+) \(line (\d{1,7})\)\)$")
_BUILT: Final = "Building wheels for collected packages: "
_ARCHIVES: Final = (".whl", ".zip", ".gz", ".bz2", ".xz", ".tar", ".tgz")
_SOURCE: Final = "/source/"
"""The working tree of a build: `service/adapters/local/worker/context.py`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the installer got a package."""

    directory: str | None = None
    """The project's directory in the repository, empty for its root; None for a package
    of an index."""
    path: str = ""
    """The requirements file that names it, or what needs it."""
    line: str = ""


_UNKNOWN: Final = Origin()


def find_origin(package: str, text: str) -> Origin:
    """Find where a package came from, by its name or by the URL of its directory."""
    taken = [*_read_taken(text)]
    directory = _directory_of(package)
    if directory is not None:
        same = [origin for _, origin in taken if origin.directory == directory]
        return same[-1] if same else Origin(directory=directory)
    wanted = canonicalize_name(name_of(package))
    for name, origin in reversed(taken):
        if origin.directory is None and name == wanted:
            return origin
    return _find_local(wanted, [origin for _, origin in taken], text)


def _read_taken(text: str) -> Iterator[tuple[str, Origin]]:
    """Yield the name of each package that was taken, if known, and its origin."""
    for line in text.splitlines():
        if taken := _TAKEN.match(line):
            place = _NAMED_IN.search(line)
            yield (
                canonicalize_name(name_of(taken[1])),
                Origin(
                    directory=_directory_of(taken[1]),
                    path=place[1] if place else "",
                    line=place[2] if place else "",
                ),
            )


def _find_local(wanted: str, taken: Sequence[Origin], text: str) -> Origin:
    """Find a project of the repository; its directory mostly has its name."""
    local = [origin for origin in taken if origin.directory is not None]
    named = [origin for origin in local if _is_named(origin, {wanted})]
    # Otherwise it is the only one whose directory has no name of another package.
    others = _list_built(text)
    rest = named or [origin for origin in local if not _is_named(origin, others)]
    return rest[0] if len({origin.directory for origin in rest}) == 1 else _UNKNOWN


def _list_built(text: str) -> frozenset[str]:
    lines = (line for line in text.splitlines() if line.startswith(_BUILT))
    return frozenset(
        canonicalize_name(name)
        for line in lines
        for name in line.removeprefix(_BUILT).split(", ")
    )


def _is_named(origin: Origin, names: Collection[str]) -> bool:
    return canonicalize_name(posixpath.basename(origin.directory or "")) in names


def _directory_of(what: str) -> str | None:
    """Return the directory in the repository that a URL or a path names."""
    if what.endswith(_ARCHIVES):
        return None
    if what == "." or what.startswith("./"):
        return posixpath.normpath(what).strip("./")
    is_local = what.startswith(("/", "file:///"))
    _, found, inside = f"{what}/".rpartition(_SOURCE)
    return inside.strip("/") if is_local and found else None
