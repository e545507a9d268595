"""Sign an image and attach its provenance, idempotently."""

import json
from dataclasses import dataclass
from typing import Final

import structlog

from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.responses import digest_of
from service.adapters.kubernetes.signing.attachments import (
    ATTESTATION,
    PREDICATE_TYPE,
    SIGNATURE,
    Attached,
    Attachment,
    Json,
    annotation_of,
    signature_of,
)
from service.adapters.kubernetes.signing.envelope import (
    ENVELOPE,
    read_envelope,
    to_envelope,
)
from service.adapters.kubernetes.signing.keys import SigningKey
from service.adapters.kubernetes.signing.provenance import SLSA, is_provenance
from service.adapters.kubernetes.signing.pushing import Pusher

__all__ = ["Signer"]

log = structlog.get_logger(__name__)

_SIMPLE_SIGNING: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
_MOST: Final = 50
"""How many attestations of an image are searched for ours, the newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnStatement:
    """One of our own statements, attached to an image."""

    layer: Json
    statement: bytes


# One per builder, so one that signs: the leader's. It keeps no record of what it
# signed; the registry is asked, since another leader may have done it.
class Signer:
    """Signs images in their registry.

    Args:
        pusher: Reads and writes the attachments of images.
        key: The signing key.
    """

    def __init__(self, *, pusher: Pusher, key: SigningKey) -> None:
        self._pusher = pusher
        self._key = key

    async def is_signed(self, image: ImageReference) -> bool:
        """Return whether an image has a signature by this key.

        Raises:
            TransientError: The registry did not answer as expected.
        """
        return self._has_signed(await self._pusher.attached(image, SIGNATURE), image)

    async def sign(self, image: ImageReference) -> None:
        """Sign an image, unless it is signed already.

        Raises:
            RegistryRefusedError: The registry denies access.
            TransientError: The registry did not accept it.
        """
        before = await self._pusher.attached(image, SIGNATURE)
        if self._has_signed(before, image):
            return
        payload = _create_payload(image)
        new = Attachment(
            media_type=_SIMPLE_SIGNING, data=payload, signature=self._key.sign(payload)
        )
        await self._pusher.attach(image, SIGNATURE, before, new)
        log.info("image signed", image=image.repository, digest=image.version)

    async def attest(self, image: ImageReference, statement: bytes) -> None:
        """Attach a provenance statement; replace an earlier one of ours.

        Two builds may produce the same image, bit for bit: then the statement is about
        the last one. Attestations by other signers stay.

        Raises:
            RegistryRefusedError: The registry denies access.
            TransientError: The registry did not accept it.
        """
        before = await self._pusher.attached(image, ATTESTATION)
        # The newest are at the end. Each candidate costs a request, and anybody who may
        # push can attach thousands.
        candidates = [layer for layer in before.layers if _is_provenance(layer)][
            -_MOST:
        ]
        read = [await self._read_own(image, layer) for layer in candidates]
        own = [attached for attached in read if attached is not None]
        # Equal facts give equal bytes, so a repeated attempt finds its own statement
        # and attaches no second one.
        if [attached.statement for attached in own] == [statement]:
            return
        new = Attachment(
            media_type=ENVELOPE,
            data=to_envelope(statement, self._key),
            annotations={PREDICATE_TYPE: SLSA},
        )
        others = before.without([attached.layer for attached in own])
        await self._pusher.attach(image, ATTESTATION, others, new)
        log.info("provenance attached", image=image.repository, digest=image.version)

    def _has_signed(self, attached: Attached, image: ImageReference) -> bool:
        # The payload is deterministic, so its digest finds the layer; the signature is
        # checked as well, since anybody who may push can attach such a layer.
        payload = _create_payload(image)
        digest = digest_of(payload)
        return any(
            layer["digest"] == digest
            and self._key.has_signed(payload, signature_of(layer))
            for layer in attached.layers
        )

    async def _read_own(
        self, image: ImageReference, layer: Json
    ) -> _OwnStatement | None:
        envelope = await self._pusher.content(image, layer)
        statement = read_envelope(envelope, self._key)
        if statement is None or not is_provenance(statement):
            return None
        return _OwnStatement(layer=layer, statement=statement)


def _is_provenance(layer: Json) -> bool:
    is_of_slsa = annotation_of(layer, PREDICATE_TYPE) == SLSA
    return layer.get("mediaType") == ENVELOPE and is_of_slsa


def _create_payload(image: ImageReference) -> bytes:
    """Create what a signature is over: the same bytes for the same image.

    It has no timestamp and no random part, so that an existing signature is recognized
    by its payload. Some verifiers compare the reference with the name by which an image
    is pulled.

    https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#simple-signing
    https://github.com/containers/image/blob/main/docs/containers-signature.5.md
    """
    # Key order and separators are part of the signed bytes: a change here makes every
    # existing signature unrecognisable to us, and each image would be signed a second
    # time.
    critical = {
        "identity": {"docker-reference": f"{image.host}/{image.repository}"},
        "image": {"docker-manifest-digest": image.version},
        "type": "cosign container image signature",
    }
    return json.dumps(
        {"critical": critical, "optional": {}}, separators=(",", ":")
    ).encode()
