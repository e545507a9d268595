"""Describe webhooks: their state, and what a person does at the forge."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from handlers.api.schemas.hooks import (
    HealthResponse,
    HookResponse,
    LastDelivery,
    NewHook,
)
from handlers.usecases.hook_setup import managed_steps, setup_steps
from service.domain.hook import Hook
from service.domain.hook_health import HookHealth, is_resolved
from service.forges.registry import FORGES
from service.ports.forge_hooks import ForgeHooks
from service.ports.store import DeliveryRecord, Transaction
from service.usecases.hook_maintenance import advise_url, hook_url
from service.usecases.hooks import ForgeOutcome

__all__ = ["HookDescriber"]

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
class DeliveryFacts:
    """What is known around a hook."""

    last: DeliveryRecord | None
    public_url: str
    is_managed: bool


class HookDescriber:
    """Describe hooks as they are now.

    Args:
        forge_hooks: Knows which hooks a token may manage.
        public_url: Where forges reach the service, without a slash at the end.
    """

    def __init__(self, *, forge_hooks: ForgeHooks, public_url: str) -> None:
        self._forge_hooks = forge_hooks
        self._public_url = public_url

    async def describe(
        self, tx: Transaction, hooks: Iterable[Hook]
    ) -> list[HookResponse]:
        """Describe hooks without their secrets, in their order, in one query."""
        shown = tuple(hooks)
        newest = await tx.deliveries.newest(hook.id for hook in shown)
        return [
            _view_hook(hook, self._facts(hook, newest.get(hook.id))) for hook in shown
        ]

    async def describe_new(self, tx: Transaction, outcome: ForgeOutcome) -> NewHook:
        """Describe a hook with its newest secret and what to do with it."""
        hook = outcome.hook
        newest = await tx.deliveries.newest([hook.id])
        return _view_new_hook(
            hook,
            self._facts(hook, newest.get(hook.id)),
            is_done=outcome.is_done,
            notes=(*_trouble(outcome), *await _others(tx, hook)),
        )

    def _facts(self, hook: Hook, last: DeliveryRecord | None) -> DeliveryFacts:
        return DeliveryFacts(
            last=last,
            public_url=self._public_url,
            is_managed=self._forge_hooks.can_manage(hook),
        )


def _view_hook(hook: Hook, seen: DeliveryFacts) -> HookResponse:
    """Describe a hook without its secrets."""
    return HookResponse.model_validate(_facts(hook, seen))


def _view_new_hook(
    hook: Hook, seen: DeliveryFacts, *, is_done: bool, notes: tuple[str, ...]
) -> NewHook:
    """Describe a hook with its newest secret and what to do with it.

    Args:
        hook: With its newest secret.
        seen: What is known around it.
        is_done: Whether the forge has it, secret and all; then nobody else needs it.
        notes: What to know before the steps.
    """
    facts = _facts(hook, seen)
    steps = managed_steps(hook) if is_done else setup_steps(hook, str(facts["url"]))
    hints = () if is_done else advise_url(hook, str(facts["url"]))
    secret = None if is_done else hook.secrets[0].reveal()
    return NewHook.model_validate(
        facts
        | {
            "secret": secret,
            "at_forge": is_done,
            "instructions": (*notes, *steps, *hints),
        }
    )


def _trouble(outcome: ForgeOutcome) -> tuple[str, ...]:
    """Explain why the forge was not changed, where a token was tried."""
    why = outcome.trouble
    return (f"The forge was not changed: {why}",) if why else ()


async def _others(tx: Transaction, hook: Hook) -> tuple[str, ...]:
    """Name the oldest other hook of the same reach; a rotated one has it already."""
    if hook.rotated_at is not None:
        return ()
    for other in await tx.hooks.of_repository(hook.repository):
        is_same = (other.reach, other.repository.url) == (
            hook.reach,
            hook.repository.url,
        )
        if is_same and other.id != hook.id:
            why = f"There is a hook for it already, {other.id}; `relaunch hook rotate"
            why += f" {other.id}` gives that one a new secret. Remove what is unneeded."
            return (why,)
    return ()


def _facts(hook: Hook, seen: DeliveryFacts) -> dict[str, object]:
    return {
        "id": hook.id,
        "forge": hook.forge,
        "proof": hook.proof,
        "repository": hook.repository.url,
        "reach": hook.reach.value,
        "managed": seen.is_managed,
        "forge_hook_id": hook.forge_id,
        "url": hook_url(hook, public_url=seen.public_url),
        "events": FORGES[hook.forge].setup.events,
        "secrets": len(hook.secrets),
        "status": _status(hook.health, seen.last),
        "warning": _warning(hook, seen.last) or _unreachable(hook, seen),
        "health": _health(hook.health) if hook.health else None,
        "last_delivery": _last(seen.last) if seen.last else None,
        "created_at": hook.created_at,
        "rotated_at": hook.rotated_at,
    }


def _status(health: HookHealth | None, last: DeliveryRecord | None) -> Status:
    is_refused = last is not None and last.status == "refused"
    arrived_at = last.received_at if last and not is_refused else None
    if health and health.problems and not is_resolved(health, arrived_at=arrived_at):
        return "unhealthy"
    if last is None:
        return "waiting for first delivery"
    return "refusing deliveries" if is_refused else "connected"


def _warning(hook: Hook, last: DeliveryRecord | None) -> str | None:
    """Describe what to do about a rotation that has not come to its end."""
    if len(hook.secrets) == 1:
        return None
    if last is None or hook.rotated_at is None or last.received_at < hook.rotated_at:
        return NOBODY_KNOWS
    return STILL_OLD if last.is_by_old_secret else NOW_NEW


def _unreachable(hook: Hook, seen: DeliveryFacts) -> str | None:
    """Explain why no delivery comes, as long as none came."""
    url = hook_url(hook, public_url=seen.public_url)
    hints = advise_url(hook, url) if seen.last is None else ()
    return hints[0] if hints else None


def _health(health: HookHealth) -> HealthResponse:
    return HealthResponse(
        checked_at=health.at,
        reasons=tuple(problem.value for problem in health.problems),
        message=health.message,
        remedy=health.remedy,
        since=health.since,
        repaired=tuple(problem.value for problem in health.repaired),
        redelivered=health.redelivered,
        trouble=health.trouble,
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
