"""GitHub's webhooks.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from typing import Final

from service.domain.hook import Proof
from service.forges.github.outgoing import sign, write_push
from service.forges.github.setup import GUIDE
from service.forges.github.webhook import CODEC, CONTENT_TYPES, EVENT, SIGNATURE
from service.forges.spec import ForgeHeaders, ForgeSpec

__all__ = ["SPEC"]

SPEC: Final = ForgeSpec(
    name="GitHub",
    host_words=("github",),
    public_hosts=("github.com",),
    codec=CODEC,
    proofs=(Proof.HMAC,),
    headers=ForgeHeaders(
        event=(EVENT,),
        delivery=("X-GitHub-Delivery",),
        proofs={Proof.HMAC: (SIGNATURE,)},
        push_event="push",
        others=(
            "X-GitHub-Hook-ID",
            "X-GitHub-Hook-Installation-Target-ID",
            "X-GitHub-Hook-Installation-Target-Type",
        ),
    ),
    content_types=CONTENT_TYPES,
    payload_keys=frozenset({"zen", "hook_id", "compare", "base_ref"}),
    repository_fields=(
        "repository.clone_url",
        "repository.html_url",
        "repository.url",
    ),
    setup=GUIDE,
    write_push=write_push,
    sign=sign,
    user_agent="GitHub-Hookshot/relaunch",
    is_greeting=True,
)
