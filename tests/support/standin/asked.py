"""What a phase is asked for: the flags of the lifecycle, and their defaults.

platform/defaults.go and cmd/lifecycle of buildpacks/lifecycle 0.20.x;
https://github.com/buildpacks/spec/blob/main/platform.md#lifecycle-interface
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.standin.caching import Cache, open_cache
from tests.support.standin.registry import (
    Reference,
    Registry,
    RegistryError,
    authorization,
)

_ALWAYS: Final = ("layers", "log-level", "no-color")
_REGISTRY: Final = ("uid", "gid", "insecure-registry", "analyzed", "cache-image")
_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "analyzer": (
        *_REGISTRY,
        *("previous-image", "run-image", "tag", "skip-layers", "launch-cache", "run"),
    ),
    "detector": (
        *("analyzed", "app", "build-config", "buildpacks", "extensions", "generated"),
        *("group", "order", "plan", "platform", "run"),
    ),
    "restorer": (
        *_REGISTRY,
        *("cache-dir", "group", "skip-layers", "build-image", "generated"),
    ),
    "builder": (
        *("analyzed", "app", "build-config", "buildpacks", "group", "plan", "platform"),
    ),
    "exporter": (
        *_REGISTRY,
        *("app", "cache-dir", "group", "extended", "launch-cache", "launcher"),
        *("launcher-sbom", "parallel", "process-type", "project-metadata", "report"),
        "run",
    ),
    "creator": (
        *_REGISTRY[:-2],
        *("app", "build-config", "buildpacks", "cache-dir", "cache-image", "tag"),
        *("launch-cache", "launcher", "launcher-sbom", "order", "parallel", "platform"),
        *("previous-image", "process-type", "project-metadata", "report", "run-image"),
        *("skip-restore", "run"),
    ),
}
"""What each phase takes at platform API 0.13; anything else ends it with 2."""
_SWITCHES: Final = frozenset({"skip-layers", "skip-restore", "parallel", "no-color"})
_TAKES_IMAGE: Final = frozenset({"analyzer", "exporter", "creator"})


class PhaseError(Exception):
    """A phase failed, and how it says so."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The flags of a phase, with the specification's defaults."""

    given: argparse.Namespace
    environment: Mapping[str, str]

    @property
    def app(self) -> Path:
        return Path(getattr(self.given, "app", None) or "/workspace")

    @property
    def layers(self) -> Path:
        return Path(self.given.layers or "/layers")

    @property
    def platform(self) -> Path:
        return Path(self.given.platform or "/platform")

    @property
    def analyzed(self) -> Path:
        return Path(getattr(self.given, "analyzed", None) or self._file("analyzed"))

    @property
    def group(self) -> Path:
        return Path(getattr(self.given, "group", None) or self._file("group"))

    @property
    def plan(self) -> Path:
        return Path(getattr(self.given, "plan", None) or self._file("plan"))

    @property
    def report(self) -> Path:
        return Path(self.given.report or self._file("report"))

    @property
    def image(self) -> str:
        return str(self.given.images[0])

    @property
    def project(self) -> Path:
        given = getattr(self.given, "project_metadata", None)
        return Path(given or self._file("project-metadata"))

    @property
    def minor(self) -> int:
        """The platform API's: 13 of 0.13."""
        api = self.environment.get("CNB_PLATFORM_API") or "0.13"
        return int(api.partition(".")[2])

    def cache(self) -> Cache | None:
        """Open the cache that was given.

        Raises:
            PhaseError: It cannot be opened.
        """
        image, folder = self.given.cache_image, self.given.cache_dir
        host = Reference.parse(image).host if image else ""
        try:
            return open_cache(self._registry(host), image, folder)
        except (OSError, RegistryError) as exc:
            kind = "image" if image else "volume"
            raise PhaseError(1, f"failed to create {kind} cache: {exc}") from exc

    def registry(self) -> Registry:
        return self._registry(Reference.parse(self.image).host)

    def _registry(self, host: str) -> Registry:
        config = Path(self.environment.get("DOCKER_CONFIG", "/nowhere"))
        return Registry(host, credential=authorization(config, host))

    def _file(self, name: str) -> Path:
        return self.layers / f"{name}.toml"


def own(asked: Asked, *folders: str | None) -> None:
    """Refuse folders that the user cannot write to.

    priv/user_linux.go EnsureOwner judges by owner, group and mode, and changes the
    owner where those do not do: root alone can, and phases here never are root.

    Raises:
        PhaseError: The owner of a folder cannot be changed.
    """
    user, group = int(asked.given.uid or 0), int(asked.given.gid or 0)
    for folder in filter(None, folders):
        if not (found := Path(folder)).exists():
            continue
        about = found.stat()
        is_theirs = about.st_uid == user or (
            about.st_gid == group and about.st_mode & 0o020
        )
        if not is_theirs and not about.st_mode & 0o002:
            why = f"chown {folder}: operation not permitted"
            raise PhaseError(1, f"failed to chown volumes: {why}")


def parsed(phase: str, arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=phase, allow_abbrev=False)
    for name in sorted({*_ALWAYS, *_FLAGS[phase]}):
        if name in _SWITCHES:
            parser.add_argument(f"-{name}", action="store_true")
        elif name in {"tag", "insecure-registry"}:
            parser.add_argument(f"-{name}", action="append")
        else:
            parser.add_argument(f"-{name}")
    if phase in _TAKES_IMAGE:
        parser.add_argument("images", nargs="+")
    return parser.parse_args(arguments)
