"""Where the local builder keeps things.

    lock                  held by the one builder that works here
    builds/<id>/          a build: its lock, group, home, tmp and result.json
    environments/<id>/    what it makes, in its final place: env, source, jupyter
    images/<hex>.json     manifests: which environment has this digest
    tools/                Poetry and JupyterLab, one folder per version
    cache/                what installers downloaded, shared by all builds

Virtual environments hold absolute paths and cannot be moved, so an image is a
manifest that points at the place where it was built.
"""

import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.domain.build import BuildId
from service.errors import InvalidRequestError

__all__ = ["Folders", "remove_tree"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The places under the builder's root."""

    root: Path

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
        return self.root / "cache"

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
        return [BuildId(it.name) for it in self.builds.iterdir()]

    def make(self) -> None:
        """Create what is missing; nobody else may look inside."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (
            self.builds,
            self.environments,
            self.images,
            self.tools,
            self.cache,
            self.home,
        ):
            folder.mkdir(exist_ok=True)


def _checked(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise InvalidRequestError(
            f"build id {name[:100]!r}: expected letters, digits, - and _"
        )
    return name


def remove_tree(path: Path) -> None:
    """Remove a folder and all in it; one that is not there is no error.

    Builds may leave folders that their owner cannot write to; those are opened.
    """

    def open_up(function: Callable[[str], object], name: str, _: object) -> None:
        if not Path(name).is_symlink() and not Path(name).exists():
            return
        Path(name).parent.chmod(stat.S_IRWXU)
        if Path(name).is_dir() and not Path(name).is_symlink():
            Path(name).chmod(stat.S_IRWXU)
            shutil.rmtree(name, ignore_errors=True)
            return
        function(name)

    shutil.rmtree(path, onerror=open_up)
