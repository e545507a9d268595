"""What a look tells of the repository itself: its number, and its name today.

Only looks tell. A delivery may suggest a number; it counts when the forge has no
repository of the known number any more and gives the name to one of the suggested.
"""

from collections.abc import Iterable
from dataclasses import replace

from service.domain.agenda import Look
from service.domain.evaluation import Looked, RefGone
from service.domain.repository import Repository
from service.domain.source import Source
from service.errors import Refusal, RemoteRefusedError
from service.ports.store import Transaction

__all__ = ["learned", "made_anew", "telling_of"]


def made_anew(
    known: Repository, refused: RemoteRefusedError, asks: Iterable[Look]
) -> Repository | None:
    """Return who has a repository's name now, when a delivery says it is the same.

    Somebody deleted it and made it again: whoever has its hook's secret says so, and
    the forge confirms both. None for a name that somebody else took.
    """
    if refused.refusal is not Refusal.REPLACED or refused.number is None:
        return None
    suggested = {it.suggested_number for it in asks}
    if refused.number not in suggested:
        return None
    return replace(known, number=refused.number)


def telling_of(known: Repository, looked: Looked | RefGone) -> str:
    """Return a sentence about a number that is another one now; empty for the same."""
    told = looked.head.repository if isinstance(looked, Looked) else None
    if told is None or known.number in {None, told.number}:
        return ""
    return (
        f" The repository was made anew: its number at {known.host} was"
        f" {known.number} and is {told.number}, as its hook and the forge say."
    )


async def learned(tx: Transaction, source: Source, looked: Looked | RefGone) -> Source:
    """Return the source with what the forge calls its repository now.

    Its number is noted, for its hooks too. Its path follows a rename, unless another
    source has the new one already: both are found by their number.
    """
    known = source.repository
    told = looked.head.repository if isinstance(looked, Looked) else None
    if told is None or told == known:
        return source
    if told.number is not None and told.number != known.number:
        await tx.hooks.bind(known, number=told.number)
    for other in await tx.sources.of_repository(told):
        is_twin = (
            other.repository.label == told.label
            and other.revision == source.revision
            and other.context_dir == source.context_dir
        )
        if is_twin and other.id != source.id:
            return replace(source, repository=replace(known, number=told.number))
    return replace(source, repository=told)
