"""What a phase is asked for: the flags of the lifecycle, and their defaults.

cmd/lifecycle, cmd/lifecycle/cli, platform/defaults.go and platform/resolve_inputs.go of
buildpacks/lifecycle 0.20.19;
https://github.com/buildpacks/spec/blob/main/platform.md#lifecycle-interface
"""

import argparse
import re
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

PLATFORM_APIS: Final = tuple(f"0.{minor}" for minor in range(7, 15))
"""api/apis.go."""
DEFAULT_API: Final = "0.13"
FAILED: Final = 1
NO_FLAG: Final = 2
"""What Go's package `flag` ends a program with."""
INVALID: Final = 3
OTHER_API: Final = 11
"""cmd/exit.go."""
_ALWAYS: Final = ("layers", "log-level", "no-color")
_OWNER: Final = ("uid", "gid")
_FLAGS: Final[Mapping[str, Mapping[int, tuple[str, ...]]]] = {
    "analyzer": {
        0: (
            *_OWNER,
            *("analyzed", "cache-image", "previous-image", "run-image", "tag"),
        ),
        9: ("launch-cache", "skip-layers"),
        12: ("run",),
        13: ("insecure-registry",),
    },
    "detector": {
        0: ("app", "buildpacks", "group", "order", "plan", "platform"),
        10: ("analyzed", "extensions", "generated"),
        11: ("build-config",),
        12: ("run",),
    },
    "restorer": {
        0: (
            *_OWNER,
            *("analyzed", "cache-dir", "cache-image", "group", "skip-layers"),
        ),
        10: ("build-image",),
        12: ("generated",),
        13: ("insecure-registry",),
        14: ("run",),
    },
    "builder": {
        0: ("app", "buildpacks", "group", "plan", "platform"),
        11: ("build-config",),
        12: ("analyzed",),
    },
    "exporter": {
        0: (
            *_OWNER,
            *("analyzed", "app", "cache-dir", "cache-image", "group", "launch-cache"),
            *("launcher", "parallel", "process-type", "project-metadata", "report"),
        ),
        11: ("launcher-sbom",),
        12: ("extended", "run"),
        13: ("insecure-registry",),
    },
    "creator": {
        0: (
            *_OWNER,
            *("app", "buildpacks", "cache-dir", "cache-image", "launch-cache"),
            *("launcher", "order", "parallel", "platform", "previous-image"),
            *("process-type", "project-metadata", "report", "run-image"),
            *("skip-restore", "tag"),
        ),
        11: ("build-config", "launcher-sbom"),
        12: ("run",),
        13: ("insecure-registry",),
    },
}
"""The flags of each phase, by the minor platform API from which it takes them:
DefineFlags in cmd/lifecycle/*.go. Those of daemons and layouts are refused here."""
_SWITCHES: Final = frozenset({"skip-layers", "skip-restore", "parallel", "no-color"})
_LISTS: Final = frozenset({"insecure-registry", "tag"})
_IMAGES: Final[Mapping[str, range]] = {
    "analyzer": range(1, 2),
    "exporter": range(1, 100),
    "creator": range(1, 2),
}
"""How many images each phase takes; Args in cmd/lifecycle/*.go."""
_REFERENCE: Final = re.compile(
    r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+(:[\w.-]{1,128})?(@sha256:[0-9a-f]{64})?"
)
"""pkg/name of google/go-containerregistry, for names with a registry."""


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
        return minor_of(self.environment)

    @property
    def owner(self) -> tuple[int, int]:
        """User and group: flags, or else what the builder image says."""
        user = self.given.uid or self.environment.get("CNB_USER_ID") or 0
        group = self.given.gid or self.environment.get("CNB_GROUP_ID") or 0
        return int(user), int(group)

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

    def registry(self, host: str = "") -> Registry:
        """Return the registry of a host; that of the image by default."""
        return self._registry(host or Reference.parse(self.image).host)

    def _registry(self, host: str) -> Registry:
        config = Path(self.environment.get("DOCKER_CONFIG", "/nowhere"))
        return Registry(host, credential=authorization(config, host))

    def _file(self, name: str) -> Path:
        return self.layers / f"{name}.toml"


def minor_of(environment: Mapping[str, str]) -> int:
    """Return the minor platform API: 13 of 0.13.

    Raises:
        PhaseError: This lifecycle does not speak it; cmd/apis.go VerifyPlatformAPI.
    """
    api = environment.get("CNB_PLATFORM_API") or DEFAULT_API
    if api not in PLATFORM_APIS:
        raise PhaseError(
            OTHER_API,
            f"failed to set platform API: platform API version '{api}' is incompatible "
            "with the lifecycle",
        )
    return int(api.partition(".")[2])


def parsed(phase: str, arguments: Sequence[str], *, minor: int) -> argparse.Namespace:
    """Read a command line as Go's package `flag` does, and check it.

    Flags end at the first argument that is none (https://pkg.go.dev/flag).

    Raises:
        PhaseError: The phase does not take it.
    """
    known = {*_ALWAYS}
    for since, names in _FLAGS[phase].items():
        known |= set(names) if minor >= since else set()
    every = {name for names in _FLAGS[phase].values() for name in names}
    given: dict[str, object] = dict.fromkeys((*_ALWAYS, *every))
    left = list(arguments)
    while left and left[0].startswith("-"):
        flag = left.pop(0).removeprefix("-").removeprefix("-")
        name, is_set, value = flag.partition("=")
        if name not in known:
            raise PhaseError(NO_FLAG, f"flag provided but not defined: -{name}")
        if name in _SWITCHES:
            given[name] = value.lower() not in {"false", "f", "0"} or not is_set
            continue
        if not is_set and not left:
            raise PhaseError(NO_FLAG, f"flag needs an argument: -{name}")
        text = value if is_set else left.pop(0)
        found = given[name]
        before = found if isinstance(found, list) else []
        given[name] = [*before, text] if name in _LISTS else text
    _check_images(phase, left, given)
    fields = {name.replace("-", "_"): value for name, value in given.items()}
    return argparse.Namespace(**fields, images=left)


def _check_images(
    phase: str, images: Sequence[str], given: Mapping[str, object]
) -> None:
    """ValidateImageRefs, ValidateTargetsAreSameRegistry: platform/resolve_inputs.go."""
    if len(images) not in _IMAGES.get(phase, range(1)):
        raise PhaseError(
            INVALID, f"failed to parse arguments: received {len(images)} arguments"
        )
    tags = given.get("tag")
    written = [*images, *(tags if isinstance(tags, list) else ())]
    others = (given.get(f"{name}-image") for name in ("previous", "run", "cache"))
    for image in (*written, *filter(None, others)):
        if not _REFERENCE.fullmatch(str(image)):
            raise PhaseError(
                INVALID,
                f"failed to resolve inputs: could not parse reference: {image}",
            )
    if len({Reference.parse(image).host for image in written}) > 1:
        raise PhaseError(
            INVALID,
            "failed to resolve inputs: writing to multiple registries is unsupported",
        )
