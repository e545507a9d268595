"""What a person does at a forge's page: where to go, what to paste, what to tick."""

from collections.abc import Mapping
from typing import Final

from service.domain.delivery import Forge
from service.domain.hook import Hook, Proof, Reach

__all__ = ["EVENTS", "made_steps", "steps"]

EVENTS: Final = {
    Forge.GITHUB: ("Just the push event",),
    Forge.GITLAB: ("Push events", "Tag push events"),
}
FIELDS: Final = {
    Proof.HMAC: "Secret",
    Proof.SIGNING_TOKEN: "Signing token",
    Proof.SECRET_TOKEN: "Secret token",
}
"""What the forge's page calls the field for the secret."""

_PLACES: Final[Mapping[tuple[Forge, Reach], str]] = {
    (Forge.GITHUB, Reach.REPOSITORY): "{path}: Settings > Webhooks > Add webhook",
    (Forge.GITHUB, Reach.OWNER): (
        "the organization {path}: Settings > Webhooks > Add webhook"
    ),
    (Forge.GITHUB, Reach.HOST): (
        "your GitHub App on {host}: Webhook > Active; it needs to read Contents and "
        "to subscribe to Push"
    ),
    (Forge.GITLAB, Reach.REPOSITORY): "{path}: Settings > Webhooks > Add new webhook",
    (Forge.GITLAB, Reach.OWNER): (
        "the group {path}: Settings > Webhooks > Add new webhook"
    ),
    (Forge.GITLAB, Reach.HOST): (
        "{host} as its administrator: Admin area > System hooks > Add new webhook"
    ),
}


def steps(hook: Hook, url: str) -> list[str]:
    """Say how to make the hook, or how to give it its new secret."""
    field = FIELDS[hook.proof]
    if hook.rotated_at is not None:
        return [
            f"Open the webhook of {_name(hook)} at the forge.",
            f"Replace its {field} by the new secret and save.",
            "Once a delivery came through, retire the older secret here.",
        ]
    place = _PLACES[hook.forge, hook.reach].format(
        path=hook.repository.path, host=hook.repository.host
    )
    lines = [
        f"Open at the forge {place}.",
        f"Paste {url} as the {'Payload URL' if hook.forge is Forge.GITHUB else 'URL'}.",
        f"Paste the secret as the {field}; it is not shown again.",
    ]
    if hook.forge is Forge.GITHUB:
        lines.append("Choose the content type application/json.")
    if hook.proof is Proof.SIGNING_TOKEN:
        lines.append(
            "A GitLab older than 19.1 has no signing token: make this hook again with "
            "the proof secret_token (`relaunch hook add … --proof secret_token`)."
        )
    ticks = " and ".join(EVENTS[hook.forge])
    return [*lines, f"Choose {ticks} and save."]


def made_steps(hook: Hook) -> list[str]:
    """Say that nothing is left to do."""
    if hook.rotated_at is not None:
        return [
            f"The webhook of {_name(hook)} has the new secret at the forge.",
            "Once a delivery came through, retire the older secret here.",
        ]
    return [f"The webhook of {_name(hook)} was made at the forge; nothing to paste."]


def _name(hook: Hook) -> str:
    return hook.repository.path or hook.repository.host
