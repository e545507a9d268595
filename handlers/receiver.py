"""A delivery's way in: admitted, read, kept; only then answered.

    admit (raw bytes) → parse → tracked? → bus, or else the spool → receipt

What is accepted is durable. What comes twice is looked at twice at worst.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from handlers.delivery_log import DeliveryLog
from handlers.doorkeeper import FRESH, Doorkeeper
from handlers.keeper import Keeper
from handlers.parsing import Parser
from handlers.push_events import arrival, replay
from handlers.receipt import Admitted, Receipt
from handlers.recent import Recent
from handlers.tracked import Tracked
from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook, HookId
from service.domain.push import Ignored, Push, Suggestion
from service.domain.repository import Ref, Repository
from service.errors import (
    BadSignatureError,
    ConflictError,
    DeliveryError,
    ForeignRepositoryError,
    TransientError,
    UnsupportedMediaError,
)
from service.forges.binding import bound
from service.forges.proofs import SkewedClockError, Verified
from service.metrics import Metrics
from service.ports.bus import Bus
from service.ports.sandbox import Sandbox
from service.ports.store import DeliveryRecord, Store
from service.ports.time import Clock, Ids

__all__ = ["Receiver"]

log = structlog.get_logger(__name__)


class Receiver:
    """Take deliveries in.

    Args:
        store: Hooks, sources and the spool.
        bus: Where pushes go.
        clock: Tells how old things are.
        ids: Names traces.
        metrics: Counts deliveries and what became of them.
        log: Writes down what arrived.
        sandbox: Where big bodies are parsed.
        budget: How long the bus may take to confirm, and the store to answer.
        big_at_once: How many big bodies may be parsed at once.
        is_alone: Whether no other receiver takes deliveries.
    """

    def __init__(
        self,
        *,
        store: Store,
        bus: Bus,
        clock: Clock,
        ids: Ids,
        metrics: Metrics,
        log: DeliveryLog,
        sandbox: Sandbox,
        budget: timedelta = timedelta(seconds=2),
        big_at_once: int = 2,
        is_alone: bool = True,
    ) -> None:
        self._doorkeeper = Doorkeeper(store=store, clock=clock, budget=budget)
        self._parser = Parser(sandbox=sandbox, big_at_once=big_at_once)
        self._tracked = Tracked(store=store, clock=clock, budget=budget)
        self._recent = Recent(clock=clock)
        self._unproved = Recent(clock=clock)
        self._keeper = Keeper(store=store, bus=bus, metrics=metrics, budget=budget)
        self._clock = clock
        self._is_alone = is_alone
        self._ids = ids
        self._metrics = metrics
        self._log = log

    def loops(self) -> Sequence[Callable[[], Coroutine[None, None, None]]]:
        """Return what is to run beside: deliveries then wait for fewer reads."""
        return self._doorkeeper.run, self._tracked.run

    async def receive(self, forge: Forge, hook_id: str, delivery: Delivery) -> Receipt:
        """Take a delivery in; once it returns `accepted`, nothing can lose the push.

        Raises:
            DeliveryError: It is not to be accepted, now or later.
            TransientError: It could not be kept; the forge may send it again.
        """
        hook, verified = await self._admit(forge, hook_id, delivery)
        try:
            admitted = Admitted.through(hook, delivery, verified)
            receipt, about = await self._settle(admitted)
        except DeliveryError as exc:
            self._refused(hook, delivery, exc)
            raise
        except TransientError:
            self._count(forge, "deferred", "unavailable")
            raise
        self._count(forge, receipt.status, receipt.reason)
        self._note(admitted, receipt, about)
        return receipt

    async def replay(self, record: DeliveryRecord, hook: Hook) -> Receipt:
        """Send a recorded delivery down the road again, from where it was proved.

        What it says of a repository is bound to its hook once more, and somebody has
        to follow its ref now.

        Raises:
            ConflictError: It was refused, or told of no ref.
            ForeignRepositoryError: Its hook is bound to another repository by now.
            TransientError: It could not be kept.
        """
        if record.status == "refused" or not record.ref:
            raise ConflictError(
                f"delivery {record.id} ({record.reason}) told of no ref that could be "
                "looked at again"
            )
        told = Push(
            repository=bound(
                hook, path=record.repository, number=hook.repository.number
            ),
            ref=Ref(record.ref),
            before=record.before,
            after=record.after,
            default_branch=None,
        )
        push = await self._followed(told)
        if push is None:
            message = f"No launcher follows {told.ref} of {told.repository.path}."
            return Receipt(
                delivery=record.id,
                status="ignored",
                reason="not_tracked",
                message=message,
            )
        again = replay(record, push, ids=self._ids, now=self._clock.now())
        await self._keeper.keep(again)
        log.info("delivery played again", delivery=record.id, hook=hook.id)
        message = f"Played again: {push.ref} of {push.repository.path} is looked at."
        return Receipt(
            delivery=record.id, status="accepted", reason="replay", message=message
        )

    async def revoke(self, hook: HookId) -> None:
        """Return once no receiver takes a hook's word by what it knew before now.

        Called after a hook was removed or one of its secrets was: others have read it
        before, and read it again when what they remember is not fresh any more.
        """
        self._doorkeeper.revoke(hook)
        if not self._is_alone:
            await self._clock.sleep(FRESH + _MARGIN)

    async def flush(self) -> None:
        """Return once everything that was taken in is on record."""
        await self._log.flush()

    async def _admit(
        self, forge: Forge, hook_id: str, delivery: Delivery
    ) -> tuple[Hook, Verified]:
        try:
            hook, verified = await self._doorkeeper.admit(forge, hook_id, delivery)
        except BadSignatureError as exc:
            is_skewed = isinstance(exc, SkewedClockError)
            reason = "clock_skew" if is_skewed else "bad_signature"
            self._count(forge, "refused", reason)
            self._unproven(forge, hook_id, delivery, reason)
            raise
        except TransientError:
            self._count(forge, "deferred", "unavailable")
            raise
        if verified.is_by_old_secret:
            self._metrics.old_secret_used(forge=forge.value)
            log.warning("delivery by the older secret", hook=hook.id)
        return hook, verified

    async def _settle(self, admitted: Admitted) -> tuple[Receipt, Push | Ignored]:
        hook = admitted.hook
        told = await self._parser.parse(hook, admitted.delivery)
        if isinstance(told, Ignored):
            return admitted.receipt("ignored", told.reason, told.message), told
        if admitted.forge_id and self._recent.has(admitted.id):
            message = "This delivery was accepted a short while ago."
            return admitted.receipt("duplicate", "duplicate", message), told
        push = await self._followed(told)
        if push is None:
            message = f"No launcher follows {told.ref} of {told.repository.path}."
            return admitted.receipt("ignored", "not_tracked", message), told
        await self._keeper.keep(arrival(admitted, push, ids=self._ids))
        self._recent.add(admitted.id)
        message = f"{push.ref} of {push.repository.path} is looked at."
        if push.suggestion is not None:
            message += _to_look_for(push.suggestion, push.repository)
        return admitted.receipt("accepted", "tracked", message), push

    async def _followed(self, push: Push) -> Push | None:
        """Return the push in the words that somebody follows it by.

        By its number, which stays when it is renamed; or by its name, whatever number
        a look has found for who follows it: that look may be out of date.
        """
        if await self._tracked.has(push):
            return push
        if push.repository.number is None:
            return None
        known = push.repository
        by_name = replace(
            push,
            repository=replace(known, number=None),
            suggestion=push.suggestion
            or Suggestion(path=known.path, number=known.number),
        )
        return by_name if await self._tracked.has(by_name) else None

    def _count(self, forge: Forge, outcome: str, reason: str) -> None:
        self._metrics.delivery(forge=forge, outcome=outcome, reason=reason)

    def _note(
        self, admitted: Admitted, receipt: Receipt, about: Push | Ignored
    ) -> None:
        is_kept = receipt.status == "accepted"  # by its event
        if not self._has_room(admitted.hook, admitted.delivery, about, is_kept=is_kept):
            return
        if is_kept:
            log.info(
                "delivery accepted", delivery=receipt.delivery, hook=admitted.hook.id
            )
        self._log.note(admitted.record(receipt, about))

    def _has_room(
        self,
        hook: Hook,
        delivery: Delivery,
        about: Push | Ignored | None = None,
        *,
        is_kept: bool = False,
    ) -> bool:
        path = about.repository.path if about and about.repository else ""
        at = delivery.received_at
        return self._log.has_room(hook.id, path, at=at, is_kept=is_kept)

    def _unproven(
        self, forge: Forge, hook_id: str, delivery: Delivery, reason: str
    ) -> None:
        """Note that somebody without proof came to a hook, once in a while.

        Its forge may have another secret, and its owner has to hear of it; or a
        stranger knocks, who is not to fill the log.
        """
        hook = self._doorkeeper.known(forge, hook_id)
        if hook is None:
            return
        stranger = Admitted.unproved(hook, delivery)
        if self._unproved.has(stranger.id):
            return
        self._unproved.add(stranger.id)
        message = "Nothing proves that it comes from the forge."
        receipt = stranger.receipt("refused", reason, message)
        self._log.note(stranger.record(receipt, None))

    def _refused(self, hook: Hook, delivery: Delivery, exc: DeliveryError) -> None:
        reason = _REASONS.get(type(exc), "malformed")
        self._count(hook.forge, "refused", reason)
        if not self._has_room(hook, delivery):
            return
        # Its headers may be what is wrong with it, so it is named by its body.
        nameless = Admitted.unread(hook, delivery)
        receipt = nameless.receipt("refused", reason, str(exc)[:_LONGEST])
        self._log.note(nameless.record(receipt, None))


def _to_look_for(suggestion: Suggestion, known: Repository) -> str:
    """Say what a payload claims of its repository; the look finds out."""
    if suggestion.number is not None and known.number is not None:
        return f" The delivery gives it number {suggestion.number}, not {known.number}."
    is_renamed = suggestion.path != known.path
    return f" The delivery calls it {suggestion.path}." if is_renamed else ""


_MARGIN: Final = timedelta(milliseconds=100)
"""For clocks that are set while others sleep by them."""
_LONGEST: Final = 1000
_REASONS: Final[Mapping[type[DeliveryError], str]] = {
    ForeignRepositoryError: "foreign_repository",
    UnsupportedMediaError: "unsupported_media",
}
