"""A tree of files as an image: the same bytes for the same tree, whoever packs it.

https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md and `image-layout.md`
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

__all__ = ["CONFIG", "LAYER", "MANIFEST", "Image", "Link", "Tree", "layer", "packed"]

CONFIG: Final = "application/vnd.oci.image.config.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


Tree = Mapping[str, Path | bytes | Link]
"""What is where, without the first slash: a file of this machine, a text, or a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: its blobs by their digests, and the manifest that names them."""

    manifest: bytes
    blobs: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """The digest of the manifest, by which the image is pulled."""
        return _digest(self.manifest)

    def write(self, path: Path, *, name: str, epoch: int) -> None:
        """Write an archive of OCI's image layout, which `skopeo copy` reads."""
        index = {
            "schemaVersion": 2,
            "manifests": [
                _described(MANIFEST, self.manifest)
                | {"annotations": {"org.opencontainers.image.ref.name": name}}
            ],
        }
        files = {
            "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
            "index.json": _json(index),
            **{
                f"blobs/{digest.replace(':', '/')}": blob
                for digest, blob in {**self.blobs, self.digest: self.manifest}.items()
            },
        }
        path.write_bytes(layer(files, epoch=epoch))


def layer(tree: Tree, *, epoch: int) -> bytes:
    """Return a tree as a tar: sorted, owned by root, all of one time.

    Programs are what begins with `#!` or is an ELF file; nothing is writable but `tmp`.
    """
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder in sorted(_folders(tree)):
            info = _info(folder, epoch)
            info.type = tarfile.DIRTYPE
            info.mode = 0o1777 if folder == "tmp" else 0o755
            archive.addfile(info)
        for name, content in sorted(tree.items()):
            info = _info(name, epoch)
            if isinstance(content, Link):
                info.type, info.linkname = tarfile.SYMTYPE, content.target
                archive.addfile(info)
                continue
            data = content if isinstance(content, bytes) else content.read_bytes()
            is_program = data[:2] == b"#!" or data[:4] == b"\x7fELF"
            info.size, info.mode = len(data), 0o755 if is_program else 0o644
            archive.addfile(info, io.BytesIO(data))
    return raw.getvalue()


def packed(layers: Sequence[bytes], *, config: Mapping[str, Any], epoch: int) -> Image:
    """Return an image of layers, the lowest first."""
    created = _timestamp(epoch)
    # No name and no time in the header of gzip: they would differ.
    compressed = [gzip.compress(part, compresslevel=6, mtime=0) for part in layers]
    about = {
        "created": created,
        "architecture": "amd64",
        "os": "linux",
        "config": dict(config),
        "rootfs": {"type": "layers", "diff_ids": [_digest(part) for part in layers]},
        "history": [
            {"created": created, "created_by": "scripts.image"} for _ in layers
        ],
    }
    described = _json(about)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _described(CONFIG, described),
        "layers": [_described(LAYER, part) for part in compressed],
    }
    return Image(
        manifest=_json(manifest),
        blobs={_digest(blob): blob for blob in (*compressed, described)},
    )


def _timestamp(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _folders(tree: Tree) -> set[str]:
    return {str(up) for name in tree for up in PurePosixPath(name).parents} - {"."}


def _info(name: str, epoch: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mtime = epoch
    return info


def _described(kind: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
