"""The folders of layers: whose they are, what their flags say, how they are packed.

buildpack/layers.go and buildpack/layermetadata.go of buildpacks/lifecycle 0.20.x;
https://github.com/buildpacks/spec/blob/main/buildpack.md#layer-types
"""

import io
import json
import tarfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.standin.registry import Packed

_NO_LAYERS = frozenset({"store", "launch", "build"})
"""Names of TOML files beside layers that describe none; ReadLayersDir."""


class LayerError(Exception):
    """A layer's description cannot be read, or a layer cannot be exported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Types:
    """What a buildpack wants a layer for; false unless it says so in this build."""

    launch: bool = False
    build: bool = False
    cache: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of a buildpack, with or without contents."""

    buildpack: str
    path: Path
    types: Types = Types()
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def identifier(self) -> str:
        return f"{self.buildpack}:{self.name}"

    @property
    def has_contents(self) -> bool:
        return self.path.is_dir()

    def described(self, sha: str) -> dict[str, Any]:
        """Return what a label says of it."""
        types = self.types
        flags = {"launch": types.launch, "build": types.build, "cache": types.cache}
        return {"sha": sha, "data": dict(self.data), **flags}


def escaped(buildpack: str) -> str:
    """launch/launch.go EscapeID."""
    return buildpack.replace("/", "_")


def layers_of(folder: Path, buildpack: str) -> Sequence[Layer]:
    """Return a buildpack's layers: folders, and descriptions without one.

    Raises:
        LayerError: A description is none.
    """
    place = folder / escaped(buildpack)
    found = sorted(place.iterdir()) if place.is_dir() else []
    names = {path.name for path in found if path.is_dir()}
    names |= {path.stem for path in found if path.suffix == ".toml"} - _NO_LAYERS
    return [_read(buildpack, place / name) for name in sorted(names)]


def describe(path: Path, data: Mapping[str, str], types: Types | None = None) -> None:
    """Write a layer's TOML; without types as a restorer writes it.

    A restored description never has types: a buildpack that wants a layer again must
    say so (internal/layer/metadata_restorer.go).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} = {json.dumps(text)}" for name, text in data.items()]
    written = "\n".join(["[metadata]", *lines, ""])
    if types is not None:
        flags = {"launch": types.launch, "build": types.build, "cache": types.cache}
        written += "[types]\n" + "".join(
            f"{name} = {json.dumps(is_so)}\n" for name, is_so in flags.items()
        )
    path.with_name(f"{path.name}.toml").write_text(written)


def pack(
    trees: Iterable[tuple[Path, str]], links: Mapping[str, str] | None = None
) -> Packed:
    """Pack folders and files: the same contents give the same bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path, name in trees:
            if path.exists():
                archive.add(path, name, filter=_anonymous)
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    return Packed.of(raw.getvalue())


def pack_layer(layer: Layer) -> Packed:
    """layers/dir.go DirLayer: under its whole path, so it can be put back there."""
    return pack([(layer.path, str(layer.path).lstrip("/"))])


def unpack(raw: bytes) -> None:
    """layers/extract.go: every entry goes where its whole path says."""
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        archive.extractall("/", filter="fully_trusted")  # noqa: S202 - packed here


def _read(buildpack: str, path: Path) -> Layer:
    about = path.with_name(f"{path.name}.toml")
    try:
        told = tomllib.loads(about.read_text()) if about.exists() else {}
    except ValueError as exc:
        raise LayerError(f"failed to parse metadata for layers '{path.name}'") from exc
    types = told.get("types", {})
    return Layer(
        buildpack=buildpack,
        path=path,
        types=Types(**{name: bool(types.get(name)) for name in Types.__slots__}),
        data=told.get("metadata", {}),
    )


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    # Kubernetes sets the group's bit of folders in its volumes, and unpacking does not.
    info.mode = info.mode & 0o777 | (0o555 if info.isdir() else 0o444)
    return info
