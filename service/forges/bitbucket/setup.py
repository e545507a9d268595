"""What a person meets on Bitbucket Cloud's pages.

https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/
"""

from typing import Final

from service.domain.hook import Proof, Reach
from service.forges.spec import SetupGuide

__all__ = ["GUIDE"]

GUIDE: Final = SetupGuide(
    events=("Repository: Push", "Repository: Updated"),
    url_field="URL",
    secret_fields={Proof.HMAC: "Secret"},
    pages={
        Reach.REPOSITORY: "{path}: Repository settings > Webhooks > Add webhook",
        Reach.OWNER: "the workspace {path}: Settings > Webhooks > Add webhook",
    },
    resend_button="Resend",
    notes=("Give it any title, and choose from a full list of triggers.",),
)
