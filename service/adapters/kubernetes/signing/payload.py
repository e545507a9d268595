"""Create the payload of an image signature: cosign's simple signing.

https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#simple-signing and
https://github.com/containers/image/blob/main/docs/containers-signature.5.md
"""

import json
from typing import Final

__all__ = ["SIMPLE_SIGNING", "to_payload"]

SIMPLE_SIGNING: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
_TYPE: Final = "cosign container image signature"


def to_payload(repository: str, digest: str) -> bytes:
    """Create the payload for an image; the same image gives the same bytes.

    It has no timestamp and no random part, so that signing is idempotent: an existing
    signature can be recognized by its payload.

    Args:
        repository: `host/repository`, which some verifiers compare with the name by
            which an image is pulled.
        digest: The digest of the image's manifest.
    """
    # Key order and separators are part of the signed bytes: a change here makes every
    # existing signature unrecognisable to us, and each image would be signed a second
    # time.
    critical = {
        "identity": {"docker-reference": repository},
        "image": {"docker-manifest-digest": digest},
        "type": _TYPE,
    }
    return json.dumps(
        {"critical": critical, "optional": {}}, separators=(",", ":")
    ).encode()
