"""Detect a forge that shows an older head than its pushes announced."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import HeadUnchanged, Observed, RefMissing
from service.domain.evaluation.queue import EvaluationRequest
from service.domain.evaluation.replication_lag import CLAIM_TTL, PushClaim, is_behind
from service.domain.push import Trigger
from service.domain.repository import Ref
from service.domain.source import Source
from service.errors import RemoteLagsError
from service.ports.store import DeliveryRecord

__all__ = ["believed", "push_claims", "refuse_old_head"]

MOST: Final = 20
"""Of a thousand pushes in a minute the newest suffice."""


# Forges answer from replicas and caches: right after a push they may still give the
# previous head. What the push announced is the only evidence against it.
def believed(
    requests: Iterable[EvaluationRequest], *, now: datetime
) -> Sequence[DeliveryId]:
    """Return the newest pushes' deliveries, while what they announce is believed."""
    # Newest first, because only MOST are read: of a chain of pushes the last one moved
    # the ref to where it is now.
    newest = sorted(requests, key=lambda request: request.requested_at, reverse=True)
    ids = (
        request.delivery_id
        for request in newest
        # A replay names a commit of the past and proves nothing about the present head;
        # and a claim expires, since a ref may be moved back by force without our
        # hearing of it.
        if request.trigger is Trigger.PUSH and now - request.requested_at < CLAIM_TTL
    )
    return tuple(islice((delivery_id for delivery_id in ids if delivery_id), MOST))


def push_claims(
    deliveries: Iterable[DeliveryId], known: Mapping[DeliveryId, DeliveryRecord]
) -> Sequence[PushClaim]:
    """Return the heads that pushes announced, as far as they are on record.

    Hooks keep so many deliveries and no more.
    """
    records = (known.get(delivery) for delivery in deliveries)
    return [
        PushClaim(ref=Ref(record.ref), before=record.before, after=record.after)
        for record in records
        if record is not None
    ]


def refuse_old_head(
    source: Source,
    observed: Observed | HeadUnchanged | RefMissing,
    claims: Sequence[PushClaim],
) -> None:
    """Accept a head unless a push moved the ref away from it.

    Raises:
        RemoteLagsError: The forge shows an old head.
    """
    # A branch that was just created can be missing in a replica, too. Without this it
    # would be recorded as gone, and its launchers would wait for the sweep.
    if isinstance(observed, RefMissing):
        head, refs = None, source.revision.refs
    else:
        head = observed.head.commit
        refs = (observed.head.ref,) if observed.head.ref else ()
    known = source.seen.commit if source.seen else None
    if is_behind(claims, refs=refs, head=head, known=known):
        shown = f"still shows {head[:12]}" if head else "does not show it yet"
        names = " or ".join(refs)
        raise RemoteLagsError(
            f"{source.repository.host} told of a push to {names} and {shown}"
        )
