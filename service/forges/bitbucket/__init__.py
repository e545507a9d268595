"""Bitbucket Cloud's webhooks.

https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/
"""

from typing import Final

from service.domain.hook import Proof
from service.forges.bitbucket.outgoing import sign, write_push
from service.forges.bitbucket.setup import GUIDE
from service.forges.bitbucket.webhook import CODEC, EVENT, PUSH_EVENT, SIGNATURE
from service.forges.spec import ForgeHeaders, ForgeSpec

__all__ = ["SPEC"]

SPEC: Final = ForgeSpec(
    name="Bitbucket Cloud",
    host_words=("bitbucket",),
    public_hosts=("bitbucket.org",),
    codec=CODEC,
    proofs=(Proof.HMAC,),
    headers=ForgeHeaders(
        event=(EVENT,),
        delivery=("X-Request-UUID",),
        proofs={Proof.HMAC: (SIGNATURE,)},
        push_event=PUSH_EVENT,
        others=("X-Attempt-Number", "X-Hook-UUID"),
    ),
    payload_keys=frozenset({"push", "actor"}),
    repository_fields=("repository.links.html.href",),
    setup=GUIDE,
    write_push=write_push,
    sign=sign,
    user_agent="Bitbucket-Webhooks/2.0 (relaunch)",
    is_greeting=False,
)
