"""What became of a delivery: for its sender, and on record."""

from typing import Self

from msgspec import Struct

from handlers.webhooks.delivery_log import masked
from service.domain.delivery import Delivery, DeliveryId, delivery_id
from service.domain.hook import Hook
from service.domain.push import Ignored, Push
from service.domain.repository import Ref
from service.forges.proofs import Verified
from service.forges.registry import FORGES
from service.ports.store import DeliveryRecord

__all__ = ["Admitted", "Receipt"]


class Receipt(Struct, frozen=True, kw_only=True):
    """What became of an authentic delivery; people see it in their forge's list."""

    delivery: DeliveryId
    status: str
    """`accepted`, `ignored`, `duplicate`; on record also `refused`."""
    reason: str
    """A machine word."""
    message: str
    """A sentence."""


class Admitted(Struct, frozen=True, kw_only=True):
    """A delivery that is proved to come through its hook."""

    id: DeliveryId
    hook: Hook
    delivery: Delivery
    forge_id: str | None
    event: str
    """The forge's word; empty when it gave none."""
    is_by_old_secret: bool = False

    @classmethod
    def through(cls, hook: Hook, delivery: Delivery, verified: Verified) -> Self:
        """Name a verified delivery by what its forge calls it.

        Raises:
            MalformedDeliveryError: The headers that name it cannot be read.
        """
        spec = FORGES[hook.forge]
        forge_id = spec.delivery_name(delivery)
        return cls(
            id=delivery_id(hook.id, forge_id, delivery.body),
            hook=hook,
            delivery=delivery,
            forge_id=forge_id,
            event=spec.event_name(delivery) or "",
            is_by_old_secret=verified.is_by_old_secret,
        )

    @classmethod
    def unread(cls, hook: Hook, delivery: Delivery) -> Self:
        """Name a verified delivery by its body; its headers may be what is wrong."""
        return cls(
            id=delivery_id(hook.id, None, delivery.body),
            hook=hook,
            delivery=delivery,
            forge_id=None,
            event="",
        )

    @classmethod
    def unproved(cls, hook: Hook, delivery: Delivery) -> Self:
        """Name what nothing proves by its hook and hour.

        A stranger chooses no names and fills no log.
        """
        # Nothing of the request goes in: a stranger who chose the id could overwrite
        # the record of a true delivery.
        hour = delivery.received_at.strftime("unproved %Y-%m-%d %H")
        return cls(
            id=delivery_id(hook.id, hour, b""),
            hook=hook,
            delivery=delivery,
            forge_id=None,
            event="",
        )

    def id_of_change(self, number: int, ref: Ref) -> DeliveryId:
        """Name one of several refs that a delivery moved.

        Each is on record under an id of its own and is played again by it; the first
        has the delivery's.
        """
        # By ref and not by number: a forge that sends the delivery again may list the
        # changes in another order.
        return self.id if number == 0 else delivery_id(self.id, ref, b"")

    def receipt(self, status: str, reason: str, message: str) -> Receipt:
        """Describe what became of it."""
        return Receipt(delivery=self.id, status=status, reason=reason, message=message)

    def record(self, receipt: Receipt, about: Push | Ignored | None) -> DeliveryRecord:
        """Write down what became of it, and what it was about."""
        push = about if isinstance(about, Push) else None
        repository = about.repository if about else None
        return DeliveryRecord(
            id=self.id,
            hook_id=self.hook.id,
            forge_delivery_id=self.forge_id,
            event=self.event,
            status=receipt.status,
            reason=receipt.reason,
            message=receipt.message,
            repository=repository.path if repository else "",
            ref=push.ref if push else "",
            before=push.before if push else "",
            after=push.after if push else "",
            headers=masked(self.delivery),
            received_at=self.delivery.received_at,
            is_by_old_secret=self.is_by_old_secret,
        )
