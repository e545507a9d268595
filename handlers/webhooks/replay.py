"""Replay a recorded delivery: publish its push again, as if it had just arrived."""

import structlog

from handlers.webhooks.events import replay
from handlers.webhooks.match import SourceMatcher
from handlers.webhooks.publish import DurablePublisher
from handlers.webhooks.receipt import Receipt
from service.domain.hook import Hook
from service.domain.push import Push
from service.domain.repository import Ref
from service.errors import ConflictError
from service.forges.binding import bound
from service.logs import log_about
from service.ports.store import DeliveryRecord
from service.ports.time import Clock, Ids

__all__ = ["DeliveryReplayer"]

log = structlog.get_logger(__name__)


class DeliveryReplayer:
    """Publish what a delivery on record announced once more.

    One per receiver, whose cache of sources and whose publisher it shares.

    Args:
        matcher: Finds out whether a launcher tracks the ref now.
        publisher: Makes the event durable.
        clock: Gives the time of the replay.
        ids: Makes the event's id unique.
    """

    def __init__(
        self,
        *,
        matcher: SourceMatcher,
        publisher: DurablePublisher,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._matcher = matcher
        self._publisher = publisher
        self._clock = clock
        self._ids = ids

    async def replay(self, record: DeliveryRecord, hook: Hook) -> Receipt:
        """Publish a delivery again, without verifying it again.

        Its signature was verified when it arrived. Its repository is checked against
        its hook once more, and a launcher has to track its ref now.

        Raises:
            ConflictError: It was refused, or names no ref.
            ForeignRepositoryError: Its hook is bound to another repository by now.
            TransientError: It could not be made durable.
        """
        log_about(delivery=record.id)
        push = await self._matcher.find_tracked(_recorded_push(record, hook))
        if push is None:
            message = f"No launcher follows {record.ref} of {record.repository}."
            return _receipt(record, "ignored", "not_tracked", message)
        again = replay(record, push, ids=self._ids, now=self._clock.now())
        await self._publisher.publish([again])
        log.info("delivery replayed", hook=hook.id)
        message = f"Replayed: {push.ref} of {push.repository.path} is evaluated."
        return _receipt(record, "accepted", "replay", message)


def _recorded_push(record: DeliveryRecord, hook: Hook) -> Push:
    if record.status == "refused" or not record.ref:
        raise ConflictError(
            f"delivery {record.id} ({record.reason}) names no ref that could be "
            "evaluated again"
        )
    return Push(
        repository=bound(hook, path=record.repository, number=hook.repository.number),
        ref=Ref(record.ref),
        before=record.before,
        after=record.after,
        default_branch=None,
    )


def _receipt(record: DeliveryRecord, status: str, reason: str, message: str) -> Receipt:
    return Receipt(delivery=record.id, status=status, reason=reason, message=message)
