"""The scheduling decision: which builds start and stop, and which rebuilds they serve.

Per environment one rebuild runs and the newest waits; older waiting ones are
superseded. A key has one build at a time, however many environments want it. A running
build that no rebuild waits for is stopped, unless the environment was interrupted
`MAX_INTERRUPTIONS` times in a row: then it may finish, so that a stream of pushes
cannot starve an environment.

Decisions are taken about the rebuilds that have no build yet, page by page: whatever
else is unfinished was decided for when it was new, so its number costs nothing here.

A build starts only where its build spec names the local builder: the image of another
builder would get this one's key. A running build was started by the builder that its
spec names, so it ends under its own key.
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
from typing import Final, Self

from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildSpec,
    BuildState,
    EnvironmentId,
    Image,
    Plan,
    Rebuild,
    RebuildId,
)
from service.domain.push import Trigger

__all__ = [
    "WAITED_FOR",
    "Adopt",
    "Assignment",
    "AssignmentState",
    "ConcurrencyLimits",
    "Create",
    "Decision",
    "Replan",
    "Reuse",
    "Slots",
    "Start",
    "Stop",
    "Supersede",
    "assign",
    "choose_starts",
]

MAX_INTERRUPTIONS: Final = 2
"""After so many interrupted builds in a row the next one of an environment finishes."""
WAITED_FOR: Final = frozenset({Trigger.MANUAL, Trigger.LAUNCHER})
"""The triggers of rebuilds that a person waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyLimits:
    """How many builds may run at once."""

    in_all: int
    per_project: int

    @classmethod
    def with_fair_share(cls, in_all: int, *, per_project: int = 0) -> Self:
        """Make the limits; 0 for one project is half of all, rounded up.

        A project's builds may take half an hour each, and starting the next one of
        another project first does not help while they hold every slot.
        """
        return cls(in_all=in_all, per_project=per_project or (in_all + 1) // 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentState:
    """The input of `assign`: some rebuilds without a build, and what bears on them."""

    rebuilds: Sequence[Rebuild]
    """Unfinished rebuilds that have a plan: those that are decided for, and every other
    one of their environments."""
    builds: Sequence[Build]
    """The unfinished builds of their keys."""
    images: Mapping[BuildKey, Image]
    """The images that exist for their keys."""
    interruptions: Mapping[EnvironmentId, int]
    """How many running rebuilds in a row were superseded recently."""
    is_ours: Callable[[BuildSpec], bool] = lambda _: True
    """Whether a build spec names the builder of this deployment."""
    overdue: AbstractSet[RebuildId] = frozenset()
    """Rebuilds that waited too long for the builder that their spec names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The input of `choose_starts`."""

    waiting: Sequence[Build]
    """Queued builds that may start now, of every project."""
    running: Mapping[str, int]
    """How many builds of each project run."""
    waited_for: AbstractSet[BuildId]
    """The queued builds that a person waits for."""
    caps: ConcurrencyLimits
    at_once: int
    """How many builds to start now at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supersede:
    """A newer rebuild of the same environment replaces this one."""

    rebuild: Rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """An image of the key exists: the rebuild gets it without a build."""

    rebuild: Rebuild
    image: Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """A build of the key is unfinished: the rebuild waits for it."""

    rebuild: Rebuild
    build: BuildId


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A build is needed; `others` are rebuilds of the same key that wait for it."""

    rebuild: Rebuild
    others: tuple[Rebuild, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replan:
    """The builder of the plan is no longer in use: the source is evaluated again."""

    rebuild: Rebuild


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """No rebuild waits for this build any more."""

    build: Build


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A slot is free for this build."""

    build: Build


Assignment = Supersede | Reuse | Adopt | Create | Replan
Decision = Assignment | Stop | Start


def assign(situation: AssignmentState) -> tuple[Assignment, ...]:
    """Decide what serves rebuilds; the decisions are applied in this order."""
    # The order of these steps is the order of dependence: what is superseded needs no
    # build, and only what nothing serves is planned again.
    superseded = tuple(_superseded(situation))
    gone = {supersede.rebuild.id for supersede in superseded}
    staying = [rebuild for rebuild in situation.rebuilds if rebuild.id not in gone]
    served = tuple(_served(staying, situation))
    return (*superseded, *served, *_replans(staying, served, situation))


def _plan(rebuild: Rebuild) -> Plan:
    if rebuild.plan is None:
        raise ValueError(f"rebuild {rebuild.id} has no plan yet")
    return rebuild.plan


def _age(rebuild: Rebuild) -> tuple[int, str]:
    return _plan(rebuild).generation, rebuild.id


def _superseded(situation: AssignmentState) -> Iterator[Supersede]:
    by_environment: dict[EnvironmentId, list[Rebuild]] = defaultdict(list)
    for rebuild in situation.rebuilds:
        by_environment[rebuild.environment_id].append(rebuild)
    for environment, rebuilds in by_environment.items():
        *older, newest = sorted(rebuilds, key=_age)
        may_finish = situation.interruptions.get(environment, 0) >= MAX_INTERRUPTIONS
        for rebuild in older:
            is_waiting = rebuild.state is BuildState.QUEUED
            # A running build of the wanted key is not interrupted: the newer rebuild
            # adopts it. A fresh one must not, as it asks for a build of its own.
            is_same = _plan(rebuild).key == _plan(newest).key and not newest.is_fresh
            if is_waiting or not (is_same or may_finish):
                yield Supersede(rebuild=rebuild)


def _served(
    rebuilds: Iterable[Rebuild], situation: AssignmentState
) -> Iterator[Reuse | Adopt | Create]:
    under_way = {build.key: build.id for build in situation.builds}
    running_elsewhere = {
        item.environment_id: _plan(item).key
        for item in rebuilds
        if item.build_id is not None
    }
    wanted: dict[BuildKey, list[Rebuild]] = defaultdict(list)
    for rebuild in sorted(rebuilds, key=_age):
        key = _plan(rebuild).key
        if rebuild.build_id is not None:
            continue
        # Otherwise an interrupted environment would start the newer build beside the
        # one that may finish.
        if running_elsewhere.get(rebuild.environment_id, key) != key:
            continue  # one rebuild of an environment at a time
        image = situation.images.get(key)
        if image is not None and not rebuild.is_fresh:
            yield Reuse(rebuild=rebuild, image=image)
        elif key in under_way:
            yield Adopt(rebuild=rebuild, build=under_way[key])
        # Reuse and adoption need no builder and are decided for foreign plans as well;
        # only a new build must be ours.
        elif situation.is_ours(_plan(rebuild).spec):
            wanted[key].append(rebuild)
    for first, *others in wanted.values():
        yield Create(rebuild=first, others=tuple(others))


def _replans(
    rebuilds: Iterable[Rebuild],
    served: Iterable[Reuse | Adopt | Create],
    situation: AssignmentState,
) -> Iterator[Replan]:
    done = {item.rebuild.id for item in served}
    overdue = (item for item in rebuilds if item.id in situation.overdue)
    for rebuild in overdue:
        is_foreign = not situation.is_ours(_plan(rebuild).spec)
        if is_foreign and rebuild.state is BuildState.QUEUED and rebuild.id not in done:
            yield Replan(rebuild=rebuild)


def choose_starts(slots: Slots) -> Iterator[Start]:
    """Choose which queued builds start.

    Requests of people first, then the project with the fewest running builds, then the
    oldest (ids grow with time): no project waits while another one takes every slot.
    """
    load = Counter(slots.running)
    # Running builds of other builders count as well: they use the same cluster.
    free = min(slots.caps.in_all - load.total(), slots.at_once)
    waiting = list(slots.waiting)
    while free > 0:
        fitting = [
            build
            for build in waiting
            # Computed again after each start: the load of a project grows within one
            # decision.
            if load[build.project_id] < slots.caps.per_project
        ]
        if not fitting:
            return
        chosen = min(
            fitting,
            key=lambda build: (
                build.id not in slots.waited_for,
                load[build.project_id],
                build.id,
            ),
        )
        waiting.remove(chosen)
        load[chosen.project_id] += 1
        free -= 1
        yield Start(build=chosen)
