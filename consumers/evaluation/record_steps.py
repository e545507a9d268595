"""Steps of recording an evaluation: what is current, what fails, what comes again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from consumers.evaluation.observation import HeadObservation
from service.domain.building.build import Rebuild
from service.domain.building.failure import Failure, FailureClass
from service.domain.evaluation.comparison import (
    Comparison,
    Evaluation,
    Observed,
    RefMissing,
    Verdict,
    update_seen,
)
from service.domain.evaluation.plan import newest_generation
from service.domain.evaluation.queue import EvaluationRequest, recheck_at
from service.domain.launcher import Launcher
from service.domain.push import Trigger
from service.domain.source import Source, SourceId
from service.ports.store import Transaction

__all__ = [
    "advanced",
    "current_sources",
    "defer",
    "failure_of",
    "newest_generations",
    "pending_rebuilds",
    "recheck",
]

NO_PLACE: Final = timedelta(seconds=5)
"""How long a source is put off that could not be asked about yet, behind others."""


async def current_sources(
    tx: Transaction, generations: Mapping[SourceId, int]
) -> Mapping[SourceId, Source]:
    """Return sources as they are now, without those that another evaluation advanced.

    One whose last launcher was removed is missing, too; the next round sees that.
    """
    # Compare-and-set: whoever recorded meanwhile saw a head that may be newer than
    # ours. The caller evaluates again from the new state.
    return {
        source.id: source
        for source in await tx.sources.some(generations)
        if source.generation == generations[source.id]
    }


async def newest_generations(
    tx: Transaction,
    sources: Collection[SourceId],
    known: Mapping[SourceId, Sequence[Launcher]],
) -> Mapping[SourceId, int]:
    """Return the newest generation that launchers of each source have or want.

    Args:
        tx: The transaction that records evaluations of the sources.
        sources: The sources.
        known: All launchers of some of them; of the others they are too many.
    """
    # Read under the lock: a launcher that comes from another source brings its own
    # generation, and the new one has to be above it.
    newest = {
        source: newest_generation(launchers) for source, launchers in known.items()
    }
    if others := [source for source in sources if source not in known]:
        newest.update(await tx.launchers.newest_generations(others))
    return newest


async def defer(tx: Transaction, source: SourceId, *, now: datetime) -> None:
    """Put off a source that this service had no place to ask about."""
    # Our own queue is no trouble of the repository: a record of it would put off its
    # pushes, and hide those of a source that is read without a credential.
    await tx.evaluation_queue.defer(source, until=now + NO_PLACE)


def recheck(observation: HeadObservation) -> EvaluationRequest | None:
    """Return the request for another evaluation of a new source."""
    source = observation.source
    # Receivers remember for two seconds that nobody follows a repository
    # (`handlers/webhooks/match.py`). A push in that time is ignored, so a new source is
    # evaluated once more after it.
    again = recheck_at(created_at=source.created_at, started_at=observation.started_at)
    if again is None:
        return None
    return EvaluationRequest(
        source_id=source.id, trigger=Trigger.SWEEP, requested_at=again
    )


def advanced(
    source: Source, observed: Observed | RefMissing, evaluation: Evaluation
) -> Source:
    """Return a source as its evaluation leaves it."""
    seen = update_seen(source, observed, at=evaluation.completed_at)
    return replace(source, generation=evaluation.generation, seen=seen)


async def pending_rebuilds(
    tx: Transaction, observation: HeadObservation
) -> Sequence[Rebuild]:
    """Return the rebuilds without a plan that wait for this evaluation."""
    # Not the ones made since: their launchers may want a commit that was pushed after
    # this evaluation read the head.
    waiting = await tx.rebuilds.unplanned(
        observation.source.id, until=observation.started_at
    )
    return [
        rebuild
        for rebuild in await tx.rebuilds.some(waiting)
        if rebuild.plan is None and not rebuild.state.is_final
    ]


def failure_of(comparison: Comparison) -> Failure:
    """Return how rebuilds fail that get no plan."""
    is_remote = comparison.verdict in {Verdict.UNKNOWN, Verdict.REF_GONE}
    kind = FailureClass.CLONE_FAILED if is_remote else FailureClass.NO_DEFINITION
    return Failure(kind=kind, message=comparison.message)
