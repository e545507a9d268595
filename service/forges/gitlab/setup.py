"""What a person meets on GitLab's pages."""

from typing import Final

from service.domain.hook import Proof, Reach
from service.forges.spec import SetupGuide

__all__ = ["GUIDE"]

GUIDE: Final = SetupGuide(
    events=("Push events", "Tag push events"),
    url_field="URL",
    secret_fields={
        Proof.SIGNING_TOKEN: "Signing token",
        Proof.SECRET_TOKEN: "Secret token",
    },
    pages={
        Reach.REPOSITORY: "{path}: Settings > Webhooks > Add new webhook",
        Reach.OWNER: "the group {path}: Settings > Webhooks > Add new webhook",
        Reach.HOST: "as its administrator: Admin area > System hooks > Add new webhook",
    },
    resend_button="Test",
    proof_notes={
        Proof.SIGNING_TOKEN: (
            "A GitLab older than 19.1 has no signing token: make this hook again with "
            "the proof secret_token (`relaunch hook add … --proof secret_token`)."
        )
    },
)
