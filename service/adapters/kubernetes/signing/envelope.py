"""Sign a statement and wrap it into an envelope: DSSE.

https://github.com/secure-systems-lab/dsse/blob/master/protocol.md and `envelope.md`
beside it.
"""

import base64
import json
from typing import Final

from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError

from service.adapters.kubernetes.signing.keys import SigningKey

__all__ = ["ENVELOPE", "IN_TOTO", "read_envelope", "to_envelope"]

ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
IN_TOTO: Final = "application/vnd.in-toto+json"


class _Signature(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    sig: Base64Bytes


class _Envelope(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    payloadType: str  # noqa: N815 - the protocol's word
    payload: Base64Bytes
    signatures: tuple[_Signature, ...]


def to_envelope(statement: bytes, key: SigningKey) -> bytes:
    """Sign a statement and wrap it into an envelope, as JSON."""
    signature = key.sign(_encode_pae(IN_TOTO, statement))
    # `keyid` is an unauthenticated hint; cosign leaves it empty, too.
    envelope = {
        "payloadType": IN_TOTO,
        "payload": base64.b64encode(statement).decode(),
        "signatures": [{"keyid": "", "sig": base64.b64encode(signature).decode()}],
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def read_envelope(envelope: bytes, key: SigningKey) -> bytes | None:
    """Return the statement of an envelope signed by a key; None for any other."""
    try:
        read = _Envelope.model_validate_json(envelope)
    except ValidationError:
        return None
    signed = _encode_pae(read.payloadType, read.payload)
    # An envelope may carry signatures of several keys, and one of ours makes the
    # statement ours to replace.
    is_ours = any(
        key.has_signed(signed, signature.sig) for signature in read.signatures
    )
    return read.payload if is_ours and read.payloadType == IN_TOTO else None


def _encode_pae(kind: str, body: bytes) -> bytes:
    """Encode type and body unambiguously: DSSE's pre-authentication encoding (PAE)."""
    encoded = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(encoded), encoded, len(body), body)
