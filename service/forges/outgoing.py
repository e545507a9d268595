"""Write and sign what a forge would send: the other direction of the codecs."""

import json
from datetime import datetime

from service.domain.delivery import Forge
from service.domain.hook import Proof, Secret
from service.forges.push_facts import PushFacts
from service.forges.registry import FORGES
from service.forges.spec import CONTENT_TYPE, SigningRequest

__all__ = ["sign_body", "sign_push"]


def sign_push(
    forge: Forge,
    proof: Proof,
    secret: Secret,
    facts: PushFacts,
    *,
    delivery_id: str,
    now: datetime,
) -> tuple[dict[str, str], bytes]:
    """Return headers and body of the request that a forge would make.

    Args:
        forge: Whose format is written.
        proof: How the hook proves its deliveries.
        secret: The hook's newest secret.
        facts: What happened.
        delivery_id: The forge's id of the delivery; the same for a redelivery.
        now: When it is sent; a signing token signs the time too.
    """
    spec = FORGES[forge]
    outgoing = spec.write_push(facts)
    # Compact, as forges send it.
    text = json.dumps(outgoing.payload, ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf-8", "replace")
    headers = {
        CONTENT_TYPE: "application/json",
        "User-Agent": spec.user_agent,
        spec.headers.event[-1]: outgoing.event,
        spec.headers.delivery[-1]: delivery_id,
    }
    proofs = sign_body(forge, proof, secret, body, delivery_id=delivery_id, now=now)
    return headers | proofs, body


def sign_body(
    forge: Forge,
    proof: Proof,
    secret: Secret,
    body: bytes,
    *,
    delivery_id: str,
    now: datetime,
) -> dict[str, str]:
    """Return the headers that prove a body."""
    request = SigningRequest(
        proof=proof, secret=secret, body=body, delivery_id=delivery_id, now=now
    )
    return dict(FORGES[forge].sign(request))
