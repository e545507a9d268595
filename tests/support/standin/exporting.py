"""Make an image of what was built and push it; then fill the cache.

phase/exporter.go and phase/cache.go of buildpacks/lifecycle 0.20.x.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.standin import frontends
from tests.support.standin.caching import Cache, of_buildpack
from tests.support.standin.folders import (
    Layer,
    LayerError,
    layers_of,
    pack,
    pack_layer,
)
from tests.support.standin.orders import say
from tests.support.standin.registry import (
    Packed,
    Reference,
    Registry,
    RegistryError,
    described,
    digest_of,
    push_manifest_of,
    read_image,
)

LABEL = "io.buildpacks.lifecycle.metadata"
PROJECT_LABEL = "io.buildpacks.project.metadata"
_LAUNCHER = "cnb/lifecycle/launcher"
_SBOM = "buildpacksio/lifecycle:launch.sbom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """An image in a registry."""

    digest: str
    manifest_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an image is made of."""

    run_image: str
    previous_image: str
    """Whose layers may be reused; empty for none."""
    previous: Mapping[str, Any]
    """What analyze read off its label."""
    buildpacks: Sequence[str]
    app: Path
    layers: Path
    project: Mapping[str, Any]
    process: str
    """The default process type that was asked for; the buildpacks' when empty."""
    platform_api: str


@dataclass(kw_only=True)
class _Image:
    """An image that is being made: its layers and what labels will say of them."""

    registry: Registry
    repository: str
    previous: tuple[dict[str, Any], dict[str, Any]] | None
    previous_repository: str
    diff_ids: list[str] = field(default_factory=list)
    layers: list[dict[str, Any]] = field(default_factory=list)

    def add_or_reuse(self, name: str, packed: Packed, previous_sha: str) -> str:
        """phase/exporter.go addOrReuseBuildpackLayer."""
        if packed.diff_id == previous_sha:
            self.reuse(name, previous_sha)
        else:
            say(f"Adding layer '{name}'")
            self.registry.push_blob(self.repository, packed.data)
            self.diff_ids.append(packed.diff_id)
            self.layers.append(described(packed.data))
        return packed.diff_id

    def reuse(self, name: str, sha: str) -> None:
        """Have a layer of the previous image; its bytes go nowhere.

        Raises:
            RegistryError: The previous image, or the layer in it, is gone.
        """
        say(f"Reusing layer '{name}'")
        known = self.previous[1]["rootfs"]["diff_ids"] if self.previous else []
        if self.previous is None or sha not in known:
            raise RegistryError(f"previous image did not have layer with diff id {sha}")
        layer = self.previous[0]["layers"][known.index(sha)]
        self.registry.mount(
            self.repository, layer["digest"], source=self.previous_repository
        )
        self.diff_ids.append(sha)
        self.layers.append(layer)


def push(registry: Registry, tags: Sequence[str], wanted: Wanted) -> Pushed:
    """Put layers onto the run image, and push the whole under each tag.

    Raises:
        LayerError: A layer cannot become one of an image.
        RegistryError: The registry did not take it.
    """
    process = _process(wanted)
    base = Reference.parse(wanted.run_image)
    target = Reference.parse(tags[0]).repository
    read = read_image(registry, base)
    if read is None:
        raise RegistryError(f"{base.host}/{base.repository}: MANIFEST_UNKNOWN")
    manifest, config = read
    for layer in manifest["layers"]:
        registry.mount(target, layer["digest"], source=base.repository)
    image = _start(registry, target, wanted)
    about = _add_layers(image, wanted)
    # The analyzer resolved it: phase/exporter.go, opts.RunImageRef.
    about |= {"runImage": {"reference": wanted.run_image}}
    written = _config(config, image, wanted, process, about)
    raw = push_manifest_of(
        registry, target, tags, written, [*manifest["layers"], *image.layers]
    )
    return Pushed(digest=digest_of(raw), manifest_size=len(raw))


def fill(cache: Cache, folder: Path, buildpacks: Sequence[str]) -> None:
    """Keep the cached layers of this build, and forget all others."""
    kept, packed = [], {}
    known = cache.metadata()
    for buildpack in buildpacks:
        about: dict[str, Any] = {}
        for layer in layers_of(folder, buildpack):
            if not layer.types.cache:
                continue
            if not layer.has_contents:
                name = layer.identifier
                why = "because it has no contents"
                say(f"Warning: Failed to cache layer '{name}' {why}")
                continue
            found = pack_layer(layer)
            before = of_buildpack(known, buildpack).get(layer.name, {})
            if before.get("sha") == found.diff_id:
                say(f"Reusing cache layer '{layer.identifier}'")
            # Said of reused layers, too: phase/cache.go addOrReuseCacheLayer goes on.
            say(f"Adding cache layer '{layer.identifier}'")
            about[layer.name] = layer.described(found.diff_id)
            packed[found.diff_id] = found
        kept.append({"key": buildpack, "version": "1.0", "layers": about})
    cache.save({"buildpacks": kept}, packed)


def report(path: Path, tags: list[str], pushed: Pushed) -> None:
    """Write the lifecycle's report.toml."""
    path.write_text(
        f"[build]\n\n[image]\n  tags = {json.dumps(tags)}\n"
        f'  digest = "{pushed.digest}"\n  manifest-size = {pushed.manifest_size}\n'
    )


def identifier(registry: Registry, image: Reference) -> str | None:
    """Name an image by digest; phase/analyzer.go. None when it is not there."""
    found = registry.manifest(image.repository, image.version)
    if found is None:
        return None
    return f"{image.host}/{image.repository}@{digest_of(found.body)}"


def _process(wanted: Wanted) -> str:
    """Choose what the image starts; phase/exporter.go entrypoint."""
    if not wanted.process:
        return frontends.default_process(wanted.layers)
    if wanted.process not in frontends.process_types(wanted.layers):
        raise LayerError(
            f"tried to set {wanted.process} to default but it doesn't exist"
        )
    say(f"Setting default process type '{wanted.process}'")
    return wanted.process


def _start(registry: Registry, target: str, wanted: Wanted) -> _Image:
    previous, repository = None, ""
    if wanted.previous_image:
        say(f"Reusing layers from image '{wanted.previous_image}'")
        reference = Reference.parse(wanted.previous_image)
        previous, repository = read_image(registry, reference), reference.repository
    return _Image(
        registry=registry,
        repository=target,
        previous=previous,
        previous_repository=repository,
    )


def _add_layers(image: _Image, wanted: Wanted) -> dict[str, Any]:
    """Add everything in the lifecycle's order; return what the label says of it."""
    folder, before = wanted.layers, wanted.previous
    about: dict[str, Any] = {
        "buildpacks": [
            {
                "key": buildpack,
                "version": "1.0",
                "layers": dict(_launched(image, folder, buildpack, before)),
            }
            for buildpack in wanted.buildpacks
        ]
    }
    if (folder / "sbom" / "launch").exists():
        bills = pack([(folder / "sbom" / "launch", "layers/sbom/launch")])
        sha = image.add_or_reuse(_SBOM, bills, _sha(before, "sbom"))
        about["sbom"] = {"sha": sha}
    app = pack([(wanted.app, str(wanted.app).lstrip("/"))])
    known = [item["sha"] for item in before.get("app", ())]
    about["app"] = [{"sha": _add_app(image, app, known)}]
    launcher = _launcher_layer(folder)
    name = "buildpacksio/lifecycle:launcher"
    sha = image.add_or_reuse(name, launcher, _sha(before, "launcher"))
    return about | {"launcher": {"sha": sha}}


def _launched(
    image: _Image, folder: Path, buildpack: str, before: Mapping[str, Any]
) -> Iterable[tuple[str, Any]]:
    """Add a buildpack's launch layers; phase/exporter.go addBuildpackLayers."""
    known = of_buildpack(before, buildpack)
    for layer in layers_of(folder, buildpack):
        if not layer.types.launch:
            continue
        sha = str(known.get(layer.name, {}).get("sha", ""))
        if layer.has_contents:
            sha = image.add_or_reuse(layer.identifier, pack_layer(layer), sha)
        else:
            _refuse_unknown(layer, sha)
            image.reuse(layer.identifier, sha)
        yield layer.name, layer.described(sha)


def _refuse_unknown(layer: Layer, sha: str) -> None:
    name = layer.identifier
    if layer.types.cache:
        raise LayerError(f"layer '{name}' is cache=true but has no contents")
    if not sha:
        raise LayerError(
            f"cannot reuse '{name}', previous image has no metadata for layer '{name}'"
        )


def _add_app(image: _Image, app: Packed, known: Sequence[str]) -> str:
    if app.diff_id in known:
        image.reuse("app", app.diff_id)
        say("Reused 1/1 app layer(s)")
    else:
        image.registry.push_blob(image.repository, app.data)
        image.diff_ids.append(app.diff_id)
        image.layers.append(described(app.data))
        say("Added 1/1 app layer(s)")
    return app.diff_id


def _sha(about: Mapping[str, Any], part: str) -> str:
    return str((about.get(part) or {}).get("sha", ""))


def _launcher_layer(layers: Path) -> Packed:
    """Pack the launcher, what it starts, and a link for each process type.

    phase/exporter.go addLauncherLayers: the launcher is the builder's own.
    """
    trees = [
        (Path(f"/{_LAUNCHER}"), _LAUNCHER),
        (layers / "config" / "metadata.toml", "layers/config/metadata.toml"),
    ]
    types = frontends.process_types(layers)
    return pack(trees, {f"cnb/process/{each}": f"/{_LAUNCHER}" for each in types})


def _config(
    base: dict[str, Any],
    image: _Image,
    wanted: Wanted,
    process: str,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """Say how a session starts; phase/exporter.go setEnv, setWorkingDir, setLabels."""
    ran = base["config"]
    parted = (variable.partition("=") for variable in ran["Env"])
    variables = {name: value for name, _, value in parted if name != "PYTHONPATH"}
    variables |= {
        "CNB_APP_DIR": str(wanted.app),
        "CNB_DEPRECATION_MODE": "quiet",
        "CNB_LAYERS_DIR": "/layers",
        "CNB_PLATFORM_API": wanted.platform_api,
        "PATH": f"/cnb/process:/cnb/lifecycle:{variables['PATH']}",
    }
    names = base["rootfs"]["diff_ids"] + image.diff_ids
    return {
        **{name: value for name, value in base.items() if name != "history"},
        "rootfs": {**base["rootfs"], "diff_ids": names},
        "config": {
            **{name: value for name, value in ran.items() if name != "Cmd"},
            "Entrypoint": [f"/cnb/process/{process}" if process else f"/{_LAUNCHER}"],
            "WorkingDir": str(wanted.app),
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "Labels": {
                LABEL: json.dumps(about),
                PROJECT_LABEL: json.dumps(dict(wanted.project)),
            },
        },
    }
