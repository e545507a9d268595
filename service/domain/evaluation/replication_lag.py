"""Replication lag: a forge that shows an old head after it has sent a push.

Webhooks and reads are served by different machines; for seconds they may disagree.
What a push claims decides nothing, but a head that a push claims to have replaced is
read again before it is trusted.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from service.domain.repository import CommitSha, Ref, is_zero

__all__ = ["CLAIM_TTL", "PushClaim", "is_behind"]

CLAIM_TTL: Final = timedelta(minutes=1)
"""How long a push counts more than the head that is read. Replicas catch up in
seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushClaim:
    """A push claims that a ref moved from one commit to another; zeros mean none."""

    ref: Ref
    before: str
    after: str


def is_behind(
    claims: Iterable[PushClaim],
    *,
    refs: Iterable[Ref],
    head: CommitSha | None,
    known: CommitSha | None,
) -> bool:
    """Return whether open pushes claim that the ref has moved on from the head.

    Pushes come in any order, so they are chained by their commits: the head is old when
    a push begins at it and the chain ends elsewhere.

    Args:
        claims: The claims of the pushes; repeated ones count once.
        refs: The refs that the head was read from.
        head: The commit that the forge shows now; None when it shows no such ref.
        known: The commit that was last seen.
    """
    # Tags are left out: of an annotated one a payload may name the tag object, and
    # heads are commits.
    branches = {ref for ref in refs if ref.startswith("refs/heads/")}
    moves = {
        (_commit_or_none(claim.before), _commit_or_none(claim.after))
        for claim in claims
        if claim.ref in branches
        and claim.before
        and claim.after
        and claim.before != claim.after
    }
    left = Counter(before for before, _ in moves)
    entered = Counter(after for _, after in moves)
    # No push claims to have replaced it. That is the common case, and also a head that
    # is newer than all claims.
    if head not in left:
        return False
    ends = {commit for commit in entered if entered[commit] > left[commit]}
    # Pushes back and forth (A → B → A) have no end: then the head is old unless it is
    # the commit that was seen before them, where such a circle begins and ends.
    return head not in ends if ends else head != known


def _commit_or_none(commit: str) -> str | None:
    return None if is_zero(commit) else commit
