"""Which launchers are behind, told from what is there and not from what was asked for.

A launcher's `wanted_key` is a fact: the key of the definition at the head, built this
launcher's way. It is behind when its image, or the image that it is offered, has
another key, unless something on its way leads there, the same key failed for good, or
a wait is not over yet. Whatever was lost or called off, whoever asks this again sees
the launcher that is left behind.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import takewhile
from typing import Final

from service.domain.build import BuildState, Rebuild
from service.domain.failure import Failure
from service.domain.launcher import Launcher, UpdatePolicy
from service.domain.rollout import Step, step

__all__ = [
    "FIRST_RETRY",
    "LONGEST_RETRY",
    "RECENT",
    "Anew",
    "Arrived",
    "Behind",
    "Calm",
    "Hold",
    "Refused",
    "Standing",
    "UnderWay",
    "Waiting",
    "hold_of",
    "retry_wait",
    "stand",
]

FIRST_RETRY: Final = timedelta(minutes=1)
LONGEST_RETRY: Final = timedelta(hours=1)
"""An outage of hours costs a try an hour, and is noticed within one."""
RECENT: Final = 20
"""How many rebuilds of an environment are read; the wait is longest after seven."""


class Anew(Enum):
    """What a look brings that makes earlier ends count no more."""

    NOTHING = "nothing"
    PUSH = "push"
    """Somebody pushed: what a person had called off is wanted again."""
    KEY = "key"
    """Another key is wanted than before, or a person set the launcher so: what
    failed under it before is tried again, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """There is nothing to do: it is there, or nobody but a person may ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """An unfinished rebuild leads there, or waits for the look that will tell."""

    rebuild: Rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Its image is built, and the launcher was not moved to it or told of it yet."""

    rebuild: Rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The last build of exactly this key failed, and would fail again."""

    rebuild: Rebuild
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """It is asked for again, later."""

    rebuild: Rebuild
    """The one that failed or was cancelled."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """It is to be asked for now."""


Standing = Calm | UnderWay | Arrived | Refused | Waiting | Behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """How long nobody needs to ask again about a launcher's wanted key."""

    until: datetime | None
    """None: until another key is wanted, or somebody asks for something."""


def stand(
    launcher: Launcher,
    rebuilds: Sequence[Rebuild],
    *,
    now: datetime,
    pause: timedelta,
    anew: Anew = Anew.NOTHING,
) -> Standing:
    """Say where a launcher stands.

    Args:
        launcher: With the key that its definition asks for now.
        rebuilds: The latest of its environment, and every unfinished one.
        now: The present.
        pause: How long a person's cancellation is respected.
        anew: What makes earlier ends count no more.
    """
    wanted = launcher.wanted_key
    if wanted is None or launcher.policy is UpdatePolicy.MANUAL:
        return Calm()
    mine = [it for it in rebuilds if it.source_id == launcher.source_id]
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
    """Return the rebuild that decides where the environment will be."""
    unfinished = [it for it in rebuilds if not it.state.is_final]
    unplanned = [it for it in unfinished if it.plan is None]
    if unplanned:
        return max(unplanned, key=lambda it: it.id)
    return max(unfinished, key=_age, default=None)


def _age(rebuild: Rebuild) -> tuple[int, str]:
    return (rebuild.plan.generation if rebuild.plan else 0), rebuild.id


def _ended(launcher: Launcher, rebuilds: Iterable[Rebuild]) -> Sequence[Rebuild]:
    """Return what ended of exactly the wanted key, the last first."""
    found = [it for it in rebuilds if it.plan and it.plan.key == launcher.wanted_key]
    return sorted(found, key=lambda it: (_end(it), it.id), reverse=True)


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
    if last.state is BuildState.FAILED and anew is not Anew.KEY:
        if last.failure is not None and last.failure.kind.is_final:
            return Refused(rebuild=last, failure=last.failure)
        until = _end(last) + retry_wait(_failures(ended))
    if last.state is BuildState.CANCELLED and anew is Anew.NOTHING:
        until = _end(last) + pause
    return Waiting(rebuild=last, until=until) if until > now else Behind()


def _is_ahead(launcher: Launcher, rebuild: Rebuild) -> bool:
    """Say whether the launcher would take the rebuild's image, or be told of it."""
    generation = rebuild.plan.generation if rebuild.plan else 0
    match step(launcher, rebuild):
        case Step.MOVE:
            return launcher.generation < generation
        case Step.OFFER:
            newest = max(launcher.generation, launcher.available_generation)
            return newest < generation
        case Step.LEAVE:
            return False


def _failures(ended: Iterable[Rebuild]) -> int:
    return sum(1 for _ in takewhile(lambda it: it.state is BuildState.FAILED, ended))


def retry_wait(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row."""
    return min(FIRST_RETRY * (1 << max(0, failures - 1)), LONGEST_RETRY)


def hold_of(standing: Standing) -> Hold | None:
    """Say how long nobody needs to ask again; None where somebody has to."""
    match standing:
        case Refused():
            return Hold(until=None)
        case Waiting(until=until):
            return Hold(until=until)
        case _:
            return None
