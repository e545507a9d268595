"""Why a rebuild does not proceed: facts in, a reason out.

Nothing is estimated here. An instant is told only where something was put off to it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from service.domain.agenda import GIVEN_UP_AFTER, Appointment
from service.domain.build import Build, BuildId, BuildState, Rebuild
from service.domain.failure import Failure
from service.domain.schedule import Caps

__all__ = ["Circumstances", "Limits", "Obstacle", "Waiting", "line_up", "why_waiting"]


class Obstacle(Enum):
    """What a rebuild waits for."""

    LOOK = "look"
    """Its repository is to be looked at first."""
    REMOTE = "remote"
    """Its repository was looked at in vain, and will be looked at again."""
    SAME_ENVIRONMENT = "same_environment"
    """Another build of its environment runs."""
    CAP = "cap"
    """As many builds run as may."""
    PROJECT_CAP = "project_cap"
    """As many builds of its project run as may."""
    RETRY = "retry"
    """A try failed of what passes by itself."""
    BUILDER = "builder"
    """The builder has taken it and cannot go on; it said why."""
    OTHER_BUILDER = "other_builder"
    """It was planned for another builder than the one that builds now."""
    TURN = "turn"
    """Nothing is in its way: it starts with the next decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds builds."""

    caps: Caps
    attempts: int
    """How often a build is tried whose failures pass by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Everything that is known about why one rebuild waits."""

    now: datetime
    limits: Limits
    appointment: Appointment | None = None
    """When its source is looked at next; None when nobody asks for that."""
    work: Build | None = None
    """The build it waits for; None before there is one."""
    builds: Sequence[Build] = ()
    """All that are unfinished."""
    is_environment_busy: bool = False
    """Whether another build of its environment runs."""
    place: int = 0
    """In the queue, 1 being next; 0 for what is not in it."""
    is_foreign: bool = False
    """Whether it was planned for another builder than the one that builds now."""
    hindrance: Failure | None = None
    """Why a builder that has taken the build does not proceed; None when it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why a rebuild does not proceed just now."""

    obstacle: Obstacle
    message: str
    """What follows *waiting because*."""
    until: datetime | None = None
    """When it is tried again; None where nobody can tell."""
    attempt: int | None = None
    """How often it was tried in vain."""
    attempts: int | None = None
    """How often it is tried before it is given up."""
    failure: Failure | None = None
    """What failed, or is in a builder's way; None where nothing is amiss."""


def why_waiting(rebuild: Rebuild, known: Circumstances) -> Waiting | None:
    """Say why a rebuild waits; None when it is over, or runs as it should."""
    if rebuild.state is not BuildState.QUEUED:
        is_taken = rebuild.state is BuildState.RUNNING
        return _at_builder(known.hindrance) if is_taken and known.hindrance else None
    if rebuild.plan is None:
        return _for_look(known.appointment, known.now)
    is_running = known.work is not None and known.work.state is BuildState.RUNNING
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


def _at_builder(found: Failure) -> Waiting:
    return Waiting(obstacle=Obstacle.BUILDER, message=found.message, failure=found)


def _for_look(appointment: Appointment | None, now: datetime) -> Waiting:
    if appointment is not None and appointment.attempts:
        tried = f"tried {appointment.attempts} of {GIVEN_UP_AFTER}"
        trouble = appointment.trouble or "its repository could not be looked at"
        return Waiting(
            obstacle=Obstacle.REMOTE,
            message=f"{trouble} ({tried})",
            until=appointment.due_at,
            attempt=appointment.attempts,
            attempts=GIVEN_UP_AFTER,
        )
    if appointment is not None and appointment.due_at > now:
        return Waiting(
            obstacle=Obstacle.LOOK,
            message="its repository is looked at once no push has come for a moment",
            until=appointment.due_at,
        )
    return Waiting(obstacle=Obstacle.LOOK, message="its repository is looked at first")


def _for_start(work: Build, known: Circumstances) -> Waiting:
    if work.not_before is not None and work.not_before > known.now:
        return _for_retry(work, known.limits)
    running = [it for it in known.builds if it.state is BuildState.RUNNING]
    caps, ahead = known.limits.caps, max(0, known.place - 1)
    before = f"; {ahead} before it" if ahead else ""
    if len(running) >= caps.in_all:
        return Waiting(
            obstacle=Obstacle.CAP,
            message=f"{len(running)} of {caps.in_all} builds run{before}",
        )
    own = sum(it.project_id == work.project_id for it in running)
    if own >= caps.per_project:
        return Waiting(
            obstacle=Obstacle.PROJECT_CAP,
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
_NEXT: Final = Waiting(obstacle=Obstacle.TURN, message="it is about to start")


def line_up(
    builds: Iterable[Build], *, urgent: Iterable[BuildId], now: datetime
) -> Sequence[BuildId]:
    """Return what waits for nothing but a free slot, in the order of its turns.

    Args:
        builds: All that are unfinished.
        urgent: Those that people wait for: they go first.
        now: What a retry is put off beyond is not in the queue.
    """
    first = set(urgent)
    queued = [
        it
        for it in builds
        if it.state is BuildState.QUEUED
        and (it.not_before is None or it.not_before <= now)
    ]
    queued.sort(key=lambda it: (it.id not in first, it.id))
    return [it.id for it in queued]
