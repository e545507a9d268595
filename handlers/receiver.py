"""A delivery's way in: admitted, read, kept; only then answered.

    admit (raw bytes) → parse → tracked? → bus, or else the spool → receipt

What is accepted is durable. What comes twice is looked at twice at worst.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from handlers.delivery_log import DeliveryLog
from handlers.doorkeeper import Doorkeeper
from handlers.keeper import Keeper
from handlers.parsing import Parser
from handlers.receipt import Admitted, Receipt
from handlers.recent import Recent
from handlers.tracked import Tracked
from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook
from service.domain.push import Ignored, Push
from service.domain.repository import Repository
from service.errors import (
    BadSignatureError,
    DeliveryError,
    ForeignRepositoryError,
    TransientError,
    UnsupportedMediaError,
)
from service.forges.proofs import SkewedClockError
from service.metrics import Metrics
from service.ports.bus import Bus
from service.ports.store import Store
from service.ports.time import Clock, Ids
from service.wire import Event, PushReceived, RepositoryData

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
        log: Writes down what was not accepted.
        budget: How long the bus may take to confirm, and the store to answer.
        big_at_once: How many big bodies may be parsed at once.
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
        budget: timedelta = timedelta(seconds=2),
        big_at_once: int = 2,
    ) -> None:
        self._doorkeeper = Doorkeeper(store=store, clock=clock, budget=budget)
        self._parser = Parser(big_at_once=big_at_once)
        self._tracked = Tracked(store=store, clock=clock, budget=budget)
        self._recent = Recent(clock=clock)
        self._keeper = Keeper(store=store, bus=bus, metrics=metrics, budget=budget)
        self._ids = ids
        self._metrics = metrics
        self._log = log

    async def receive(self, forge: Forge, hook_id: str, delivery: Delivery) -> Receipt:
        """Take a delivery in; once it returns `accepted`, nothing can lose the push.

        Raises:
            DeliveryError: It is not to be accepted, now or later.
            TransientError: It could not be kept; the forge may send it again.
        """
        hook = await self._admit(forge, hook_id, delivery)
        try:
            admitted = Admitted.through(hook, delivery)
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

    async def _admit(self, forge: Forge, hook_id: str, delivery: Delivery) -> Hook:
        try:
            hook, verified = await self._doorkeeper.admit(forge, hook_id, delivery)
        except BadSignatureError as exc:
            is_skewed = isinstance(exc, SkewedClockError)
            reason = "clock_skew" if is_skewed else "bad_signature"
            self._count(forge, "refused", reason)
            raise
        except TransientError:
            self._count(forge, "deferred", "unavailable")
            raise
        if verified.is_by_old_secret:
            self._metrics.old_secret_used(forge=forge.value)
            log.warning("delivery by the older secret", hook=hook.id)
        return hook

    async def _settle(self, admitted: Admitted) -> tuple[Receipt, Push | Ignored]:
        hook = admitted.hook
        told = await self._parser.parse(hook, admitted.delivery)
        if told.repository is not None:
            await self._doorkeeper.learn(hook, told.repository)
        if isinstance(told, Ignored):
            return admitted.receipt("ignored", told.reason, told.message), told
        if admitted.forge_id and self._recent.has(admitted.id):
            message = "This delivery was accepted a short while ago."
            return admitted.receipt("duplicate", "duplicate", message), told
        push = await self._followed(told, hook)
        if push is None:
            message = f"No launcher follows {told.ref} of {told.repository.path}."
            return admitted.receipt("ignored", "not_tracked", message), told
        await self._keeper.keep(self._event(admitted, push))
        self._recent.add(admitted.id)
        message = f"{push.ref} of {push.repository.path} is looked at."
        return admitted.receipt("accepted", "tracked", message), push

    async def _followed(self, push: Push, hook: Hook) -> Push | None:
        """Return the push under the name that somebody follows it by.

        A renamed repository keeps its number; launchers may follow it by its old name
        from a time when nobody knew the number.
        """
        if await self._tracked.has(push):
            return push
        if push.repository.label == hook.repository.label:
            return None
        log.info(
            "repository has a new name",
            hook=hook.id,
            old=hook.repository.path,
            new=push.repository.path,
        )
        old_name = replace(push.repository, path=hook.repository.path)
        renamed = replace(push, repository=old_name)
        return renamed if await self._tracked.has(renamed) else None

    def _event(self, admitted: Admitted, push: Push) -> Event:
        data = PushReceived(
            repository=_wire(push.repository),
            ref=push.ref,
            before=push.before,
            after=push.after,
            default_branch=push.default_branch,
            evidence="push",
            delivery_id=admitted.id,
            hook_id=admitted.hook.id,
            forge_delivery_id=admitted.forge_id,
            received_at=admitted.delivery.received_at,
        )
        return Event.of(
            data,
            # Every arrival is an event of its own: who sends again wants a look.
            id=f"{admitted.id}-{self._ids.new()}",
            time=admitted.delivery.received_at,
            subject=push.repository.path,
            traceparent=_traceparent(self._ids.new()),
        )

    def _count(self, forge: Forge, outcome: str, reason: str) -> None:
        self._metrics.delivery(forge=forge.value, outcome=outcome, reason=reason)

    def _note(
        self, admitted: Admitted, receipt: Receipt, about: Push | Ignored
    ) -> None:
        log.info(
            "delivery received",
            delivery=receipt.delivery,
            hook=admitted.hook.id,
            status=receipt.status,
            reason=receipt.reason,
        )
        if receipt.status != "accepted":  # its event is its record
            self._log.note(admitted.record(receipt, about))

    def _refused(self, hook: Hook, delivery: Delivery, exc: DeliveryError) -> None:
        reason = _REASONS.get(type(exc), "malformed")
        self._count(hook.forge, "refused", reason)
        # Its headers may be what is wrong with it, so it is named by its body.
        nameless = Admitted.unread(hook, delivery)
        receipt = nameless.receipt("refused", reason, str(exc)[:_LONGEST])
        self._log.note(nameless.record(receipt, None))


_LONGEST: Final = 1000
_REASONS: Final[Mapping[type[DeliveryError], str]] = {
    ForeignRepositoryError: "foreign_repository",
    UnsupportedMediaError: "unsupported_media",
}


def _wire(repository: Repository) -> RepositoryData:
    return RepositoryData(
        host=repository.host,
        path=repository.path,
        url=repository.url,
        number=repository.number,
    )


def _traceparent(unique: str) -> str:
    """Begin a trace. The forge's own header is a stranger's and is not taken over.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    digest = hashlib.sha256(unique.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"
