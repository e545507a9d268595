"""What a person meets on Gitea's and Forgejo's pages."""

from typing import Final

from service.domain.hook import Proof, Reach
from service.forges.spec import SetupGuide

__all__ = ["GUIDE"]

GUIDE: Final = SetupGuide(
    events=("Push", "Delete"),
    url_field="Target URL",
    secret_fields={Proof.HMAC: "Secret"},
    pages={
        Reach.REPOSITORY: (
            "{path}: Settings > Webhooks > Add webhook > Gitea or Forgejo"
        ),
        Reach.OWNER: (
            "the organization {path}: Settings > Webhooks > Add webhook > Gitea or "
            "Forgejo"
        ),
        Reach.HOST: (
            "as its administrator: Site administration > Integrations > Webhooks > "
            "Add system webhook > Gitea or Forgejo"
        ),
    },
    resend_button="Test delivery",
    notes=(
        "Choose the method POST, the content type application/json and custom events.",
    ),
)
