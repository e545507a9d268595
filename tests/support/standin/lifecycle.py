"""The phases of a build, by the flags and exit codes of the lifecycle.

https://github.com/buildpacks/spec/blob/main/platform.md#lifecycle-interface
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from tests.support.standin import exporting, frontends, installing
from tests.support.standin.orders import obey, say
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

    def registry(self) -> Registry:
        host = Reference.parse(self.image).host
        config = Path(self.environment.get("DOCKER_CONFIG", "/nowhere"))
        return Registry(host, credential=authorization(config, host))

    def _file(self, name: str) -> Path:
        return self.layers / f"{name}.toml"


def analyze(asked: Asked) -> None:
    try:
        asked.registry().may_push(Reference.parse(asked.image).repository)
    except RegistryError as exc:
        raise PhaseError(
            1,
            "failed to initialize analyzer: failed to ensure registry read/write "
            f"access to {asked.image}: {exc}",
        ) from exc
    run = asked.given.run_image or ""
    asked.analyzed.write_text(f'[run-image]\n  reference = "{run}"\n')


def detect(asked: Asked) -> None:
    obey(asked.app, "detect")
    found = installing.definition_in(asked.app)
    if found is None:
        say("ERROR: No buildpack groups passed detection.")
        say("ERROR: Please check that you are running against the correct path.")
        raise PhaseError(20, "failed to detect: no buildpacks participating")
    say("1 of 1 buildpacks participating")
    say(f"{installing.BUILDPACK} 1.0")
    asked.group.write_text(f'[[group]]\n  id = "{installing.BUILDPACK}"\n')
    asked.plan.write_text("")


def restore(asked: Asked) -> None:
    if not asked.group.is_file():
        raise PhaseError(42, f"failed to read group: open {asked.group}")


def build(asked: Asked) -> None:
    if not asked.plan.is_file():
        raise PhaseError(52, f"failed to read plan: open {asked.plan}")
    obey(asked.app, "build")
    given = asked.platform / "env"
    variables = {it.name: it.read_text() for it in given.glob("*")}
    environment = {**asked.environment, **variables}
    try:
        installing.install(asked.app, asked.layers, environment)
        packages = asked.layers / installing.LAYER / installing.PACKAGES
        frontends.build(asked.app, asked.layers, variables, packages)
    except installing.BuildpackError as exc:
        raise PhaseError(51, f"failed to build: {exc}") from exc
    except OSError as exc:
        raise PhaseError(52, f"failed to build: {exc}") from exc


def export(asked: Asked) -> None:
    run_image = asked.analyzed.read_text().split('"')[1]
    try:
        pushed = exporting.push(
            asked.registry(),
            run_image=run_image,
            tags=asked.given.images + (getattr(asked.given, "tag", None) or []),
            app=asked.app,
            layers=asked.layers,
            platform_api=asked.environment.get("CNB_PLATFORM_API", ""),
        )
    except RegistryError as exc:
        raise PhaseError(
            62, f"failed to export: failed to write image to {asked.image}: {exc}"
        ) from exc
    exporting.report(asked.report, asked.given.images, pushed)
    say(f"Saving {asked.image}...")
    say(f"*** Images ({pushed.digest}):")
    say(f"      {asked.image}")


def create(asked: Asked) -> None:
    for name, phase in PHASES.items():
        if name != "creator":
            say(f"===> {name.upper()[:-2]}ING")
            phase(asked)


PHASES: Final[Mapping[str, Callable[[Asked], None]]] = {
    "analyzer": analyze,
    "detector": detect,
    "restorer": restore,
    "builder": build,
    "exporter": export,
    "creator": create,
}


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


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    phase, *flags = arguments
    if not environment.get("CNB_PLATFORM_API"):
        say("Warning: CNB_PLATFORM_API is unset; using Platform API version '0.13'")
    try:
        PHASES[phase](Asked(given=parsed(phase, flags), environment=environment))
    except PhaseError as exc:
        say(f"ERROR: {exc}")
        sys.exit(exc.code)
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)  # noqa: TID251 - the pod's own
