"""What the pushes that ask for a look say, and whether the head agrees."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from service.domain.agenda import Look
from service.domain.evaluation import Looked, RefGone, SameHead
from service.domain.lag import BELIEVED, Claim, is_behind
from service.domain.push import Evidence
from service.domain.repository import Ref
from service.domain.source import Source
from service.errors import NotFoundError, RemoteLagsError
from service.ports.store import Transaction

__all__ = ["claims_of", "refuse_old_head"]

MOST: Final = 20
"""Of a thousand pushes in a minute the newest say where they ended."""


async def claims_of(
    tx: Transaction, asks: Iterable[Look], *, now: datetime
) -> Sequence[Claim]:
    """Return what the newest pushes among the asks say, while they are believed."""
    newest = sorted(asks, key=lambda it: it.asked_at, reverse=True)
    told = (
        it.delivery_id
        for it in newest
        if it.evidence is Evidence.PUSH and now - it.asked_at < BELIEVED
    )
    claims = []
    for delivery in islice((it for it in told if it), MOST):
        try:
            record = await tx.deliveries.get(delivery)
        except NotFoundError:  # hooks keep so many deliveries and no more
            continue
        claims.append(
            Claim(ref=Ref(record.ref), before=record.before, after=record.after)
        )
    return claims


def refuse_old_head(
    source: Source, looked: Looked | SameHead | RefGone, claims: Sequence[Claim]
) -> None:
    """Let a head pass that no push is said to have left.

    Raises:
        RemoteLagsError: The forge shows an old head.
    """
    if isinstance(looked, RefGone):
        head, refs = None, source.revision.refs
    else:
        head = looked.head.commit
        refs = (looked.head.ref,) if looked.head.ref else ()
    known = source.seen.commit if source.seen else None
    if is_behind(claims, refs=refs, head=head, known=known):
        shown = f"still shows {head[:12]}" if head else "does not show it yet"
        names = " or ".join(refs)
        raise RemoteLagsError(
            f"{source.repository.host} told of a push to {names} and {shown}"
        )
