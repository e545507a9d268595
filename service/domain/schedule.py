"""Which builds start, stop, or serve which rebuilds: facts in, decisions out.

Per environment one rebuild runs and the newest waits; older waiting ones are
superseded. One key is built once at a time, however many environments want it. A
running build that nobody wants any more stops, unless the same environment was
interrupted too often already: then it may finish, so that a stream of pushes cannot
keep an environment from ever being built.

A build starts only where its recipe names what builds here: another one's image would
stand under this one's key. What runs already was started by whom its recipe names, and
ends under its own key whoever sees it end.
"""

from collections import Counter, defaultdict
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set as AbstractSet,
)
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.domain.build import (
    Build,
    BuildId,
    BuildKey,
    BuildState,
    EnvironmentId,
    Image,
    Plan,
    Rebuild,
    RebuildId,
    Recipe,
)
from service.domain.push import Evidence

__all__ = [
    "Adopt",
    "Caps",
    "Create",
    "Decision",
    "Replan",
    "Reuse",
    "Situation",
    "Start",
    "Stop",
    "Supersede",
    "decide",
]

MAX_INTERRUPTIONS: Final = 2
"""After this many interrupted builds in a row an environment's next one may finish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many builds may run."""

    in_all: int
    per_project: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything a decision is taken from."""

    rebuilds: Sequence[Rebuild]
    """Unfinished and planned, of every environment."""
    builds: Sequence[Build]
    """Unfinished."""
    images: Mapping[BuildKey, Image]
    """Known and present images of the keys that rebuilds ask for."""
    interruptions: Mapping[EnvironmentId, int]
    """How many running rebuilds in a row were superseded, lately."""
    caps: Caps
    now: datetime
    is_ours: Callable[[Recipe], bool] = lambda _: True
    """Whether what builds here is what a recipe names."""
    overdue: AbstractSet[RebuildId] = frozenset()
    """Rebuilds whose recipe nobody came for that it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supersede:
    """A newer rebuild of the same environment takes this one's place."""

    rebuild: Rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """The image is known: no work is needed."""

    rebuild: Rebuild
    image: Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """A build of this key is under way; the rebuild waits for it."""

    rebuild: Rebuild
    build: BuildId


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A build is needed; further rebuilds of the key wait for the same one."""

    rebuild: Rebuild
    others: tuple[Rebuild, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replan:
    """Nobody builds it any more the way that it was planned: it waits for a look."""

    rebuild: Rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Nobody wants this build any more."""

    build: Build


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A slot is free for this build."""

    build: Build


Decision = Supersede | Reuse | Adopt | Create | Replan | Stop | Start


def decide(situation: Situation) -> tuple[Decision, ...]:
    """Return what is to be done now, in this order.

    `Start` is decided for builds that exist; a build just created starts with the
    next decision.
    """
    superseded = tuple(_superseded(situation))
    gone = {it.rebuild.id for it in superseded}
    staying = [it for it in situation.rebuilds if it.id not in gone]
    served = tuple(_served(staying, situation))
    replans = tuple(_replans(staying, served, situation))
    left = {it.rebuild.id for it in replans}
    staying = [it for it in staying if it.id not in left]
    stops = tuple(_stops(staying, served, situation.builds))
    stopped = {it.build.id for it in stops}
    building = [it for it in situation.builds if it.id not in stopped]
    starts = tuple(_starts(building, staying, situation))
    return (*superseded, *served, *replans, *stops, *starts)


def _plan(rebuild: Rebuild) -> Plan:
    if rebuild.plan is None:
        raise ValueError(f"rebuild {rebuild.id} has no plan yet")
    return rebuild.plan


def _age(rebuild: Rebuild) -> tuple[int, str]:
    return _plan(rebuild).generation, rebuild.id


def _superseded(situation: Situation) -> Iterator[Supersede]:
    by_environment: dict[EnvironmentId, list[Rebuild]] = defaultdict(list)
    for rebuild in situation.rebuilds:
        by_environment[rebuild.environment_id].append(rebuild)
    for environment, rebuilds in by_environment.items():
        *older, newest = sorted(rebuilds, key=_age)
        patience = situation.interruptions.get(environment, 0) >= MAX_INTERRUPTIONS
        for rebuild in older:
            is_waiting = rebuild.state is BuildState.QUEUED
            is_same = _plan(rebuild).key == _plan(newest).key and not newest.is_fresh
            if is_waiting or not (is_same or patience):
                yield Supersede(rebuild=rebuild)


def _served(
    rebuilds: Iterable[Rebuild], situation: Situation
) -> Iterator[Reuse | Adopt | Create]:
    under_way = {it.key: it.id for it in situation.builds}
    running_elsewhere = {
        it.environment_id: _plan(it).key for it in rebuilds if it.build_id is not None
    }
    wanted: dict[BuildKey, list[Rebuild]] = defaultdict(list)
    for rebuild in sorted(rebuilds, key=_age):
        key = _plan(rebuild).key
        if rebuild.build_id is not None:
            continue
        if running_elsewhere.get(rebuild.environment_id, key) != key:
            continue  # its turn comes when the running one has finished
        image = situation.images.get(key)
        if image is not None and not rebuild.is_fresh:
            yield Reuse(rebuild=rebuild, image=image)
        elif key in under_way:
            yield Adopt(rebuild=rebuild, build=under_way[key])
        elif situation.is_ours(_plan(rebuild).recipe):
            wanted[key].append(rebuild)
    for first, *others in wanted.values():
        yield Create(rebuild=first, others=tuple(others))


def _replans(
    rebuilds: Iterable[Rebuild],
    served: Iterable[Reuse | Adopt | Create],
    situation: Situation,
) -> Iterator[Replan]:
    done = {it.rebuild.id for it in served}
    overdue = (it for it in rebuilds if it.id in situation.overdue)
    for rebuild in overdue:
        is_foreign = not situation.is_ours(_plan(rebuild).recipe)
        if is_foreign and rebuild.state is BuildState.QUEUED and rebuild.id not in done:
            yield Replan(rebuild=rebuild)


def _stops(
    rebuilds: Iterable[Rebuild],
    served: Iterable[Reuse | Adopt | Create],
    builds: Iterable[Build],
) -> Iterator[Stop]:
    wanted = {it.build_id for it in rebuilds if it.build_id is not None}
    wanted |= {it.build for it in served if isinstance(it, Adopt)}
    return (Stop(build=it) for it in builds if it.id not in wanted)


def _starts(
    builds: Sequence[Build], rebuilds: Iterable[Rebuild], situation: Situation
) -> Iterator[Start]:
    running = [it for it in builds if it.state is BuildState.RUNNING]
    load = Counter(it.project_id for it in running)
    free = situation.caps.in_all - len(running)
    manual = {
        it.build_id for it in rebuilds if it.evidence in _WAITED_FOR and it.build_id
    }
    waiting = [
        it
        for it in builds
        if it.state is BuildState.QUEUED
        and (it.not_before is None or it.not_before <= situation.now)
        and situation.is_ours(it.recipe)
    ]
    while free > 0:
        fitting = [
            it for it in waiting if load[it.project_id] < situation.caps.per_project
        ]
        if not fitting:
            return
        # People before machines, then whoever has least running, then the oldest.
        chosen = min(
            fitting, key=lambda it: (it.id not in manual, load[it.project_id], it.id)
        )
        waiting.remove(chosen)
        load[chosen.project_id] += 1
        free -= 1
        yield Start(build=chosen)


_WAITED_FOR: Final = {Evidence.MANUAL, Evidence.LAUNCHER}
