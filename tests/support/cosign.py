"""What cosign writes and checks, from its specifications and not from our code.

Signatures are checked by OpenSSL's program, envelopes by the protocol's own library.
https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md,
https://github.com/sigstore/cosign/blob/main/specs/ATTESTATION_SPEC.md,
https://github.com/secure-systems-lab/go-securesystemslib (`encrypted`)
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from nacl.secret import SecretBox
from securesystemslib.dsse import Envelope
from securesystemslib.signer._key import SSlibKey

from tests.support.standin.registry import Registry, digest_of

__all__ = ["KeyPair", "attestations", "image_in", "signatures", "verified"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    private: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, curve: ec.EllipticCurve | None = None) -> "KeyPair":
        return cls(private=ec.generate_private_key(curve or ec.SECP256R1()))

    def encrypted(
        self, password: str, *, word: str = "SIGSTORE", cost: int = 32768
    ) -> str:
        """The private key as `cosign generate-key-pair` writes it."""
        salt, nonce = os.urandom(32), os.urandom(24)
        derived = hashlib.scrypt(
            password.encode(), salt=salt, n=cost, r=8, p=1, maxmem=2**27, dklen=32
        )
        der = self.private.private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        )
        wrapped = {
            "kdf": {
                "name": "scrypt",
                "params": {"N": cost, "r": 8, "p": 1},
                "salt": _text(salt),
            },
            "cipher": {"name": "nacl/secretbox", "nonce": _text(nonce)},
            "ciphertext": _text(SecretBox(derived).encrypt(der, nonce).ciphertext),
        }
        return armoured(word, json.dumps(wrapped).encode())

    def plain(
        self,
        shape: PrivateFormat = PrivateFormat.PKCS8,
        encryption: KeySerializationEncryption | None = None,
    ) -> str:
        chosen = encryption or NoEncryption()
        return self.private.private_bytes(Encoding.PEM, shape, chosen).decode()

    def locked(self, password: str) -> str:
        """The private key as OpenSSL encrypts it."""
        return self.plain(encryption=BestAvailableEncryption(password.encode()))

    @property
    def public(self) -> str:
        shape = PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(Encoding.PEM, shape).decode()


def armoured(word: str, body: bytes) -> str:
    text = _text(body)
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    name = f"ENCRYPTED {word} PRIVATE KEY"
    return f"-----BEGIN {name}-----\n{lines}\n-----END {name}-----\n"


def image_in(registry: Registry, repository: str) -> str:
    """Push a small image; return its digest."""
    layer, config = b"layer", json.dumps({"rootfs": {"diff_ids": []}}).encode()
    for data in (layer, config):
        registry.push_blob(repository, data)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            **_described(config),
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                **_described(layer),
            }
        ],
    }
    raw = json.dumps(manifest).encode()
    registry.push_manifest(repository, digest_of(raw), raw)
    return digest_of(raw)


def signatures(
    registry: Registry, repository: str, digest: str, key: KeyPair, folder: Path
) -> Sequence[dict[str, Any]]:
    """The payloads of an image's signatures by a key, checked as the spec says."""
    found = []
    for layer in _layers(registry, repository, digest, "sig"):
        kind = "application/vnd.dev.cosign.simplesigning.v1+json"
        assert layer["mediaType"] == kind
        payload = registry.blob(repository, layer["digest"])
        assert digest_of(payload) == layer["digest"]
        assert len(payload) == layer["size"]
        text = layer["annotations"]["dev.cosignproject.cosign/signature"]
        if not verified(payload, base64.b64decode(text), key, folder):
            continue
        read = json.loads(payload)
        assert read["critical"]["type"] == "cosign container image signature"
        assert read["critical"]["image"]["docker-manifest-digest"] == digest
        assert isinstance(read["optional"], dict)
        found.append(read)
    return found


def attestations(
    registry: Registry, repository: str, digest: str, key: KeyPair
) -> Sequence[dict[str, Any]]:
    """The statements about an image that a key signed."""
    known = SSlibKey.from_crypto(key.private.public_key())
    # cosign names no key in its envelopes, and the library compares names.
    public = SSlibKey("", known.keytype, known.scheme, known.keyval)
    found = []
    for layer in _layers(registry, repository, digest, "att"):
        assert layer["mediaType"] == "application/vnd.dsse.envelope.v1+json"
        # pkg/oci/internal/signature/layer.go of cosign refuses a layer without it.
        assert layer["annotations"]["dev.cosignproject.cosign/signature"] == ""
        envelope = json.loads(registry.blob(repository, layer["digest"]))
        read = Envelope.from_dict(envelope)
        read.verify([public], 1)
        assert read.payload_type == "application/vnd.in-toto+json"
        statement = json.loads(read.payload)
        assert statement["predicateType"] == layer["annotations"]["predicateType"]
        algorithm, _, value = digest.partition(":")
        assert [item["digest"] for item in statement["subject"]] == [{algorithm: value}]
        found.append(statement)
    return found


def verified(data: bytes, signature: bytes, key: KeyPair, folder: Path) -> bool:
    """Ask OpenSSL whether a key signed data; skip the test where it is not there."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl, which checks signatures independently")
    for name, content in (
        ("payload", data),
        ("signature", signature),
        ("public.pem", key.public.encode()),
    ):
        (folder / name).write_bytes(content)
    command = ["openssl", "dgst", "-sha256", "-verify", "public.pem"]
    done = subprocess.run(
        [*command, "-signature", "signature", "payload"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() == "Verified OK"


def _layers(
    registry: Registry, repository: str, digest: str, suffix: str
) -> Sequence[dict[str, Any]]:
    answer = registry.manifest(repository, f"{digest.replace(':', '-')}.{suffix}")
    if answer is None:
        return []
    manifest = answer.json()
    config = json.loads(registry.blob(repository, manifest["config"]["digest"]))
    layers: list[dict[str, Any]] = manifest["layers"]
    # https://github.com/opencontainers/image-spec/blob/main/config.md: one for each.
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in layers]
    return layers


def _described(data: bytes) -> dict[str, Any]:
    return {"digest": digest_of(data), "size": len(data)}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
