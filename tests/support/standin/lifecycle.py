"""The phases of a build, by the flags and exit codes of the lifecycle.

https://github.com/buildpacks/spec/blob/main/platform.md#lifecycle-interface
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from tests.support.standin import exporting, files, frontends, installing, restoring
from tests.support.standin.asked import (
    DEFAULT_API,
    FAILED,
    INVALID,
    Asked,
    PhaseError,
    minor_of,
    parsed,
)
from tests.support.standin.caching import Cache
from tests.support.standin.folders import LayerError
from tests.support.standin.orders import obey, say
from tests.support.standin.registry import (
    Reference,
    RegistryError,
    read_image,
)
from tests.support.standin.trust import BindingError, certificates_bound
from tests.support.standin.users import become, own, refuse_root

_SEEN: Final = frozenset(
    {
        "CNB_STACK_ID",
        "HOME",
        "HOSTNAME",
        *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"),
        *("NO_PROXY", "no_proxy"),
        *("PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "PKG_CONFIG_PATH"),
        # The stand-in's own, whose buildpacks are Python that the image brings along.
        *("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
    }
)


def analyze(asked: Asked) -> None:
    """phase/analyzer.go: a previous image that is not there is none, and no fault."""
    own(asked, str(asked.layers))
    previous = asked.given.previous_image or asked.image
    registry, reference = asked.registry(), Reference.parse(previous)
    try:
        # connected_factory.go ensureRegistryAccess: who may not read, may not build.
        found = read_image(registry, reference)
    except RegistryError as exc:
        raise PhaseError(1, _no_access("read", previous, exc)) from exc
    for image in filter(None, (asked.given.cache_image, asked.image)):
        try:
            registry.may_push(Reference.parse(image).repository)
        except RegistryError as exc:
            raise PhaseError(1, _no_access("read/write", image, exc)) from exc
    labels = (found[1]["config"].get("Labels") or {}) if found else {}
    if found is None:
        say(f'Image with name "{previous}" not found')
    analyzed = files.Analyzed(
        run_image=_run_image(asked, asked.given.run_image or ""),
        previous_image=previous if found else "",
        metadata=json.loads(labels.get(exporting.LABEL, "{}")),
    )
    files.write_analyzed(asked.analyzed, analyzed)


def _run_image(asked: Asked, image: str) -> str:
    """phase/analyzer.go getImageIdentifier: by digest; empty when it is not there."""
    if not image:
        return ""
    reference = Reference.parse(image)
    try:
        found = exporting.identifier(asked.registry(reference.host), reference)
    except RegistryError as exc:
        why = f"getting run image: {exc}"
        raise PhaseError(32, f"failed to initialize analyzer: {why}") from exc
    if found is None:
        say(f'Image with name "{image}" not found')
    return found or ""


def _no_access(kind: str, image: str, exc: Exception) -> str:
    return (
        "failed to initialize analyzer: failed to ensure registry "
        f"{kind} access to {image}: {exc}"
    )


def detect(asked: Asked) -> None:
    refuse_root("detect")
    obey(asked.app, "detect")
    found = installing.definition_in(asked.app)
    if found is None:
        say("ERROR: No buildpack groups passed detection.")
        say("ERROR: Please check that you are running against the correct path.")
        raise PhaseError(20, "failed to detect: no buildpacks participating")
    buildpacks = (installing.BUILDPACK, frontends.BUILDPACK)
    say("2 of 2 buildpacks participating")
    for buildpack in buildpacks:
        say(f"{buildpack} 1.0")
    files.write_group(asked.group, buildpacks)
    asked.plan.write_text("")


def restore(asked: Asked) -> None:
    own(asked, str(asked.layers), asked.given.cache_dir)
    _require("group", asked.group)
    cache = asked.cache()
    if getattr(asked.given, "skip_layers", False) or getattr(
        asked.given, "skip_restore", False
    ):
        say("Skipping buildpack layer analysis")
        return
    restoring.restore(
        asked.layers,
        files.read_group(asked.group),
        of_image=files.read_analyzed(asked.analyzed).metadata,
        cache=cache,
        minor=asked.minor,
    )


def build(asked: Asked) -> None:
    refuse_root("build")
    _require("group", asked.group)
    _require("plan", asked.plan)
    shutil.rmtree(asked.layers / "sbom", ignore_errors=True)
    obey(asked.app, "build")
    given = asked.platform / "env"
    variables = {path.name: path.read_text() for path in given.glob("*")}
    environment = {**_seen_by_buildpacks(asked.environment), **variables}
    try:
        if added := certificates_bound(asked.platform):
            say(f"  Added {added} additional CA certificate(s) to system truststore")
        installing.install(asked.app, asked.layers, environment)
        packages = asked.layers / installing.LAYER / installing.PACKAGES
        frontends.build(asked.app, asked.layers, variables, packages)
    except (installing.BuildpackError, BindingError) as exc:
        raise PhaseError(51, f"failed to build: {exc}") from exc
    except OSError as exc:
        raise PhaseError(52, f"failed to build: {exc}") from exc


def _seen_by_buildpacks(environment: Mapping[str, str]) -> Mapping[str, str]:
    """env/build.go: of a phase's own variables, buildpacks see these and no others."""
    return {name: text for name, text in environment.items() if name in _SEEN}


def export(asked: Asked) -> None:
    own(asked, asked.given.cache_dir)
    analyzed = files.read_analyzed(asked.analyzed)
    if not analyzed.run_image:
        why = "run image not found in analyzed metadata"
        raise PhaseError(INVALID, f"failed to resolve inputs: {why}")
    _require("group", asked.group)
    buildpacks = files.read_group(asked.group)
    cache = asked.cache()
    tags = asked.given.images + (getattr(asked.given, "tag", None) or [])
    wanted = exporting.Wanted(
        run_image=analyzed.run_image,
        previous_image=analyzed.previous_image,
        previous=analyzed.metadata,
        buildpacks=buildpacks,
        app=asked.app,
        layers=asked.layers,
        project=files.read_project(asked.project),
        process=asked.given.process_type or "",
        platform_api=asked.environment.get("CNB_PLATFORM_API", ""),
    )
    try:
        pushed = exporting.push(asked.registry(), tags, wanted)
    except LayerError as exc:
        raise PhaseError(62, f"failed to export: {exc}") from exc
    except RegistryError as exc:
        raise PhaseError(
            62, f"failed to export: failed to write image to {asked.image}: {exc}"
        ) from exc
    exporting.report(asked.report, asked.given.images, pushed)
    say(f"Saving {asked.image}...")
    say(f"*** Images ({pushed.digest}):")
    say(f"      {asked.image}")
    if cache is not None:
        _fill(cache, asked.layers, buildpacks)


def _fill(cache: Cache, layers: Path, buildpacks: Sequence[str]) -> None:
    """cmd/lifecycle/exporter.go export: the image stands, whatever the cache does."""
    try:
        exporting.fill(cache, layers, buildpacks)
    except (OSError, RegistryError) as exc:
        say(f"Warning: Failed to export cache: {exc}")


def _require(name: str, path: Path) -> None:
    """platform/files/handle_toml.go; an error without a code of its own is 1."""
    if not path.is_file():
        why = f"open {path}: no such file or directory"
        raise PhaseError(FAILED, f"failed to read {name} file: {why}")


def create(asked: Asked) -> None:
    """cmd/lifecycle/creator.go: what phases tell each other is in memory."""
    own(asked, asked.given.cache_dir, str(asked.layers))
    become(asked)
    told: dict[Path, str] = {}
    for name, phase in PHASES.items():
        if name == "creator":
            continue
        say(f"===> {name.upper()[:-2]}ING")
        for path, text in told.items():
            path.write_text(text)
        phase(asked)
        if name in {"analyzer", "detector"}:
            paths = (asked.analyzed, asked.group)
            told = {path: path.read_text() for path in paths if path.exists()}


PHASES: Final[Mapping[str, Callable[[Asked], None]]] = {
    "analyzer": analyze,
    "detector": detect,
    "restorer": restore,
    "builder": build,
    "exporter": export,
    "creator": create,
}


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    phase, *flags = arguments
    if not environment.get("CNB_PLATFORM_API"):
        unset = "CNB_PLATFORM_API is unset; using Platform API version"
        say(f"Warning: {unset} '{DEFAULT_API}'")
    try:
        given = parsed(phase, flags, minor=minor_of(environment))
        PHASES[phase](Asked(given=given, environment=environment))
    except PhaseError as exc:
        say(f"ERROR: {exc}")
        sys.exit(exc.code)
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)  # noqa: TID251 - the pod's own
