"""Gitea's webhooks, and Forgejo's, which are the same under two names.

https://docs.gitea.com/usage/webhooks
https://forgejo.org/docs/latest/user/webhooks/
"""

from typing import Final

from service.domain.hook import Proof
from service.forges.gitea.outgoing import sign, write_push
from service.forges.gitea.setup import GUIDE
from service.forges.gitea.webhook import CODEC, EVENTS, PUSH_EVENT, SIGNATURES
from service.forges.spec import ForgeHeaders, ForgeSpec

__all__ = ["SPEC"]

SPEC: Final = ForgeSpec(
    name="Gitea and Forgejo",
    host_words=("gitea", "forgejo", "codeberg"),
    public_hosts=("codeberg.org", "gitea.com"),
    codec=CODEC,
    proofs=(Proof.HMAC,),
    headers=ForgeHeaders(
        event=EVENTS,
        delivery=("X-Forgejo-Delivery", "X-Gitea-Delivery"),
        proofs={Proof.HMAC: SIGNATURES},
        push_event=PUSH_EVENT,
        others=("X-Forgejo-Event-Type", "X-Gitea-Event-Type"),
    ),
    payload_keys=frozenset({"compare_url", "total_commits", "pusher_type"}),
    repository_fields=("repository.clone_url", "repository.html_url"),
    setup=GUIDE,
    write_push=write_push,
    sign=sign,
    user_agent="Go-http-client/1.1 (relaunch)",
    is_greeting=False,
)
