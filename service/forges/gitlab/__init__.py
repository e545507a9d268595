"""GitLab's webhooks.

https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from typing import Final

from service.domain.hook import Proof
from service.forges.gitlab.outgoing import sign, write_push
from service.forges.gitlab.setup import GUIDE
from service.forges.gitlab.webhook import CODEC, EVENT, MESSAGE_ID, SIGNED, TOKEN
from service.forges.spec import ForgeHeaders, ForgeSpec

__all__ = ["SPEC"]

SPEC: Final = ForgeSpec(
    name="GitLab",
    host_words=("gitlab",),
    public_hosts=("gitlab.com",),
    codec=CODEC,
    proofs=(Proof.SIGNING_TOKEN, Proof.SECRET_TOKEN),
    headers=ForgeHeaders(
        event=(EVENT,),
        # The first is the same as the second, and signed where there is a signature.
        # Versions before 17.4 send neither.
        delivery=(MESSAGE_ID, "Idempotency-Key"),
        proofs={Proof.SIGNING_TOKEN: SIGNED, Proof.SECRET_TOKEN: (TOKEN,)},
        push_event="Push Hook",
        others=(
            "webhook-timestamp",
            "X-Gitlab-Event-UUID",
            "X-Gitlab-Instance",
            "X-Gitlab-Webhook-UUID",
        ),
    ),
    payload_keys=frozenset({"object_kind", "event_name"}),
    repository_fields=("project.git_http_url", "project.http_url", "project.web_url"),
    setup=GUIDE,
    write_push=write_push,
    sign=sign,
    user_agent="GitLab/relaunch",
    is_greeting=False,
)
