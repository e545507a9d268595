"""What a person meets on GitHub's pages."""

from typing import Final

from service.domain.hook import Proof, Reach
from service.forges.spec import SetupGuide

__all__ = ["GUIDE"]

GUIDE: Final = SetupGuide(
    events=("Just the push event",),
    url_field="Payload URL",
    secret_fields={Proof.HMAC: "Secret"},
    pages={
        Reach.REPOSITORY: "{path}: Settings > Webhooks > Add webhook",
        Reach.OWNER: "the organization {path}: Settings > Webhooks > Add webhook",
        Reach.HOST: (
            "your GitHub App: Webhook > Active; it needs to read Contents and to "
            "subscribe to Push"
        ),
    },
    resend_button="Redeliver",
    notes=("Choose the content type application/json.",),
)
