"""Record the identity of a repository: its number, and its present name.

Only an evaluation establishes it. A delivery may suggest a number; it counts when the
forge has no repository of the known number any more and gives the name to one of the
suggested.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from service.domain.evaluation.comparison import Observed, RefMissing
from service.domain.evaluation.queue import EvaluationRequest
from service.domain.push import Trigger
from service.domain.repository import Repository
from service.domain.source import Head, Source, SourceId
from service.errors import Refusal, RemoteRefusedError
from service.ports.store import Transaction

__all__ = ["describe_change", "is_recreated", "save_identity", "suggest_to_others"]


def is_recreated(
    known: Repository,
    refused: RemoteRefusedError,
    requests: Iterable[EvaluationRequest],
) -> Repository | None:
    """Return who has a repository's name now, when a delivery names the same.

    Somebody deleted it and made it again: whoever has its hook's secret says so, and
    the forge confirms both. None for a name that somebody else took.
    """
    # A number in a payload alone is never enough: one signed push with another number
    # once made a source ignore every later, honest push. Payload and forge must agree.
    if refused.refusal is not Refusal.REPLACED or refused.number is None:
        return None
    suggested = {request.suggested_number for request in requests}
    if refused.number not in suggested:
        return None
    return replace(known, number=refused.number)


def describe_change(source: Source, observed: Observed | RefMissing) -> str:
    """Return a sentence about the repository itself; empty when nothing changed."""
    if not isinstance(observed, Observed):
        return ""
    return _made_anew(source.repository, observed.head) + _opened(source, observed.head)


def _made_anew(known: Repository, head: Head) -> str:
    seen = head.repository
    if seen is None or known.number in {None, seen.number}:
        return ""
    return (
        f" The repository was made anew: its number at {known.host} was"
        f" {known.number} and is {seen.number}, as its hook and the forge say."
    )


def _opened(source: Source, head: Head) -> str:
    was = source.seen is not None and source.seen.is_private
    if source.seen is None or head.is_private in {None, was}:
        return ""
    if was:
        return " The repository is public now: its images are made for everybody."
    return (
        " The repository is private now: its images are made anew, for those who may"
        " read it."
    )


async def save_identity(
    tx: Transaction, source: Source, observed: Observed | RefMissing
) -> Source:
    """Return the source with what the forge calls its repository now.

    Its number is noted, for its hooks too. Its path follows a rename, unless another
    source has the new one already: both are found by their number.
    """
    known = source.repository
    seen = observed.head.repository if isinstance(observed, Observed) else None
    if seen is None or seen == known:
        return source
    # Hooks are bound by number as well. Without this the hook of a recreated repository
    # would go on refusing its deliveries as foreign.
    if seen.number is not None and seen.number != known.number:
        await tx.hooks.bind(known, number=seen.number)
    # Two sources with one path, revision and folder would break the unique index on
    # them; the older name is kept, and both are matched by number.
    for other in await tx.sources.of_repository(seen):
        is_twin = (
            other.repository.label == seen.label
            and other.revision == source.revision
            and other.context_dir == source.context_dir
            and other.access is source.access
        )
        if is_twin and other.id != source.id:
            return replace(source, repository=replace(known, number=seen.number))
    return replace(source, repository=seen)


async def suggest_to_others(
    tx: Transaction,
    saved: Iterable[Source],
    before: Mapping[SourceId, Source],
    *,
    now: datetime,
) -> Sequence[EvaluationRequest]:
    """Return requests to the other sources of repositories that were made anew.

    A hook has the new number from now on and suggests it no more: a source that was not
    evaluated for the same push, such as that of another directory while the forge was
    away, would take all later pushes for another repository's. Each asks the forge for
    itself whether its own number is gone.

    Args:
        tx: Reads the other sources.
        saved: Sources, as they were evaluated.
        before: The same, and perhaps others, before that.
        now: The time.
    """
    made_anew = [
        source.repository
        for source in saved
        if before[source.id].repository.number not in {None, source.repository.number}
    ]
    return [
        EvaluationRequest(
            source_id=other.id,
            trigger=Trigger.PUSH,
            suggested_number=repository.number,
            requested_at=now,
        )
        for repository in made_anew
        for other in await tx.sources.of_repository(repository)
        if other.repository.label == repository.label
        and other.repository.number not in {None, repository.number}
    ]
