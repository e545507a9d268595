"""Inspection and repair of one hook at its forge.

A hook that a token may manage is read, repaired and read again, and its failed
deliveries are redelivered. Of any other hook only the arriving deliveries are known.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

import structlog

from service.domain.hook import Hook, HookId
from service.domain.hook_health import (
    ForgeHook,
    HookHealth,
    HookProblem,
    find_problems,
    find_refusal,
    is_news,
    make_health,
)
from service.domain.repository import is_loopback
from service.errors import RemoteRefusedError, ServiceError, TransientError
from service.forges.registry import FORGES
from service.ports.forge_hooks import ForgeHooks
from service.ports.store import DeliveryRecord, Store
from service.ports.time import Clock
from service.usecases.publish_events import EventRecorder

__all__ = [
    "HookInspector",
    "HookMaintainer",
    "InspectionResult",
    "advise_url",
    "explain_unreachable",
    "hook_url",
]

log = structlog.get_logger(__name__)

MOST_REDELIVERED: Final = 20
"""Deliveries of one hook per check: the sweep finds their pushes anyway."""

_NOT_REPAIRABLE: Final = frozenset({HookProblem.FOREIGN, HookProblem.UNREADABLE})


def hook_url(hook: Hook, *, public_url: str) -> str:
    """Return the URL that the forge delivers to."""
    return f"{public_url.rstrip('/')}/webhooks/{hook.forge.value}/{hook.id}"


def explain_unreachable(url: str, host: str) -> str:
    """Explain why a forge cannot deliver to a URL; empty when it may."""
    if not is_loopback(urlsplit(url).netloc) or is_loopback(host):
        return ""
    return (
        f"{host} cannot deliver to {url}, which is this machine only; set "
        "RELAUNCH_PUBLIC_URL to where forges reach the service"
    )


def advise_url(hook: Hook, url: str) -> tuple[str, ...]:
    """Return advice about a URL that the forge cannot deliver to; else nothing."""
    if hook.repository.is_folder:
        return ()
    host = hook.repository.host
    why = explain_unreachable(url, host)
    if not why and host in _PUBLIC_FORGES and _is_private(urlsplit(url).netloc):
        why = (
            f"{host} cannot deliver to {url}, which is an address of a private "
            "network; set RELAUNCH_PUBLIC_URL to where forges reach the service"
        )
    if not why:
        return ()
    base = url.partition("/webhooks/")[0]
    return (f"{why}.", _SWEEP, _FORWARD.format(hook.id), _tunnels(base, hook.id))


_SWEEP: Final = (
    "Until then the sweep finds pushes by itself, within RELAUNCH_SWEEP_INTERVAL (15 "
    "minutes unless set)."
)
_FORWARD: Final = (
    "To have them at once: open https://smee.io/new, paste the channel's URL at the "
    "forge instead, and keep running: relaunch hook forward CHANNEL_URL --hook {}"
)


def _tunnels(base: str, hook: str) -> str:
    port = urlsplit(base).port or _PORTS.get(urlsplit(base).scheme, 80)
    return (
        f"Or through a tunnel (cloudflared tunnel --url {base} · ngrok http {port} · "
        f"tailscale funnel {port}): start the service again with "
        "RELAUNCH_PUBLIC_URL=https://… as the tunnel prints it, and use the URL that "
        f"`relaunch hook show {hook}` shows then."
    )


_PUBLIC_FORGES: Final = frozenset(
    host for spec in FORGES.values() for host in spec.public_hosts
)
_PORTS: Final = {"http": 80, "https": 443}


def _is_private(netloc: str) -> bool:
    """Return whether a host is in a private network, judged by its name alone."""
    name = (urlsplit(f"//{netloc}").hostname or "").lower()
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        return "." not in name or name.endswith((".local", ".internal", ".lan"))


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionResult:
    """The health of a hook, and the forge's id of it."""

    health: HookHealth
    forge_id: str | None


# Used by the leader's loop and by the API for one hook on demand; stateless. It changes
# hooks at the forge, so it repairs before it reports, and reads again to report what is
# true afterwards.
class HookInspector:
    """Inspects and repairs hooks at their forge, without storing the result.

    Args:
        forges: The hooks at their forges.
        clock: The current time.
        public_url: The URL at which forges reach the service.
    """

    def __init__(self, *, forges: ForgeHooks, clock: Clock, public_url: str) -> None:
        self._forges = forges
        self._clock = clock
        self._public_url = public_url

    async def examine(
        self, hook: Hook, last: DeliveryRecord | None
    ) -> InspectionResult:
        """Inspect a hook, repair what can be repaired, and return its health.

        Args:
            hook: The hook as configured here.
            last: Its newest delivery, if any.
        """
        is_ours = self._forges.can_manage(hook)
        refusal = _refusal(hook, last, is_repaired=is_ours)
        if not is_ours:
            return InspectionResult(
                health=self._make_health(hook, refusal), forge_id=hook.forge_id
            )
        try:
            return await self._inspect_at_forge(hook, refusal)
        except (RemoteRefusedError, TransientError) as exc:
            log.warning("hook inspection failed", hook=hook.id, error=str(exc))
            return InspectionResult(
                health=self._keep_problems(hook, refusal, exc), forge_id=hook.forge_id
            )

    async def _inspect_at_forge(
        self, hook: Hook, refusal: Sequence[HookProblem]
    ) -> InspectionResult:
        url = hook_url(hook, public_url=self._public_url)
        if why := explain_unreachable(url, hook.repository.host):
            # A process with a wrong public URL would point every hook to itself.
            raise RemoteRefusedError(why)
        actual = await self._forges.find(hook, url=url)
        if actual is None and hook.forge_id is None:
            # Not pasted at the forge yet, or at a repository the token cannot read.
            return InspectionResult(
                health=self._make_health(hook, refusal), forge_id=None
            )
        before, trouble = _list_problems(actual, url, refusal), ""
        if set(before) - _NOT_REPAIRABLE:
            try:
                actual = await self._repair(hook, actual, url)
                refusal = [problem for problem in refusal if problem in _NOT_REPAIRABLE]
            except RemoteRefusedError as exc:  # the token may read, but not write
                trouble = str(exc)
        now = _list_problems(actual, url, refusal)
        known = replace(hook, forge_id=actual.id if actual else hook.forge_id)
        health = replace(
            self._make_health(hook, now),
            repaired=tuple(problem for problem in before if problem not in now),
            trouble=trouble,
        )
        return InspectionResult(
            health=await self._redeliver(known, health), forge_id=known.forge_id
        )

    async def _repair(
        self, hook: Hook, actual: ForgeHook | None, url: str
    ) -> ForgeHook | None:
        if actual is None:
            return await self._forges.create(hook, url=url)
        known = replace(hook, forge_id=actual.id)
        await self._forges.edit(known, url=url)
        return await self._forges.find(known, url=url)

    async def _redeliver(self, hook: Hook, health: HookHealth) -> HookHealth:
        """Redeliver what failed to arrive since the last check."""
        if health.problems:
            return health
        failed = await self._forges.failed_deliveries(hook, after=health.place)
        # The newest: an evaluation reads the head in any case, so the oldest deliveries
        # of an outage bring nothing.
        wanted = failed.deliveries[-MOST_REDELIVERED:]
        for delivery in wanted:
            await self._forges.redeliver(hook, delivery)
        # The place moves on even when more failed than were redelivered, or the next
        # check would begin with the same ones.
        return replace(health, place=failed.place, redelivered=len(wanted))

    def _make_health(self, hook: Hook, problems: Sequence[HookProblem]) -> HookHealth:
        return make_health(hook.health, problems, at=self._clock.now())

    def _keep_problems(
        self, hook: Hook, refusal: Sequence[HookProblem], exc: ServiceError
    ) -> HookHealth:
        """Keep the known problems: a forge that does not answer disproves none."""
        earlier = hook.health.problems if hook.health else ()
        health = self._make_health(hook, (*earlier, *refusal))
        return replace(health, trouble=str(exc))


# One in the process that leads and one for each API process. Both may check a hook at
# once: the lock below orders their writes, and the later observation wins.
class HookMaintainer:
    """Checks a configured hook, stores its health, and publishes new problems.

    Args:
        store: The configured hooks.
        inspector: Inspects one hook.
        recorder: Adds events to the outbox.
    """

    def __init__(
        self, *, store: Store, inspector: HookInspector, recorder: EventRecorder
    ) -> None:
        self._store = store
        self._inspector = inspector
        self._recorder = recorder

    async def check(self, hook_id: HookId) -> Hook:
        """Inspect a hook, store its health, and return the hook.

        Raises:
            NotFoundError: There is no such hook.
            TransientError: The database did not answer.
        """
        async with self._store.reading() as tx:
            hook = await tx.hooks.get(hook_id)
            newest = await tx.deliveries.list(hook=hook_id, limit=1)
        result = await self._inspector.examine(hook, newest[0] if newest else None)
        async with self._store.transaction(f"hook:{hook_id}") as tx:
            # Read again under the lock: the inspection took seconds without one, and
            # the secrets may have been rotated meanwhile.
            now = await tx.hooks.get(hook_id)
            known = replace(now, forge_id=result.forge_id, health=result.health)
            await tx.hooks.save(known)
            if is_news(now.health, result.health):
                await self._recorder.hook_unhealthy(tx, known, result.health)
                log.warning(
                    "hook became unhealthy",
                    hook=hook_id,
                    problems=[problem.value for problem in result.health.problems],
                )
        return known


def _refusal(
    hook: Hook, last: DeliveryRecord | None, *, is_repaired: bool
) -> Sequence[HookProblem]:
    """Return the problem that the newest delivery shows, unless it is over.

    A rotation of the secret ends it, and so does a check that may repair the hook.
    """
    problem = find_refusal(last.status, last.reason) if last else None
    if last is None or problem is None:
        return ()
    is_over = hook.rotated_at is not None and last.received_at < hook.rotated_at
    if is_repaired and hook.health and problem not in _NOT_REPAIRABLE:
        # A refusal from before the last repair would have the hook repaired at every
        # check, for ever.
        is_over = is_over or last.received_at < hook.health.at
    return () if is_over else (problem,)


def _list_problems(
    actual: ForgeHook | None, url: str, refusal: Sequence[HookProblem]
) -> Sequence[HookProblem]:
    if actual is None:
        return (HookProblem.GONE, *refusal)
    return (*find_problems(actual, url=url), *refusal)
