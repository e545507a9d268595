"""The reason why a rebuild waits.

Nothing is estimated here: an instant is given only where a retry or an evaluation is
scheduled for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from service.domain.building.build import Build, BuildId, BuildState, Rebuild
from service.domain.building.failure import Failure
from service.domain.building.pause import Pause
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.evaluation.queue import GIVEN_UP_AFTER, DueEvaluation

__all__ = [
    "Circumstances",
    "Limits",
    "Obstacle",
    "Waiting",
    "explain_waiting",
    "order_queue",
]


class Obstacle(Enum):
    """What a rebuild waits for."""

    EVALUATION = "evaluation"
    """The evaluation of its source."""
    REMOTE = "remote"
    """Another evaluation, after one that could not read the repository."""
    SAME_ENVIRONMENT = "same_environment"
    """Another build of its environment, which runs."""
    LIMIT = "limit"
    """A free slot: the limit of running builds is reached."""
    PROJECT_LIMIT = "project_limit"
    """A free slot of its project: the limit per project is reached."""
    RETRY = "retry"
    """A retry, after a transient failure."""
    BUILDER = "builder"
    """The builder, which started it and reports an obstacle."""
    OTHER_BUILDER = "other_builder"
    """A new plan: its plan names another builder than the one in use."""
    PAUSE = "pause"
    """The end of the pause of automatic work."""
    SCHEDULING = "scheduling"
    """The next scheduling decision, which starts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of builds."""

    caps: ConcurrencyLimits
    attempts: int
    """How many attempts a build has when its failures are transient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """The input of `explain_waiting` for one rebuild."""

    now: datetime
    limits: Limits
    due_evaluation: DueEvaluation | None = None
    """When its source is evaluated next; None when no evaluation is queued."""
    work: Build | None = None
    """The build that it waits for; None before it has one."""
    builds: Sequence[Build] = ()
    """All unfinished builds."""
    is_environment_busy: bool = False
    """Whether another build of its environment runs."""
    position: int = 0
    """The position in the queue, 1 being next; 0 outside the queue."""
    is_foreign: bool = False
    """Whether its plan names another builder than the one in use."""
    pause: Pause | None = None
    """The pause that keeps it from starting; None otherwise."""
    hindrance: Failure | None = None
    """The builder's report about a running build that is stuck; None otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why a rebuild waits now."""

    obstacle: Obstacle
    message: str
    """A clause that completes *waiting because*."""
    until: datetime | None = None
    """The time of the next attempt; None when it is not known."""
    attempt: int | None = None
    """How many attempts failed."""
    attempts: int | None = None
    """How many attempts there are before it fails."""
    failure: Failure | None = None
    """The failure of the last attempt, or the builder's obstacle; None without one."""


def explain_waiting(rebuild: Rebuild, known: Circumstances) -> Waiting | None:
    """Return why a rebuild waits; None when it is finished, or runs unhindered."""
    if rebuild.state is not BuildState.QUEUED:
        is_taken = rebuild.state is BuildState.RUNNING
        return _at_builder(known.hindrance) if is_taken and known.hindrance else None
    if rebuild.plan is None:
        return _for_look(known.due_evaluation, known.now)
    is_running = known.work is not None and known.work.state is BuildState.RUNNING
    # A build that runs ends under its own key; only what has not started is planned
    # again.
    if known.is_foreign and not is_running:
        return _FOREIGN
    if known.work is not None:
        return _for_start(known.work, known)
    if known.is_environment_busy:
        return Waiting(
            obstacle=Obstacle.SAME_ENVIRONMENT,
            message="another build of the same environment runs",
        )
    return _NEXT


def _at_builder(failure: Failure) -> Waiting:
    return Waiting(obstacle=Obstacle.BUILDER, message=failure.message, failure=failure)


def _for_look(due_evaluation: DueEvaluation | None, now: datetime) -> Waiting:
    if due_evaluation is not None and due_evaluation.attempts:
        tried = f"tried {due_evaluation.attempts} of {GIVEN_UP_AFTER}"
        trouble = due_evaluation.trouble or "its repository could not be read"
        return Waiting(
            obstacle=Obstacle.REMOTE,
            message=f"{trouble} ({tried})",
            until=due_evaluation.due_at,
            attempt=due_evaluation.attempts,
            attempts=GIVEN_UP_AFTER,
        )
    if due_evaluation is not None and due_evaluation.due_at > now:
        return Waiting(
            obstacle=Obstacle.EVALUATION,
            message="its repository is evaluated once no push has come for a moment",
            until=due_evaluation.due_at,
        )
    return Waiting(
        obstacle=Obstacle.EVALUATION, message="its source is evaluated first"
    )


def _for_start(work: Build, known: Circumstances) -> Waiting:
    if work.not_before is not None and work.not_before > known.now:
        return _for_retry(work, known.limits)
    if known.pause is not None and work.state is BuildState.QUEUED:
        return Waiting(obstacle=Obstacle.PAUSE, message=known.pause.clause)
    running = [build for build in known.builds if build.state is BuildState.RUNNING]
    caps, ahead = known.limits.caps, max(0, known.position - 1)
    before = f"; {ahead} before it" if ahead else ""
    if len(running) >= caps.in_all:
        return Waiting(
            obstacle=Obstacle.LIMIT,
            message=f"{len(running)} of {caps.in_all} builds run{before}",
        )
    own = sum(build.project_id == work.project_id for build in running)
    if own >= caps.per_project:
        return Waiting(
            obstacle=Obstacle.PROJECT_LIMIT,
            message=f"{own} of {caps.per_project} builds of its project run{before}",
        )
    return _NEXT


def _for_retry(work: Build, limits: Limits) -> Waiting:
    why = work.failure.message if work.failure else "it could not be started"
    tried = work.attempt - 1
    return Waiting(
        obstacle=Obstacle.RETRY,
        message=f"{why} (tried {tried} of {limits.attempts})" if tried else why,
        until=work.not_before,
        attempt=tried or None,
        attempts=limits.attempts if tried else None,
        failure=work.failure,
    )


_FOREIGN: Final = Waiting(
    obstacle=Obstacle.OTHER_BUILDER,
    message="it was planned for another builder than builds now, and is planned anew",
)
_NEXT: Final = Waiting(obstacle=Obstacle.SCHEDULING, message="it is about to start")


def order_queue(
    builds: Iterable[Build], *, urgent: Iterable[BuildId], now: datetime
) -> Sequence[BuildId]:
    """Return the builds that wait only for a free slot, in the order they start.

    Args:
        builds: All unfinished builds.
        urgent: Builds that people wait for: they start first.
        now: Builds whose retry is scheduled later are not in the queue.
    """
    first = set(urgent)
    queued = [
        build
        for build in builds
        if build.state is BuildState.QUEUED
        and (build.not_before is None or build.not_before <= now)
    ]
    queued.sort(key=lambda build: (build.id not in first, build.id))
    return [build.id for build in queued]
