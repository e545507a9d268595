"""A delivery's way in: admitted, read, kept; only then answered.

    admit (raw bytes) → parse → tracked? → bus, or else the spool → receipt

What is accepted is durable. What comes twice is evaluated twice at worst.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from handlers.webhooks.authenticate import FRESH, HookAuthenticator
from handlers.webhooks.dedup import RecentDeliveries
from handlers.webhooks.delivery_log import DeliveryLog
from handlers.webhooks.events import Arrival
from handlers.webhooks.match import SourceMatcher
from handlers.webhooks.parse import Parser
from handlers.webhooks.publish import DurablePublisher, SharingPublisher
from handlers.webhooks.receipt import Admitted, Receipt
from handlers.webhooks.replay import DeliveryReplayer
from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook, HookId
from service.domain.push import Ignored, Push, Suggestion
from service.domain.repository import Repository
from service.errors import (
    BadSignatureError,
    DeliveryError,
    ForeignRepositoryError,
    TransientError,
    UnsupportedMediaError,
)
from service.forges.proofs import SkewedClockError, Verified
from service.logs import log_about
from service.metrics import Metrics
from service.ports.bus import Bus
from service.ports.sandbox import Sandbox
from service.ports.store import Store
from service.ports.time import Clock, Ids

__all__ = ["Receiver"]

log = structlog.get_logger(__name__)


# One per process that receives, made by `service/app/http.py`; any number of processes.
# All that it keeps in memory may be lost: hooks and sources are read again, and what it
# accepted is on the bus or in the outbox.
class Receiver:
    """Take deliveries in.

    Args:
        store: Hooks, sources and the spool.
        bus: Where pushes go.
        clock: Gives the time.
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
        self._authenticator = HookAuthenticator(store=store, clock=clock, budget=budget)
        self._parser = Parser(sandbox=sandbox, big_at_once=big_at_once)
        self._matcher = SourceMatcher(store=store, clock=clock, budget=budget)
        self._recent = RecentDeliveries(clock=clock)
        self._unproved = RecentDeliveries(clock=clock)
        self._publisher = DurablePublisher(
            store=store, bus=bus, metrics=metrics, budget=budget
        )
        self._sharing = SharingPublisher(
            publisher=self._publisher, ids=ids, budget=budget
        )
        self.replayer = DeliveryReplayer(
            matcher=self._matcher, publisher=self._publisher, clock=clock, ids=ids
        )
        self._clock = clock
        self.is_alone = is_alone
        self._metrics = metrics
        self._log = log

    def loops(self) -> Sequence[Callable[[], Coroutine[None, None, None]]]:
        """Return what is to run beside: deliveries then wait for fewer reads."""
        return self._authenticator.run, self._matcher.run

    async def receive(self, forge: Forge, hook_id: str, delivery: Delivery) -> Receipt:
        """Take a delivery in; once it returns `accepted`, nothing can lose the push.

        Raises:
            DeliveryError: It is not to be accepted, now or later.
            TransientError: It could not be kept; the forge may send it again.
        """
        # Before anything parses the body: an unproved body may be hostile, and refusing
        # it must cost no more than a hash.
        hook, verified = await self._admit(forge, hook_id, delivery)
        try:
            # Names what the forge sends in headers, which may be unreadable although
            # the body is signed: such a delivery is refused and recorded under its body
            # instead.
            admitted = Admitted.through(hook, delivery, verified)
            log_about(delivery=admitted.id)
            if verified.is_by_old_secret:
                log.warning("delivery by the older secret", hook=hook.id)
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

    async def revoke(self, hook: HookId) -> None:
        """Return once no receiver takes a hook's word by what it knew before now.

        Called after a hook was removed or one of its secrets was: others have read it
        before, and read it again when what they remember is not fresh any more.
        """
        # Forgotten here at once; other receivers trust what they read for FRESH. The
        # caller's answer waits that long, so that "deleted" means that no receiver
        # accepts the hook any more.
        self._authenticator.revoke(hook)
        if not self.is_alone:
            await self._clock.sleep(FRESH + _MARGIN)

    async def flush(self) -> None:
        """Return once everything that was taken in is on record."""
        await self._log.flush()

    async def _admit(
        self, forge: Forge, hook_id: str, delivery: Delivery
    ) -> tuple[Hook, Verified]:
        try:
            hook, verified = await self._authenticator.admit(forge, hook_id, delivery)
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
        return hook, verified

    async def _settle(
        self, admitted: Admitted
    ) -> tuple[Receipt, Sequence[Push | Ignored]]:
        hook = admitted.hook
        parsed = await self._parser.parse(hook, admitted.delivery)
        if isinstance(parsed, Ignored):
            return admitted.receipt("ignored", parsed.reason, parsed.message), [parsed]
        # Only with an id of the forge. Without one the id is a hash of the body, and
        # two pushes that return a branch to the same commit have equal bodies.
        if admitted.forge_id and self._recent.has(admitted.id):
            message = "This delivery was accepted a short while ago."
            return admitted.receipt("duplicate", "duplicate", message), parsed[:1]
        pushes = await self._tracked_pushes(parsed)
        if not pushes:
            message = f"No launcher follows {_names(parsed)}."
            return admitted.receipt("ignored", "not_tracked", message), parsed[:1]
        # All before the answer: when they cannot be kept the forge sends all again, and
        # a ref that is evaluated twice costs one evaluation.
        await self._sharing.publish(
            [
                Arrival.of(
                    admitted,
                    push,
                    delivery_id=admitted.id_of_change(number, push.ref),
                )
                for number, push in enumerate(pushes)
            ]
        )
        # After `publish`, not before: when neither bus nor outbox took it, the forge's
        # next try must not be answered as a duplicate.
        self._recent.add(admitted.id)
        verb = "is" if len(pushes) == 1 else "are"
        message = f"{_names(pushes)} {verb} evaluated."
        if (suggestion := pushes[0].suggestion) is not None:
            message += _to_look_for(suggestion, pushes[0].repository)
        return admitted.receipt("accepted", "tracked", message), pushes

    async def _tracked_pushes(self, pushes: Sequence[Push]) -> Sequence[Push]:
        # Of a ref that moved twice in one delivery the newest counts.
        newest = {push.ref: push for push in pushes}.values()
        tracked = [await self._matcher.find_tracked(push) for push in newest]
        return [push for push in tracked if push is not None]

    def _count(self, forge: Forge, outcome: str, reason: str) -> None:
        self._metrics.delivery(forge=forge, outcome=outcome, reason=reason)

    def _note(
        self, admitted: Admitted, receipt: Receipt, about: Sequence[Push | Ignored]
    ) -> None:
        is_kept = receipt.status == "accepted"  # by its event
        hook, delivery = admitted.hook, admitted.delivery
        if not self._has_room(hook, delivery, about[0], is_kept=is_kept):
            return
        if is_kept:
            log.info("delivery accepted", hook=hook.id)
        self._log.note(admitted.record(receipt, about[0]))
        # Each ref that it moved, as their events have them: should the broker lose one,
        # its record shows what was never evaluated.
        for number, push in enumerate(about[1:], start=1):
            if isinstance(push, Push):
                id_ = admitted.id_of_change(number, push.ref)
                self._log.note(replace(admitted.record(receipt, push), id=id_))

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
        hook = self._authenticator.known(forge, hook_id)
        if hook is None:
            return
        stranger = Admitted.unproved(hook, delivery)
        # The id has the hook and the hour and nothing of the request, so a flood of
        # wrong signatures writes one record an hour for each hook.
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
        log_about(delivery=nameless.id)
        receipt = nameless.receipt("refused", reason, str(exc)[:_LONGEST])
        self._log.note(nameless.record(receipt, None))


def _names(pushes: Sequence[Push]) -> str:
    shown = " and ".join(push.ref for push in pushes[:_MOST_REFS])
    rest = len(pushes) - _MOST_REFS
    more = f" and {rest} more" if rest > 0 else ""
    return f"{shown}{more} of {pushes[0].repository.path}"


def _to_look_for(suggestion: Suggestion, known: Repository) -> str:
    """Describe what a payload claims of its repository; the evaluation verifies it."""
    if suggestion.number is not None and known.number is not None:
        return f" The delivery gives it number {suggestion.number}, not {known.number}."
    is_renamed = suggestion.path != known.path
    return f" The delivery calls it {suggestion.path}." if is_renamed else ""


_MARGIN: Final = timedelta(milliseconds=100)
"""For clocks that are set while others sleep by them."""
_LONGEST: Final = 1000
_MOST_REFS: Final = 3
"""In one sentence."""
_REASONS: Final[Mapping[type[DeliveryError], str]] = {
    ForeignRepositoryError: "foreign_repository",
    UnsupportedMediaError: "unsupported_media",
}
