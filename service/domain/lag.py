"""A forge that shows an old head after it told of a push.

Webhooks and reads are served by different machines; for seconds they may disagree.
What a push claims decides nothing, but a head that a push is said to have left is
looked at again before it is believed.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from service.domain.repository import CommitSha, Ref, is_zero

__all__ = ["BELIEVED", "Claim", "is_behind"]

BELIEVED: Final = timedelta(minutes=1)
"""How long a push is believed rather than the head. Replicas catch up in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A push says that a ref left one commit for another; zeros are none."""

    ref: Ref
    before: str
    after: str


def is_behind(
    claims: Iterable[Claim],
    *,
    refs: Iterable[Ref],
    head: CommitSha | None,
    known: CommitSha | None,
) -> bool:
    """Say whether pushes that nobody has answered yet left the head that is shown.

    Pushes come in any order, so they are laid end to end: the head is old when one of
    them begins there and the end is elsewhere.

    Args:
        claims: What the pushes say, each told as often as it was.
        refs: The refs that the head was looked for under.
        head: What the forge shows now; None when it shows no such ref.
        known: What was seen there before.
    """
    branches = {it for it in refs if it.startswith("refs/heads/")}
    moves = {
        (_place(it.before), _place(it.after))
        for it in claims
        if it.ref in branches and it.before and it.after and it.before != it.after
    }
    left = Counter(before for before, _ in moves)
    entered = Counter(after for _, after in moves)
    if head not in left:
        return False
    ends = {place for place in entered if entered[place] > left[place]}
    # A circle ends where it began.
    return head not in ends if ends else head != known


def _place(commit: str) -> str | None:
    return None if is_zero(commit) else commit
