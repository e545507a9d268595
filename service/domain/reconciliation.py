"""Reconciliation: which launchers are behind, from their state and not from events.

A launcher's `wanted_key` is the build key of the definition at the head. The launcher
is behind when its image, or the image that it is offered, has another key, unless an
unfinished rebuild leads there, the same key failed for good, or a wait is not over. The
check is level-triggered: whatever event was lost, the next check finds the launcher.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import takewhile
from typing import Final

from service.domain.backoff import Backoff
from service.domain.building.build import BuildState, Rebuild
from service.domain.building.failure import Failure
from service.domain.building.rollout import Step, decide_step
from service.domain.launcher import Launcher

__all__ = [
    "RECENT",
    "RETRY",
    "Anew",
    "Arrived",
    "Behind",
    "Calm",
    "Hold",
    "Refused",
    "Standing",
    "UnderWay",
    "WaitState",
    "assess",
    "hold_for",
    "retry_wait",
]

RETRY: Final = Backoff(first=timedelta(minutes=1), longest=timedelta(hours=1))
"""An outage costs one attempt an hour, and its end is noticed within an hour."""
RECENT: Final = 20
"""How many rebuilds of an environment are read; the back-off is longest after seven."""


class Anew(Enum):
    """A change that makes earlier results of rebuilds irrelevant."""

    NOTHING = "nothing"
    SETTINGS = "settings"
    """An operator changed a setting that is part of no key: failures that depend on
    settings are retried."""
    PUSH = "push"
    """Somebody pushed: a rebuild that a person cancelled is requested again."""
    KEY = "key"
    """The wanted key changed, or a person changed the launcher: earlier failures of the
    key are retried, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """There is nothing to do: the launcher has its image, or only a person moves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """An unfinished rebuild has the wanted key, or waits for its evaluation."""

    rebuild: Rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Its image is built; the launcher was not moved to it, or offered it, yet."""

    rebuild: Rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The last build of exactly the wanted key failed for good."""

    rebuild: Rebuild
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitState:
    """A rebuild is requested again later."""

    rebuild: Rebuild
    """The rebuild that failed or was cancelled."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A rebuild is to be requested now."""


Standing = Calm | UnderWay | Arrived | Refused | WaitState | Behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """How long a launcher's wanted key is not requested again."""

    until: datetime | None
    """None: until the wanted key changes, or a person requests a rebuild."""


def assess(
    launcher: Launcher,
    rebuilds: Sequence[Rebuild],
    *,
    now: datetime,
    pause: timedelta,
    anew: Anew = Anew.NOTHING,
    is_paused: bool = False,
) -> Standing:
    """Assess whether a launcher is behind, and why not.

    Args:
        launcher: The launcher, with its current wanted key.
        rebuilds: The latest rebuilds of its environment, and every unfinished one.
        now: The present.
        pause: How long a person's cancellation is respected.
        anew: A change that makes earlier results irrelevant.
        is_paused: Whether nothing is done by itself in its project.
    """
    wanted = launcher.wanted_key
    if wanted is None or is_paused or not launcher.is_automatic:
        return Calm()
    mine = [rebuild for rebuild in rebuilds if rebuild.source_id == launcher.source_id]
    coming = _coming(mine)
    if coming is not None:
        leads_there = coming.plan is None or coming.plan.key == wanted
        return UnderWay(rebuild=coming) if leads_there else Behind()
    if launcher.is_served:
        return Calm()
    ended = _ended(launcher, mine)
    if not ended:
        return Behind()
    return _after(launcher, ended, now=now, pause=pause, anew=anew)


def _coming(rebuilds: Iterable[Rebuild]) -> Rebuild | None:
    """Return the unfinished rebuild that decides the environment's next image."""
    unfinished = [rebuild for rebuild in rebuilds if not rebuild.state.is_final]
    unplanned = [rebuild for rebuild in unfinished if rebuild.plan is None]
    if unplanned:
        return max(unplanned, key=lambda rebuild: rebuild.id)
    return max(unfinished, key=_age, default=None)


def _age(rebuild: Rebuild) -> tuple[int, str]:
    return (rebuild.plan.generation if rebuild.plan else 0), rebuild.id


def _ended(launcher: Launcher, rebuilds: Iterable[Rebuild]) -> Sequence[Rebuild]:
    """Return the finished rebuilds of exactly the wanted key, newest first."""
    ended = [
        rebuild
        for rebuild in rebuilds
        if rebuild.plan and rebuild.plan.key == launcher.wanted_key
    ]
    return sorted(ended, key=lambda rebuild: (_end(rebuild), rebuild.id), reverse=True)


def _end(rebuild: Rebuild) -> datetime:
    return rebuild.completed_at or rebuild.created_at


def _after(
    launcher: Launcher,
    ended: Sequence[Rebuild],
    *,
    now: datetime,
    pause: timedelta,
    anew: Anew,
) -> Standing:
    last = ended[0]
    if last.state is BuildState.SUCCEEDED and _is_ahead(launcher, last):
        return Arrived(rebuild=last)
    until = now
    if last.state is BuildState.FAILED and not _may_succeed(last, anew):
        if last.failure is not None and last.failure.kind.is_final:
            return Refused(rebuild=last, failure=last.failure)
        until = _end(last) + retry_wait(_failures(ended))
    if last.state is BuildState.CANCELLED and anew in {Anew.NOTHING, Anew.SETTINGS}:
        until = _end(last) + pause
    return WaitState(rebuild=last, until=until) if until > now else Behind()


def _may_succeed(failed: Rebuild, anew: Anew) -> bool:
    """Return whether a change may have removed the cause of a failure."""
    if anew is Anew.SETTINGS:
        return failed.failure is None or failed.failure.kind.depends_on_settings
    return anew is Anew.KEY


def _is_ahead(launcher: Launcher, rebuild: Rebuild) -> bool:
    """Return whether the launcher would take the rebuild's image, or be offered it."""
    generation = rebuild.plan.generation if rebuild.plan else 0
    match decide_step(launcher, rebuild):
        case Step.MOVE:
            return launcher.generation < generation
        case Step.OFFER:
            newest = max(launcher.generation, launcher.available_generation)
            return newest < generation
        case Step.LEAVE:
            return False


def _failures(ended: Iterable[Rebuild]) -> int:
    return sum(
        1 for _ in takewhile(lambda rebuild: rebuild.state is BuildState.FAILED, ended)
    )


def retry_wait(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row."""
    return RETRY.wait_after(failures)


def hold_for(standing: Standing) -> Hold | None:
    """Return how long to hold the wanted key; None when it is not held."""
    match standing:
        case Refused():
            return Hold(until=None)
        case WaitState(until=until):
            return Hold(until=until)
        case _:
            return None
