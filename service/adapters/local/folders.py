"""The folders of the local builder.

    lock                  held by the one builder that works here
    builds/<id>/          a build: its lock, group, home, tmp and result.json
    environments/<id>/    what it makes, in its final place: env, source, jupyter
    images/<hex>.json     manifests: which environment has this digest
    tools/                Poetry and JupyterLab, one folder per version
    cache/                what installers downloaded, shared by builds of public
                          repositories where no code of them can write to it
    caches/<hex>/         the same, for one private repository or one project

Virtual environments hold absolute paths and cannot be moved, so an image is a
manifest that points at the place where it was built.

What builds leave in them is walked and removed without recursion: `os.walk` and
`shutil.rmtree` call themselves for every level before Python 3.12 and 3.13, and a tree
of a thousand levels, which a build makes in a moment, ends whoever reads or removes it.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Final
from uuid import uuid4

from service.domain.building.build import Build, BuildId
from service.errors import InvalidRequestError

__all__ = ["Folders", "remove_tree", "sharers_of", "walk_tree"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The paths below the builder's root."""

    root: Path
    sharers: str = ""
    """Who shares the cache, as `sharers_of` says; empty for every public build."""

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def builds(self) -> Path:
        return self.root / "builds"

    @property
    def environments(self) -> Path:
        return self.root / "environments"

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def tools(self) -> Path:
        return self.root / "tools"

    @property
    def cache(self) -> Path:
        return self.caches / self.sharers if self.sharers else self.root / "cache"

    @property
    def caches(self) -> Path:
        return self.root / "caches"

    @property
    def home(self) -> Path:
        """The home of commands that are run inside environments."""
        return self.root / "home"

    def build(self, build: str) -> Path:
        return self.builds / _checked(build)

    def result(self, build: str) -> Path:
        return self.build(build) / "result.json"

    def environment(self, build: str) -> Path:
        return self.environments / _checked(build)

    def manifest(self, digest: str) -> Path:
        return self.images / f"{digest}.json"

    def known(self) -> list[BuildId]:
        """Return the builds that have a folder."""
        names = (path.name for path in self.builds.iterdir())
        return [BuildId(name) for name in names if _NAME.fullmatch(name)]

    def make(self) -> None:
        """Create the missing folders; only this user may read them."""
        # Environments may hold code of private repositories, and other users of the
        # machine are none of its readers.
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (
            self.builds,
            self.environments,
            self.images,
            self.tools,
            self.cache,
            self.caches,
            self.home,
        ):
            folder.mkdir(exist_ok=True)


def sharers_of(build: Build, *, is_protected: bool) -> str:
    """Return whose builds may share a cache with this one; empty for all public ones.

    What a private repository requires is for its readers only. Where code of a
    repository can write to a cache, a project's caches are for its own builds only.
    """
    private = build.spec.private_to
    if is_protected and not private:
        return ""
    project = "" if is_protected else build.project_id
    parts = f"{project}\0{private}"
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def _checked(name: str) -> str:
    # Ids become folder names: one with a slash or dots would lead out of the root.
    if _NAME.fullmatch(name) is None:
        raise InvalidRequestError(
            f"build id {name[:100]!r}: expected letters, digits, - and _"
        )
    return name


def walk_tree(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk a tree from the top as `os.walk` does; links are not followed.

    Folders that are removed from the second list are left out. What cannot be opened,
    also by the length of its path, is skipped.
    """
    waiting = [str(top)]
    while waiting:
        # Of each walk only the first level.
        for level in islice(os.walk(waiting.pop()), 1):
            yield level
            here, folders, _ = level
            for path in (Path(here, name) for name in folders):
                with suppress(OSError):  # longer than paths may be
                    if not path.is_symlink():
                        waiting.append(str(path))


def remove_tree(path: Path) -> None:
    """Remove a folder and its content; a missing one is no error."""
    with suppress(FileNotFoundError):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            return
        path.chmod(stat.S_IRWXU)
        with _opened(path) as top:
            _empty(top)
        path.rmdir()


def _empty(top: int) -> None:
    """Remove all that is in a folder, given by its descriptor."""
    # A folder further down is moved to the top before its own turn, so that every path
    # has one name. The first part of the new names is nobody's to guess.
    prefix = uuid4().hex
    names = (f"{prefix}-{number}" for number in count())
    waiting = _take_out(top, top, names)
    while waiting:
        name = waiting.pop()
        with suppress(FileNotFoundError):
            with _opened(name, within=top) as folder:
                waiting += _take_out(folder, top, names)
            os.rmdir(name, dir_fd=top)


def _take_out(folder: int, top: int, names: Iterator[str]) -> list[str]:
    """Remove the files of a folder, and move its folders to the top one.

    Returns the names that these have now.
    """
    moved = []
    with os.scandir(folder) as entries:
        # Listed first: what is moved to the folder that is read could be read again.
        listed = [
            (entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries
        ]
    for name, is_folder in listed:
        with suppress(FileNotFoundError):
            if not is_folder:
                os.unlink(name, dir_fd=folder)
                continue
            # Builds may leave folders that nobody may read, write or move.
            os.chmod(name, stat.S_IRWXU, dir_fd=folder)
            moved.append(next(names))
            os.rename(name, moved[-1], src_dir_fd=folder, dst_dir_fd=top)
    return moved


@contextmanager
def _opened(path: Path | str, *, within: int | None = None) -> Iterator[int]:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    handle = os.open(path, flags, dir_fd=within)
    try:
        yield handle
    finally:
        os.close(handle)
