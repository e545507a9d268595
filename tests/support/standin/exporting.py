"""Make an image of what was built and push it."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.standin import frontends
from tests.support.standin.installing import BUILDPACK, LAYER
from tests.support.standin.registry import (
    CONFIG,
    LAYER as LAYER_TYPE,
    MANIFEST,
    Reference,
    Registry,
    RegistryError,
    digest_of,
)

_LAUNCHER = "cnb/lifecycle/launcher"
_SBOM = f"layers/sbom/launch/{BUILDPACK.replace('/', '_')}/pip/sbom.cdx.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """An image in a registry."""

    digest: str
    manifest_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A layer: its name when packed, and when not."""

    data: bytes
    diff_id: str


def push(
    registry: Registry,
    *,
    run_image: str,
    tags: list[str],
    app: Path,
    layers: Path,
    platform_api: str,
) -> Pushed:
    """Put layers onto the run image, and push the whole under each tag.

    Raises:
        RegistryError: The registry did not take it.
    """
    base = Reference.parse(run_image)
    target = Reference.parse(tags[0]).repository
    manifest, config = _read(registry, base)
    for layer in manifest["layers"]:
        registry.mount(target, layer["digest"], source=base.repository)
    bill = layers / f"{LAYER}.sbom.cdx.json"
    trees = [(app, str(app).lstrip("/")), (layers / LAYER, f"layers/{LAYER}")]
    trees.append((layers / frontends.FOLDER, f"layers/{frontends.FOLDER}"))
    packed = _packed(trees), _launcher_layer(layers), _packed([(bill, _SBOM)])
    for layer in packed:
        registry.push_blob(target, layer.data)
    process = frontends.default_process(layers)
    about = _config(config, packed, app, process, platform_api)
    raw = _manifest(registry, target, manifest, about, packed)
    for tag in tags:
        registry.push_manifest(target, Reference.parse(tag).version, raw)
    return Pushed(digest=digest_of(raw), manifest_size=len(raw))


def report(path: Path, tags: list[str], pushed: Pushed) -> None:
    """Write the lifecycle's report.toml."""
    path.write_text(
        f"[build]\n\n[image]\n  tags = {json.dumps(tags)}\n"
        f'  digest = "{pushed.digest}"\n  manifest-size = {pushed.manifest_size}\n'
    )


def _read(
    registry: Registry, image: Reference
) -> tuple[dict[str, Any], dict[str, Any]]:
    found = registry.manifest(image.repository, image.version)
    if found is None:
        raise RegistryError(f"{image.host}/{image.repository}: MANIFEST_UNKNOWN")
    manifest = found.json()
    config = registry.blob(image.repository, manifest["config"]["digest"])
    return manifest, json.loads(config)


def _launcher_layer(layers: Path) -> Packed:
    """Pack the launcher, what it starts, and a link for each process type.

    phase/exporter.go addLauncherLayers: the launcher is the builder's own.
    """
    trees = [
        (Path(f"/{_LAUNCHER}"), _LAUNCHER),
        (layers / "config" / "metadata.toml", "layers/config/metadata.toml"),
    ]
    types = frontends.process_types(layers)
    return _packed(trees, {f"cnb/process/{each}": f"/{_LAUNCHER}" for each in types})


def _packed(
    trees: list[tuple[Path, str]], links: Mapping[str, str] | None = None
) -> Packed:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path, name in trees:
            if path.exists():
                archive.add(path, name, filter=_anonymous)
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    data = gzip.compress(raw.getvalue(), compresslevel=1, mtime=0)
    return Packed(data=data, diff_id=digest_of(raw.getvalue()))


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    info.mode |= 0o555 if info.isdir() else 0o444
    return info


def _config(
    base: dict[str, Any],
    packed: tuple[Packed, ...],
    app: Path,
    process: str,
    platform_api: str,
) -> bytes:
    """Say how a session starts; phase/exporter.go setEnv, setWorkingDir, entrypoint."""
    names = [it.diff_id for it in packed]
    about = json.dumps({"sbom": {"sha": names[-1]}})
    ran = base["config"]
    parted = (variable.partition("=") for variable in ran["Env"])
    variables = {name: value for name, _, value in parted if name != "PYTHONPATH"}
    variables |= {
        "CNB_APP_DIR": str(app),
        "CNB_DEPRECATION_MODE": "quiet",
        "CNB_LAYERS_DIR": "/layers",
        "CNB_PLATFORM_API": platform_api,
        "PATH": f"/cnb/process:/cnb/lifecycle:{variables['PATH']}",
    }
    config = {
        **base,
        "rootfs": {**base["rootfs"], "diff_ids": base["rootfs"]["diff_ids"] + names},
        "config": {
            **{name: value for name, value in ran.items() if name != "Cmd"},
            "Entrypoint": [f"/cnb/process/{process}" if process else f"/{_LAUNCHER}"],
            "WorkingDir": str(app),
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "Labels": {"io.buildpacks.lifecycle.metadata": about},
        },
    }
    config.pop("history", None)
    return json.dumps(config).encode()


def _manifest(
    registry: Registry,
    target: str,
    base: dict[str, Any],
    config: bytes,
    packed: tuple[Packed, ...],
) -> bytes:
    new = [_described(LAYER_TYPE, it.data) for it in packed]
    registry.push_blob(target, config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _described(CONFIG, config),
        "layers": base["layers"] + new,
    }
    return json.dumps(manifest).encode()


def _described(kind: str, data: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}
