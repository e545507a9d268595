"""What a user is told of a hook, down to the boxes to tick."""

from typing import Final, Literal

from handlers.shapes.hooks import HookTold, LastDelivery, NewHook
from service.domain.delivery import Forge
from service.domain.hook import Hook, Proof
from service.ports.store import DeliveryRecord

__all__ = ["card", "new_card"]

Status = Literal["waiting for first delivery", "connected", "refusing deliveries"]

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


def card(hook: Hook, last: DeliveryRecord | None, public_url: str) -> HookTold:
    """Tell of a hook, without its secrets."""
    return HookTold.model_validate(_facts(hook, last, public_url))


def new_card(hook: Hook, last: DeliveryRecord | None, public_url: str) -> NewHook:
    """Tell of a hook, with its newest secret and what to do with it."""
    facts = _facts(hook, last, public_url)
    secret = hook.secrets[0].reveal()
    instructions = tuple(_instructions(hook, str(facts["url"])))
    return NewHook.model_validate(
        facts | {"secret": secret, "instructions": instructions}
    )


def _facts(
    hook: Hook, last: DeliveryRecord | None, public_url: str
) -> dict[str, object]:
    return {
        "id": hook.id,
        "forge": hook.forge.value,
        "proof": hook.proof.value,
        "repository": hook.repository.url,
        "url": f"{public_url}/webhooks/{hook.forge.value}/{hook.id}",
        "events": EVENTS[hook.forge],
        "secrets": len(hook.secrets),
        "status": _status(last),
        "last_delivery": _last(last) if last else None,
        "created_at": hook.created_at,
        "rotated_at": hook.rotated_at,
    }


def _status(last: DeliveryRecord | None) -> Status:
    if last is None:
        return "waiting for first delivery"
    return "refusing deliveries" if last.status == "refused" else "connected"


def _last(record: DeliveryRecord) -> LastDelivery:
    return LastDelivery(
        id=record.id,
        received_at=record.received_at,
        status=record.status,
        reason=record.reason,
        event=record.event,
    )


def _instructions(hook: Hook, url: str) -> list[str]:
    field = FIELDS[hook.proof]
    if hook.rotated_at is not None:
        return [
            f"Open the webhook of {hook.repository.path} at the forge.",
            f"Replace its {field} by the new secret and save.",
            "Once a delivery came through, retire the older secret here.",
        ]
    where = {
        Forge.GITHUB: "Settings > Webhooks > Add webhook",
        Forge.GITLAB: "Settings > Webhooks > Add new webhook",
    }
    lines = [
        f"Open {hook.repository.path} at the forge: {where[hook.forge]}.",
        f"Paste {url} as the {'Payload URL' if hook.forge is Forge.GITHUB else 'URL'}.",
        f"Paste the secret as the {field}; it is not shown again.",
    ]
    if hook.forge is Forge.GITHUB:
        lines.append("Choose the content type application/json.")
    if hook.proof is Proof.SIGNING_TOKEN:
        lines.append(
            "A GitLab older than 19.1 has no signing token: make this hook again "
            'with "proof": "secret_token".'
        )
    ticks = " and ".join(EVENTS[hook.forge])
    return [*lines, f"Choose {ticks} and save."]
