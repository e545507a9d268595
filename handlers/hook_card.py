"""What a user is told of a hook, down to the boxes to tick."""

from dataclasses import dataclass
from typing import Final, Literal

from handlers.hook_steps import EVENTS, made_steps, steps
from handlers.shapes.hooks import HealthTold, HookTold, LastDelivery, NewHook
from service.checkup import advice, hook_url
from service.domain.checkup import Checkup, is_over
from service.domain.hook import Hook
from service.ports.store import DeliveryRecord

__all__ = ["Seen", "card", "new_card"]

Status = Literal[
    "waiting for first delivery", "connected", "refusing deliveries", "unhealthy"
]

STILL_OLD: Final = (
    "The newest delivery was still proved by the older secret: paste the new one at "
    "the forge before you retire it."
)
NOW_NEW: Final = "The forge uses the new secret: retire the older one."
NOBODY_KNOWS: Final = (
    "Two secrets are live, and nothing was delivered since: paste the new one at the "
    "forge."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known around a hook."""

    last: DeliveryRecord | None
    public_url: str
    is_managed: bool


def card(hook: Hook, seen: Seen) -> HookTold:
    """Tell of a hook, without its secrets."""
    return HookTold.model_validate(_facts(hook, seen))


def new_card(hook: Hook, seen: Seen, *, is_done: bool, trouble: str = "") -> NewHook:
    """Tell of a hook, with its newest secret and what to do with it.

    Args:
        hook: With its newest secret.
        seen: What is known around it.
        is_done: Whether the forge has it, secret and all; then nobody else needs it.
        trouble: Why the forge has not, where a token was tried.
    """
    facts = _facts(hook, seen)
    told = made_steps(hook) if is_done else steps(hook, str(facts["url"]))
    note = (f"The forge was not changed: {trouble}",) if trouble else ()
    hints = () if is_done else advice(hook, str(facts["url"]))
    secret = None if is_done else hook.secrets[0].reveal()
    return NewHook.model_validate(
        facts
        | {
            "secret": secret,
            "at_forge": is_done,
            "instructions": (*note, *told, *hints),
        }
    )


def _facts(hook: Hook, seen: Seen) -> dict[str, object]:
    return {
        "id": hook.id,
        "forge": hook.forge.value,
        "proof": hook.proof.value,
        "repository": hook.repository.url,
        "reach": hook.reach.value,
        "managed": seen.is_managed,
        "forge_hook_id": hook.forge_id,
        "url": hook_url(hook, public_url=seen.public_url),
        "events": EVENTS[hook.forge],
        "secrets": len(hook.secrets),
        "status": _status(hook.checkup, seen.last),
        "warning": _warning(hook, seen.last) or _unreachable(hook, seen),
        "health": _health(hook.checkup) if hook.checkup else None,
        "last_delivery": _last(seen.last) if seen.last else None,
        "created_at": hook.created_at,
        "rotated_at": hook.rotated_at,
    }


def _status(checkup: Checkup | None, last: DeliveryRecord | None) -> Status:
    is_refused = last is not None and last.status == "refused"
    arrived_at = last.received_at if last and not is_refused else None
    if checkup and checkup.ailments and not is_over(checkup, arrived_at=arrived_at):
        return "unhealthy"
    if last is None:
        return "waiting for first delivery"
    return "refusing deliveries" if is_refused else "connected"


def _warning(hook: Hook, last: DeliveryRecord | None) -> str | None:
    """Say what to do about a rotation that has not come to its end."""
    if len(hook.secrets) == 1:
        return None
    if last is None or hook.rotated_at is None or last.received_at < hook.rotated_at:
        return NOBODY_KNOWS
    return STILL_OLD if last.is_by_old_secret else NOW_NEW


def _unreachable(hook: Hook, seen: Seen) -> str | None:
    """Say why no delivery comes, as long as none came."""
    url = hook_url(hook, public_url=seen.public_url)
    hints = advice(hook, url) if seen.last is None else ()
    return hints[0] if hints else None


def _health(checkup: Checkup) -> HealthTold:
    return HealthTold(
        checked_at=checkup.at,
        reasons=tuple(it.value for it in checkup.ailments),
        message=checkup.message,
        mend=checkup.mend,
        since=checkup.since,
        repaired=tuple(it.value for it in checkup.repaired),
        redelivered=checkup.redelivered,
        trouble=checkup.trouble,
    )


def _last(record: DeliveryRecord) -> LastDelivery:
    return LastDelivery(
        id=record.id,
        received_at=record.received_at,
        status=record.status,
        reason=record.reason,
        event=record.event,
        is_by_old_secret=record.is_by_old_secret,
    )
