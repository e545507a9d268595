"""Whether an upstream Renku built the commit that was pushed, or an older one."""

from datetime import datetime
from enum import Enum
from typing import Final

from service.domain.building.build import Build
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.push import Trigger
from service.domain.source import SourceId
from service.errors import NotFoundError
from service.ports.store import Store, Transaction

__all__ = ["CommitAge", "compare_commit", "request_head"]

UNKNOWN: Final = "unknown"
"""Renku's word for a commit that its builder did not report."""
_RECENT: Final = 50
"""Evaluations that are read; more pushes than that during a build are seldom."""


class CommitAge(Enum):
    """How a commit that was built compares with the wanted one."""

    WANTED = "wanted"
    """The same, or a newer one."""
    OLDER = "older"
    UNSEEN = "unseen"
    """No evaluation has seen it: older, or pushed since the last one."""


async def compare_commit(
    store: Store,
    build: Build,
    commit: str,
    *,
    is_ours: bool,
    requested_at: datetime | None,
) -> CommitAge:
    """Compare a commit that was built with the wanted one.

    Renku builds what the revision names when it clones, so that a later push may be in
    it already: the environment is then newer than wanted, which is good. What an
    evaluation that began after the build has not seen counts as older, as unknown is
    never taken for unchanged.

    Args:
        store: Knows which commits were evaluated, and in what order.
        build: The build; it wants a commit.
        commit: What was built.
        is_ours: Whether the build was started after the wanted commit was seen. Then a
            commit that Renku does not know is taken for it.
        requested_at: When `request_head` was called for this; None before.
    """
    if commit == build.commit:
        return CommitAge.WANTED
    if commit == UNKNOWN:
        return CommitAge.WANTED if is_ours else CommitAge.OLDER
    async with store.reading() as tx:
        source_id = await _source_of(tx, build)
        if source_id is None:
            return CommitAge.WANTED  # nobody wants it any more
        # Read first: of what is settled, the evaluation is there.
        is_open = requested_at is None or await _is_open(tx, source_id, requested_at)
        source = await tx.sources.get(source_id)
        if source.seen is not None and source.seen.commit == commit:
            return CommitAge.WANTED
        latest = await tx.evaluations.of_source(source_id, limit=_RECENT)
    # Of each commit the newest evaluation: a branch may be forced back to an old one.
    places: dict[str, int] = {}
    for place, evaluation in enumerate(latest):
        if evaluation.commit is not None:
            places.setdefault(evaluation.commit, place)
    if commit not in places and is_open:
        return CommitAge.UNSEEN
    is_older = places.get(commit, _RECENT) > places.get(build.commit, _RECENT - 1)
    return CommitAge.OLDER if is_older else CommitAge.WANTED


async def request_head(tx: Transaction, build: Build, *, at: datetime) -> None:
    """Request an evaluation of what a build's launcher tracks."""
    source_id = await _source_of(tx, build)
    if source_id is not None:
        request = EvaluationRequest(
            source_id=source_id, trigger=Trigger.SWEEP, requested_at=at
        )
        await tx.evaluation_queue.enqueue(request, debounce=Debounce())


async def _source_of(tx: Transaction, build: Build) -> SourceId | None:
    try:
        launcher = await tx.launchers.of_environment(build.environment_id)
    except NotFoundError:
        return None
    return launcher.source_id


async def _is_open(tx: Transaction, source: SourceId, requested_at: datetime) -> bool:
    # A request is deleted when an evaluation that began after it has ended; clocks of
    # two processes would not show that.
    requests = await tx.evaluation_queue.requests(source)
    return any(request.requested_at == requested_at for _, request in requests)
