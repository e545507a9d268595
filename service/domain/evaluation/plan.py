"""Planning: which rebuilds follow from an evaluation.

The evaluation gives the build key that each launcher wants. A launcher that is behind
(`service.domain.reconciliation`) gets a rebuild, whether because of a changed file, a
new launcher, another frontend or a newer builder.
"""

from collections import defaultdict
from collections.abc import (
    Callable,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field, replace
from datetime import timedelta

from service.domain.building.build import (
    BuildSpec,
    BuildState,
    EnvironmentId,
    Plan,
    Rebuild,
    RebuildId,
    build_key,
)
from service.domain.definition import Definition
from service.domain.evaluation.comparison import Evaluation, Verdict
from service.domain.launcher import Launcher
from service.domain.push import Trigger
from service.domain.reconciliation import Anew, Behind, assess, hold_for
from service.domain.repository import CommitSha
from service.domain.source import Source

__all__ = [
    "Known",
    "Planned",
    "make_plan",
    "make_rebuild",
    "newest_generation",
    "next_generation",
    "plan",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A launcher to save, with the rebuilds to request for it."""

    launcher: Launcher
    rebuilds: tuple[Rebuild, ...]


def newest_generation(launchers: Iterable[Launcher]) -> int:
    """Return the highest generation that launchers have or want; 0 without any."""
    seen = (
        # Generations are compared by launchers, not by sources: one that moved from a
        # source with generation 40 to a new one would refuse images up to 40.
        max(launcher.generation, launcher.wanted_generation)
        for launcher in launchers
    )
    return max(seen, default=0)


def next_generation(source: Source, newest: int) -> int:
    """Return a generation above those of the source and its launchers.

    Launchers count because one may have followed another source before: its own
    generation must still grow.

    Args:
        source: The source, before its evaluation.
        newest: The highest generation that one of its launchers has or wants.
    """
    return max(source.generation, newest, 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The input of planning besides the evaluation itself."""

    launchers: Sequence[Launcher]
    """Launchers that follow the source: all of them, or a page."""
    pending: Sequence[Rebuild] = ()
    """Rebuilds without a plan that waited for this evaluation. One that ended meanwhile
    gets no plan and delays nothing."""
    rebuilds: Mapping[EnvironmentId, Sequence[Rebuild]] = field(default_factory=dict)
    """The latest rebuilds of each environment, and every unfinished one."""
    is_pushed: bool = False
    """Whether a push is among the requests for the evaluation."""
    pause: timedelta
    """How long a person's cancellation is respected."""
    paused: Container[str] = ()
    """The projects in which nothing is built by itself."""
    traceparent: str | None = None
    """The trace of the request for the evaluation."""


def plan(
    evaluation: Evaluation,
    found: Definition,
    known: Known,
    *,
    spec: Callable[[Launcher], BuildSpec],
    new_id: Callable[[], str],
) -> Iterator[Planned]:
    """Update every launcher of a source and plan the rebuilds that it needs.

    Args:
        evaluation: The evaluation, with its generation and commit.
        found: The definition at the head.
        known: The launchers, their rebuilds and what was requested.
        spec: Returns the build spec of a launcher.
        new_id: Makes ids.
    """
    pending = defaultdict[str, list[Rebuild]](list)
    for rebuild in known.pending:
        pending[rebuild.launcher_id].append(rebuild)
    for launcher in known.launchers:
        planned = make_plan(
            evaluation, found, spec(launcher), traceparent=known.traceparent
        )
        wanting = replace(
            launcher,
            wanted_key=planned.key,
            wanted_generation=evaluation.generation,
            wanted_builder=planned.spec.builder_image,
            is_exact=found.is_pinned,
            held_key=None,
            held_until=None,
        )
        # A rebuild that a person waits for takes the place of an automatic one: two for
        # the same key would show as two builds.
        asked = [
            replace(rebuild, plan=planned)
            for rebuild in pending[launcher.id]
            if not rebuild.state.is_final
        ]
        if not asked:
            standing = assess(
                wanting,
                known.rebuilds.get(launcher.environment_id, ()),
                now=evaluation.completed_at,
                pause=known.pause,
                anew=_anew(launcher, wanting, is_pushed=known.is_pushed),
                is_paused=launcher.project_id in known.paused,
            )
            if isinstance(standing, Behind):
                rebuild = make_rebuild(evaluation, wanting, planned, new_id())
                # The trigger explains why something was rebuilt although no file
                # changed; it also keeps such rebuilds out of the queue's front.
                if _is_built_otherwise(launcher, planned, evaluation):
                    rebuild = replace(rebuild, trigger=Trigger.BASE_CHANGED)
                asked = [rebuild]
            if (hold := hold_for(standing)) is not None:
                wanting = wanting.hold(hold.until)
        yield Planned(launcher=wanting, rebuilds=tuple(asked))


def _is_built_otherwise(
    launcher: Launcher, planned: Plan, evaluation: Evaluation
) -> bool:
    """Return whether only the builder changed since the launcher's last evaluation."""
    before = launcher.wanted_builder
    is_other = before is not None and before != planned.spec.builder_image
    return is_other and evaluation.comparison.verdict is Verdict.UNCHANGED


def _anew(before: Launcher, after: Launcher, *, is_pushed: bool) -> Anew:
    if before.wanted_key != after.wanted_key:
        return Anew.KEY
    return Anew.PUSH if is_pushed else Anew.NOTHING


def make_plan(
    evaluation: Evaluation,
    found: Definition,
    spec: BuildSpec,
    *,
    traceparent: str | None = None,
) -> Plan:
    """Make the plan of a rebuild of a definition with a build spec."""
    if evaluation.commit is None:
        raise ValueError("a definition was found at no commit")
    return Plan(
        evaluation_id=evaluation.id,
        generation=evaluation.generation,
        key=build_key(found.meaning, found.kind, spec),
        spec=spec,
        kind=found.kind,
        commit=CommitSha(evaluation.commit),
        path=found.path,
        declared=found.declared,
        kept=found.kept,
        traceparent=traceparent,
    )


def make_rebuild(
    evaluation: Evaluation, launcher: Launcher, planned: Plan, rebuild_id: str
) -> Rebuild:
    """Make the rebuild of a launcher that is behind.

    Nobody waits for it, even if a person requested the evaluation: it must not get the
    priority of a manual rebuild.
    """
    waits = {Trigger.MANUAL, Trigger.LAUNCHER}
    trigger = evaluation.trigger
    return Rebuild(
        id=RebuildId(rebuild_id),
        environment_id=launcher.environment_id,
        launcher_id=launcher.id,
        source_id=evaluation.source_id,
        trigger=Trigger.PUSH if trigger in waits else trigger,
        plan=planned,
        state=BuildState.QUEUED,
        created_at=evaluation.completed_at,
    )
