"""What a look tells of the repository itself: its number, and its name today."""

from dataclasses import replace

from service.domain.evaluation import Looked, RefGone
from service.domain.source import Source
from service.ports.store import Transaction

__all__ = ["learned"]


async def learned(tx: Transaction, source: Source, looked: Looked | RefGone) -> Source:
    """Return the source with what the forge calls its repository now.

    Its number is noted for ever. Its path follows a rename, unless another source
    has the new one already: both are found by their number.
    """
    known = source.repository
    told = looked.head.repository if isinstance(looked, Looked) else None
    if told is None or told == known or known.number not in {None, told.number}:
        return source
    for other in await tx.sources.of_repository(told):
        is_twin = (
            other.repository.label == told.label
            and other.revision == source.revision
            and other.context_dir == source.context_dir
        )
        if is_twin and other.id != source.id:
            return replace(source, repository=replace(known, number=told.number))
    return replace(source, repository=told)
