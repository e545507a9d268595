"""Compute the packages, the size and the digest of an environment."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from service.adapters.local.folders import walk_tree
from service.adapters.local.job import Installed
from service.adapters.local.worker.safe_files import read_within

__all__ = ["digest_of", "has_module", "packages_of", "size_of"]

_MAX_RECORD: Final = 16 * 1024 * 1024
"""Bytes; the record of a conda package lists its files, tens of thousands for some."""

MOST_PACKAGES: Final = 10_000
"""The largest distributions of conda install a few hundred; the rest is not listed."""
_LONGEST: Final = 200
"""Characters of a name or a version."""


def packages_of(env: Path) -> tuple[Installed, ...]:
    """List the installed packages, by name.

    A Python package that conda installed is listed once, as conda's.
    """
    found, owned = [], set[str]()
    for file in env.glob("conda-meta/*.json"):
        if record := _conda_record(env, file):
            owned.update(record.files)
            found.append((record.name, record.version, "conda"))
    for folder, name, version in _distributions(env):
        if str(folder.relative_to(env) / "METADATA") not in owned:
            found.append((name, version, "pip"))
    named = {row for row in found if _is_plain(row[0]) and _is_plain(row[1])}
    ordered = sorted(named, key=lambda pair: (pair[0].casefold(), pair))
    return tuple(
        Installed(name=n, version=v, manager=m) for n, v, m in ordered[:MOST_PACKAGES]
    )


def _is_plain(text: str) -> bool:
    """Return whether a text can be a package's name or version."""
    # The build's code can write anything there, and it goes into rows and events.
    return len(text) <= _LONGEST and text.isascii() and text.isprintable()


def has_module(env: Path, name: str) -> bool:
    """Return whether a distribution is installed."""
    return any(found == name for _, found, _ in _distributions(env))


def size_of(place: Path) -> int:
    """Return the bytes of all files; one with several names counts once."""
    sizes = {
        (stat.st_dev, stat.st_ino): stat.st_size
        for stat in (path.lstat() for path in _walk(place))
    }
    return sum(sizes.values())


def digest_of(place: Path) -> str:
    """Compute a reproducible digest of a tree.

    SHA-256 over one row per file or link, sorted by the bytes of its path from
    `place`: path, NUL, `x` (executable), `f` (file) or `l` (link), NUL, SHA-256 in
    hex of the content or of the link's target, NUL. Times, owners, empty folders
    and byte code (`*.pyc`, which holds times) do not count.
    """
    rows = hashlib.sha256()
    for path in sorted(_walk(place), key=os.fsencode):
        # Byte code holds the time of its source: with it no two builds of one
        # environment would be equal.
        if path.suffix == ".pyc":
            continue
        name = os.fsencode(path.relative_to(place))
        rows.update(b"\0".join((name, *_content(path), b"")))
    return rows.hexdigest()


def _content(path: Path) -> tuple[bytes, bytes]:
    if path.is_symlink():
        target = os.fsencode(path.readlink())
        return b"l", hashlib.sha256(target).hexdigest().encode()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest().encode()
    return (b"x" if os.access(path, os.X_OK) else b"f"), digest


def _walk(place: Path) -> Iterator[Path]:
    """Yield files and links; sockets and pipes are no content."""
    for folder, folders, files in walk_tree(place):
        for name in (*files, *folders):
            path = Path(folder, name)
            if path.is_symlink() or path.is_file():
                yield path


def _distributions(env: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield the folder, the name and the version of each Python package.

    Unreadable packages and links that leave the environment are skipped.
    """
    for site in sorted(env.glob("lib/python3*/site-packages")):
        for folder in sorted(site.glob("*.dist-info")):
            with suppress(OSError, UnicodeDecodeError):
                text = read_within(env, folder / "METADATA", most=_MAX_RECORD).decode()
                head = HeaderParser().parsestr(text)
                name, version = head["Name"], head["Version"]
                if name and version:
                    yield folder, str(name), str(version)


class _CondaRecord(BaseModel):
    name: str
    version: str
    files: tuple[str, ...] = ()


def _conda_record(env: Path, file: Path) -> _CondaRecord | None:
    try:
        return _CondaRecord.model_validate_json(
            read_within(env, file, most=_MAX_RECORD)
        )
    except (OSError, ValidationError):
        return None
