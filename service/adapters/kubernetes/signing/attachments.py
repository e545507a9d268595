"""Signatures and attestations: an OCI manifest tagged by the image's digest.

Each signature or attestation is a layer of it, with the signature in an annotation:
https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#storage and
`ATTESTATION_SPEC.md` beside it. Pure.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from service.adapters.kubernetes.oci.responses import DIGEST, digest_of

__all__ = [
    "ATTESTATION",
    "CONFIG",
    "MANIFEST",
    "PREDICATE_TYPE",
    "SIGNATURE",
    "Attached",
    "Attachment",
    "annotation_of",
    "signature_of",
    "tag_of",
]

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
SIGNATURE: Final = "sig"
ATTESTATION: Final = "att"
PREDICATE_TYPE: Final = "predicateType"
"""The annotation by which cosign finds attestations of one type."""
_SIGNATURE: Final = "dev.cosignproject.cosign/signature"

Json = Mapping[str, Any]


def tag_of(digest: str, suffix: str) -> str:
    """Return the tag of the signatures or attestations of a digest."""
    return f"{digest.replace(':', '-')}.{suffix}"


def signature_of(layer: Json) -> bytes:
    """Return the signature of a layer; empty when it has none."""
    try:
        # `validate`: without it foreign characters are skipped, and two different
        # annotations would hold the same signature.
        return base64.b64decode(annotation_of(layer, _SIGNATURE), validate=True)
    except (binascii.Error, ValueError):
        return b""


def annotation_of(layer: Json, name: str) -> str:
    """Return an annotation of a layer; empty when it has none."""
    annotations = layer.get("annotations")
    text = annotations.get(name) if isinstance(annotations, dict) else None
    return text if isinstance(text, str) else ""


def _has_digest(layer: Json) -> bool:
    digest = layer.get("digest")
    return isinstance(digest, str) and DIGEST.fullmatch(digest) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One signature or attestation."""

    media_type: str
    data: bytes
    signature: bytes = b""
    """The signature of the data; empty for an envelope, which holds its own. Its
    annotation is written in any case: cosign rejects layers without it."""
    annotations: Mapping[str, str] = field(default_factory=dict)

    def to_descriptor(self) -> dict[str, Any]:
        """Return the descriptor of a manifest's layer."""
        return {
            "mediaType": self.media_type,
            "digest": digest_of(self.data),
            "size": len(self.data),
            "annotations": {
                **self.annotations,
                _SIGNATURE: base64.b64encode(self.signature).decode(),
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """All signatures, or all attestations, of an image."""

    layers: Sequence[Json] = ()

    @classmethod
    def from_manifest(cls, manifest: Json) -> Self:
        """Read an untrusted manifest; malformed layers are left out."""
        entries = manifest.get("layers")
        layers = entries if isinstance(entries, list) else []
        return cls(
            layers=[
                layer
                for layer in layers
                if isinstance(layer, dict) and _has_digest(layer)
            ]
        )

    def without(self, layers: Sequence[Json]) -> Self:
        """Return a copy without some layers."""
        return type(self)(
            layers=[layer for layer in self.layers if layer not in layers]
        )

    def with_attachment(self, attachment: Attachment) -> Self:
        """Return a copy with one more layer; those of other signers stay."""
        return type(self)(layers=[*self.layers, attachment.to_descriptor()])

    def config(self) -> bytes:
        """Return the configuration that an image manifest must have, as JSON."""
        # Layers are not compressed, so their digests are their own `diff_ids`. Tools
        # that append a layer compare the two counts.
        config = {
            "architecture": "",
            "os": "",
            "config": {},
            "rootfs": {
                "type": "layers",
                "diff_ids": [str(layer["digest"]) for layer in self.layers],
            },
        }
        return json.dumps(config, separators=(",", ":")).encode()

    def manifest(self) -> bytes:
        """Return the manifest as JSON."""
        config = self.config()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": CONFIG,
                "digest": digest_of(config),
                "size": len(config),
            },
            "layers": list(self.layers),
        }
        return json.dumps(manifest, separators=(",", ":")).encode()
