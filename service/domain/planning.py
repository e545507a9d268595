"""Which rebuilds an evaluation asks for: facts in, decisions out.

A look tells the key of the definition at the head, built each launcher's way. Who is
behind it (`service.domain.reconciliation`) asks for an image: a new launcher, another
frontend and a newer builder just as a changed file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from service.domain.build import (
    BuildState,
    EnvironmentId,
    Plan,
    Rebuild,
    RebuildId,
    Recipe,
    build_key,
)
from service.domain.definition import Definition
from service.domain.evaluation import Evaluation, Verdict
from service.domain.launcher import Launcher
from service.domain.push import Evidence
from service.domain.reconciliation import Anew, Behind, hold_of, stand
from service.domain.repository import CommitSha
from service.domain.source import Source

__all__ = [
    "Known",
    "Planned",
    "automatic_rebuild",
    "next_generation",
    "plan",
    "planned_for",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A launcher as it is to be saved, with the rebuilds it asks for."""

    launcher: Launcher
    rebuilds: tuple[Rebuild, ...]


def next_generation(source: Source, launchers: Iterable[Launcher]) -> int:
    """Return a generation above all that the source and its launchers have seen.

    A launcher may have followed another source before: generations grow over both.
    """
    seen = (max(it.generation, it.wanted_generation) for it in launchers)
    return max(source.generation, *seen, 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What planning knows beside the look itself."""

    launchers: Sequence[Launcher]
    """All that follow the source."""
    wishes: Sequence[Rebuild] = ()
    """Rebuilds without a plan that waited for this look. One that ended meanwhile
    has no key, and holds nothing back."""
    rebuilds: Mapping[EnvironmentId, Sequence[Rebuild]] = field(default_factory=dict)
    """The latest of each environment, and every unfinished one."""
    is_pushed: bool = False
    """Whether a push is among those who asked for the look."""
    pause: timedelta
    """How long a person's cancellation is respected."""
    traceparent: str | None = None
    """The trace of who asked for the look."""


def plan(
    evaluation: Evaluation,
    found: Definition,
    known: Known,
    *,
    recipe: Callable[[Launcher], Recipe],
    new_id: Callable[[], str],
) -> Iterator[Planned]:
    """Say what every launcher of a source wants, now that its head was looked at.

    Args:
        evaluation: The look, with its generation and commit.
        found: The definition at the head.
        known: What else counts.
        recipe: How a launcher's image is made.
        new_id: Makes ids.
    """
    for launcher in known.launchers:
        planned = planned_for(
            evaluation, found, recipe(launcher), traceparent=known.traceparent
        )
        wanting = replace(
            launcher,
            wanted_key=planned.key,
            wanted_generation=evaluation.generation,
            wanted_builder=planned.recipe.builder_image,
            held_key=None,
            held_until=None,
        )
        mine = [it for it in known.wishes if it.launcher_id == launcher.id]
        asked = [replace(it, plan=planned) for it in mine if not it.state.is_final]
        if not asked:
            standing = stand(
                wanting,
                known.rebuilds.get(launcher.environment_id, ()),
                now=evaluation.completed_at,
                pause=known.pause,
                anew=_anew(launcher, wanting, is_pushed=known.is_pushed),
            )
            if isinstance(standing, Behind):
                rebuild = automatic_rebuild(evaluation, wanting, planned, new_id())
                if _is_built_otherwise(launcher, planned, evaluation):
                    rebuild = replace(rebuild, evidence=Evidence.BASE_CHANGED)
                asked = [rebuild]
            if (hold := hold_of(standing)) is not None:
                wanting = wanting.held(hold.until)
        yield Planned(launcher=wanting, rebuilds=tuple(asked))


def _is_built_otherwise(
    launcher: Launcher, planned: Plan, evaluation: Evaluation
) -> bool:
    """Say whether only what builds is another than when the launcher was last seen."""
    before = launcher.wanted_builder
    is_other = before is not None and before != planned.recipe.builder_image
    return is_other and evaluation.judgement.verdict is Verdict.UNCHANGED


def _anew(before: Launcher, after: Launcher, *, is_pushed: bool) -> Anew:
    if before.wanted_key != after.wanted_key:
        return Anew.KEY
    return Anew.PUSH if is_pushed else Anew.NOTHING


def planned_for(
    evaluation: Evaluation,
    found: Definition,
    recipe: Recipe,
    *,
    traceparent: str | None = None,
) -> Plan:
    """Return what a rebuild of a definition needs, made one way."""
    if evaluation.commit is None:
        raise ValueError("a definition was found at no commit")
    return Plan(
        evaluation_id=evaluation.id,
        generation=evaluation.generation,
        key=build_key(found.meaning, found.kind, recipe),
        recipe=recipe,
        kind=found.kind,
        commit=CommitSha(evaluation.commit),
        path=found.path,
        declared=found.declared,
        kept=found.kept,
        traceparent=traceparent,
    )


def automatic_rebuild(
    evaluation: Evaluation, launcher: Launcher, planned: Plan, rebuild_id: str
) -> Rebuild:
    """Ask for an image because the launcher is behind.

    Nobody waits for it, whoever asked for the look.
    """
    waits = {Evidence.MANUAL, Evidence.LAUNCHER}
    evidence = evaluation.evidence
    return Rebuild(
        id=RebuildId(rebuild_id),
        environment_id=launcher.environment_id,
        launcher_id=launcher.id,
        source_id=evaluation.source_id,
        evidence=Evidence.PUSH if evidence in waits else evidence,
        plan=planned,
        state=BuildState.QUEUED,
        created_at=evaluation.completed_at,
    )
