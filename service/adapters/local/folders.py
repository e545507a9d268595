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
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.domain.building.build import Build, BuildId
from service.errors import InvalidRequestError

__all__ = ["Folders", "sharers_of"]

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
        return [BuildId(path.name) for path in self.builds.iterdir()]

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
