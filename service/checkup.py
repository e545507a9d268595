"""Looks after one hook: how it fares at its forge, and what can be put right.

A hook that a token of ours may manage is read, mended and read again; what failed to
arrive is sent again. Of any other hook only what arrives here is known.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

import structlog

from service.announcing import Announcer
from service.domain.checkup import (
    Ailment,
    Checkup,
    ForgeHook,
    ailments_of,
    concluded,
    is_news,
    refusal_of,
)
from service.domain.hook import Hook, HookId
from service.errors import RemoteRefusedError, ServiceError, TransientError
from service.ports.forge_hooks import ForgeHooks
from service.ports.store import DeliveryRecord, Store
from service.ports.time import Clock

__all__ = ["Examiner", "Found", "Nurse", "advice", "hook_url", "unreachable"]

log = structlog.get_logger(__name__)

MOST_REDELIVERED: Final = 20
"""Deliveries of one hook, at one checkup: the sweep finds what they told anyway."""

_NOT_OURS_TO_MEND: Final = frozenset({Ailment.FOREIGN, Ailment.UNREADABLE})


def hook_url(hook: Hook, *, public_url: str) -> str:
    """Return where the forge delivers."""
    return f"{public_url.rstrip('/')}/webhooks/{hook.forge.value}/{hook.id}"


def unreachable(url: str, host: str) -> str:
    """Say why a forge cannot deliver to a URL; empty when nothing speaks against it."""
    if not _is_this_machine(urlsplit(url).netloc) or _is_this_machine(host):
        return ""
    return (
        f"{host} cannot deliver to {url}, which is this machine only; set "
        "RELAUNCH_PUBLIC_URL to where forges reach the service"
    )


def advice(hook: Hook, url: str) -> tuple[str, ...]:
    """Say what to do about a URL that the forge cannot deliver to; else nothing."""
    if hook.repository.url.startswith("file:"):
        return ()
    host = hook.repository.host
    why = unreachable(url, host)
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
    "Until then the sweep finds pushes by itself, within RELAUNCH_LOOK_SWEEP (15 "
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
        "RELAUNCH_PUBLIC_URL=https://… as the tunnel says, and use the URL that "
        f"`relaunch hook show {hook}` shows then."
    )


_PUBLIC_FORGES: Final = frozenset(
    {"github.com", "gitlab.com", "codeberg.org", "gitea.com", "bitbucket.org"}
)
_PORTS: Final = {"http": 80, "https": 443}


def _is_private(netloc: str) -> bool:
    """Say whether nobody outside of a network reaches a host, by its name alone."""
    name = (urlsplit(f"//{netloc}").hostname or "").lower()
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        return "." not in name or name.endswith((".local", ".internal", ".lan"))


def _is_this_machine(netloc: str) -> bool:
    name = (urlsplit(f"//{netloc}").hostname or "").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How a hook fares, and what the forge calls it."""

    checkup: Checkup
    forge_id: str | None


class Examiner:
    """Look after hooks, one at a time.

    Args:
        forges: Where hooks are.
        clock: Tells the time.
        public_url: Where forges reach us.
    """

    def __init__(self, *, forges: ForgeHooks, clock: Clock, public_url: str) -> None:
        self._forges = forges
        self._clock = clock
        self._public_url = public_url

    async def examine(self, hook: Hook, last: DeliveryRecord | None) -> Found:
        """Say how a hook fares now, after mending what can be mended.

        Args:
            hook: As it is configured here.
            last: Its newest delivery.
        """
        is_ours = self._forges.can_manage(hook)
        refusal = _refusal(hook, last, is_mended=is_ours)
        if not is_ours:
            return Found(checkup=self._conclude(hook, refusal), forge_id=hook.forge_id)
        try:
            return await self._treat(hook, refusal)
        except (RemoteRefusedError, TransientError) as exc:
            log.warning("hook not looked after", hook=hook.id, error=str(exc))
            return Found(
                checkup=self._unasked(hook, refusal, exc), forge_id=hook.forge_id
            )

    async def _treat(self, hook: Hook, refusal: Sequence[Ailment]) -> Found:
        url = hook_url(hook, public_url=self._public_url)
        if why := unreachable(url, hook.repository.host):
            # A process that does not know its own address must mend no hook.
            raise RemoteRefusedError(why)
        there = await self._forges.find(hook, url=url)
        if there is None and hook.forge_id is None:
            # Nobody has pasted it yet, or where the token does not see it.
            return Found(checkup=self._conclude(hook, refusal), forge_id=None)
        before, trouble = _wrong(there, url, refusal), ""
        if set(before) - _NOT_OURS_TO_MEND:
            try:
                there = await self._mend(hook, there, url)
                refusal = [it for it in refusal if it in _NOT_OURS_TO_MEND]
            except RemoteRefusedError as exc:  # it may be read, and not changed
                trouble = str(exc)
        now = _wrong(there, url, refusal)
        known = replace(hook, forge_id=there.id if there else hook.forge_id)
        checkup = replace(
            self._conclude(hook, now),
            repaired=tuple(it for it in before if it not in now),
            trouble=trouble,
        )
        return Found(
            checkup=await self._redeliver(known, checkup), forge_id=known.forge_id
        )

    async def _mend(
        self, hook: Hook, there: ForgeHook | None, url: str
    ) -> ForgeHook | None:
        if there is None:
            return await self._forges.create(hook, url=url)
        known = replace(hook, forge_id=there.id)
        await self._forges.edit(known, url=url)
        return await self._forges.find(known, url=url)

    async def _redeliver(self, hook: Hook, checkup: Checkup) -> Checkup:
        """Have sent again what failed to arrive since the last checkup."""
        if checkup.ailments:
            return checkup
        failed = await self._forges.failed(hook, after=checkup.place)
        wanted = failed.deliveries[-MOST_REDELIVERED:]
        for delivery in wanted:
            await self._forges.redeliver(hook, delivery)
        return replace(checkup, place=failed.place, redelivered=len(wanted))

    def _conclude(self, hook: Hook, ailments: Sequence[Ailment]) -> Checkup:
        return concluded(hook.checkup, ailments, at=self._clock.now())

    def _unasked(
        self, hook: Hook, refusal: Sequence[Ailment], exc: ServiceError
    ) -> Checkup:
        """Keep what was known: a forge that does not answer proves nothing."""
        earlier = hook.checkup.ailments if hook.checkup else ()
        checkup = self._conclude(hook, (*earlier, *refusal))
        return replace(checkup, trouble=str(exc))


class Nurse:
    """Look after a hook on record, and tell others when it fell ill.

    Args:
        store: Where hooks are.
        examiner: Looks after one.
        announcer: Tells others.
    """

    def __init__(
        self, *, store: Store, examiner: Examiner, announcer: Announcer
    ) -> None:
        self._store = store
        self._examiner = examiner
        self._announcer = announcer

    async def look_after(self, hook_id: HookId) -> Hook:
        """Examine a hook, keep what was found, and return the hook.

        Raises:
            NotFoundError: There is none.
            TransientError: The database did not answer.
        """
        async with self._store.reading() as tx:
            hook = await tx.hooks.get(hook_id)
            newest = await tx.deliveries.list(hook=hook_id, limit=1)
        found = await self._examiner.examine(hook, newest[0] if newest else None)
        async with self._store.transaction(f"hook:{hook_id}") as tx:
            # Its secrets may have been rotated meanwhile.
            now = await tx.hooks.get(hook_id)
            known = replace(now, forge_id=found.forge_id, checkup=found.checkup)
            await tx.hooks.save(known)
            if is_news(now.checkup, found.checkup):
                await self._announcer.hook_unhealthy(tx, known, found.checkup)
                log.warning(
                    "hook fell ill",
                    hook=hook_id,
                    ailments=[it.value for it in found.checkup.ailments],
                )
        return known


def _refusal(
    hook: Hook, last: DeliveryRecord | None, *, is_mended: bool
) -> Sequence[Ailment]:
    """Say what the newest delivery tells, unless it tells of the past.

    A rotation made an end of it, or the last checkup did, where it may mend hooks.
    """
    ailment = refusal_of(last.status, last.reason) if last else None
    if last is None or ailment is None:
        return ()
    is_over = hook.rotated_at is not None and last.received_at < hook.rotated_at
    if is_mended and hook.checkup and ailment not in _NOT_OURS_TO_MEND:
        is_over = is_over or last.received_at < hook.checkup.at
    return () if is_over else (ailment,)


def _wrong(
    there: ForgeHook | None, url: str, refusal: Sequence[Ailment]
) -> Sequence[Ailment]:
    if there is None:
        return (Ailment.GONE, *refusal)
    return (*ailments_of(there, url=url), *refusal)
