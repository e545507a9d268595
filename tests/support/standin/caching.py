"""Caches of layers: an image, or a folder of a volume.

cache/image_cache.go, cache/volume_cache.go and initCache in cmd/lifecycle/main.go of
buildpacks/lifecycle 0.20.x. Both verify what they give back, and a cache that is away
or broken is an empty one; only a folder that cannot be written ends a phase.
"""

import gzip
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.support.standin.orders import say
from tests.support.standin.registry import (
    Packed,
    Reference,
    Registry,
    digest_of,
    push_image,
    read_image,
)

LABEL = "io.buildpacks.lifecycle.cache.metadata"

Metadata = Mapping[str, Any]
"""platform/cache.go CacheMetadata."""


class Cache(Protocol):
    @property
    def exists(self) -> bool: ...
    def metadata(self) -> Metadata: ...
    def layer(self, sha: str) -> bytes | None: ...
    def save(self, metadata: Metadata, layers: Mapping[str, Packed]) -> None: ...


def of_buildpack(metadata: Metadata, buildpack: str) -> Mapping[str, Any]:
    """Return what is known of a buildpack's layers, by their names."""
    found = [
        item for item in metadata.get("buildpacks", ()) if item["key"] == buildpack
    ]
    layers: Mapping[str, Any] = found[0]["layers"] if found else {}
    return layers


@dataclass(kw_only=True)
class VolumeCache:
    """`committed/` holds it; `staging/` becomes it by a rename."""

    folder: Path

    def __post_init__(self) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir()
        (self.folder / "committed").mkdir(exist_ok=True)

    @property
    def exists(self) -> bool:
        return True

    def metadata(self) -> Metadata:
        try:
            found = json.loads((self.folder / "committed" / LABEL).read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def layer(self, sha: str) -> bytes | None:
        try:
            raw = (self.folder / "committed" / f"{sha}.tar").read_bytes()
        except OSError:
            return None
        return raw if digest_of(raw) == sha else None

    def save(self, metadata: Metadata, layers: Mapping[str, Packed]) -> None:
        for sha, packed in layers.items():
            (self._staging / f"{sha}.tar").write_bytes(gzip.decompress(packed.data))
        (self._staging / LABEL).write_text(json.dumps(metadata))
        backup = self.folder / "committed-backup"
        shutil.rmtree(backup, ignore_errors=True)
        (self.folder / "committed").rename(backup)
        self._staging.rename(self.folder / "committed")
        shutil.rmtree(backup, ignore_errors=True)

    @property
    def _staging(self) -> Path:
        return self.folder / "staging"


@dataclass(kw_only=True)
class ImageCache:
    """An image whose label says what its layers are."""

    registry: Registry
    image: Reference
    _read: tuple[dict[str, Any], dict[str, Any]] | None = field(init=False)

    def __post_init__(self) -> None:
        self._read = read_image(self.registry, self.image)

    @property
    def exists(self) -> bool:
        return self._read is not None

    def metadata(self) -> Metadata:
        if self._read is None:
            return {}
        labels = self._read[1]["config"].get("Labels") or {}
        found: Metadata = json.loads(labels.get(LABEL, "{}"))
        return found

    def layer(self, sha: str) -> bytes | None:
        if self._read is None or sha not in self._read[1]["rootfs"]["diff_ids"]:
            return None
        manifest, config = self._read
        place = config["rootfs"]["diff_ids"].index(sha)
        digest = manifest["layers"][place]["digest"]
        return gzip.decompress(self.registry.blob(self.image.repository, digest))

    def save(self, metadata: Metadata, layers: Mapping[str, Packed]) -> None:
        config = {"config": {"Labels": {LABEL: json.dumps(metadata)}}}
        # imgutil's AddEmptyLayerOnSave: registries take no image without layers.
        packed = list(layers.values()) or [Packed.of(bytes(1024))]
        push_image(self.registry, self.image, config, packed)


def open_cache(
    registry: Registry, image: str | None, folder: str | None
) -> Cache | None:
    """Return the cache that a phase was told of; an image comes first."""
    if image:
        return ImageCache(registry=registry, image=Reference.parse(image))
    if folder:
        return VolumeCache(folder=Path(folder))
    say("Warning: No cached data will be used, no cache specified.")
    return None
