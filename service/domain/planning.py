"""Which rebuilds an evaluation asks for: facts in, decisions out.

A launcher's image is outdated when the definition at the head, built its way, has
another key than the launcher wants already. So a new launcher, another frontend and
a newer builder ask for an image just as a changed file does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from service.domain.build import (
    BuildState,
    Plan,
    Rebuild,
    RebuildId,
    Recipe,
    build_key,
)
from service.domain.definition import Definition
from service.domain.evaluation import Evaluation
from service.domain.launcher import Launcher, UpdatePolicy
from service.domain.push import Evidence
from service.domain.repository import CommitSha
from service.domain.source import Source

__all__ = ["Planned", "next_generation", "plan"]


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


def plan(
    evaluation: Evaluation,
    found: Definition,
    *,
    launchers: Sequence[Launcher],
    wishes: Sequence[Rebuild],
    recipe: Callable[[Launcher], Recipe],
    new_id: Callable[[], str],
    traceparent: str | None = None,
) -> Iterator[Planned]:
    """Say what every launcher of a source wants, now that its head was looked at.

    Args:
        evaluation: The look, with its generation and commit.
        found: The definition at the head.
        launchers: All that follow the source.
        wishes: Rebuilds without a plan that waited for this look. Where a person
            cancelled one meanwhile, nothing is asked for in its place.
        recipe: How a launcher's image is made.
        new_id: Makes ids.
        traceparent: The trace of who asked for the look.
    """
    if evaluation.commit is None:
        raise ValueError("a definition was found at no commit")
    for launcher in launchers:
        how = recipe(launcher)
        planned = Plan(
            evaluation_id=evaluation.id,
            generation=evaluation.generation,
            key=build_key(found.meaning, found.kind, how),
            recipe=how,
            kind=found.kind,
            commit=CommitSha(evaluation.commit),
            path=found.path,
            declared=found.declared,
            kept=found.kept,
            traceparent=traceparent,
        )
        mine = [it for it in wishes if it.launcher_id == launcher.id]
        asked = [replace(it, plan=planned) for it in mine if not it.state.is_final]
        is_outdated = planned.key != launcher.wanted_key
        if not mine and is_outdated and launcher.policy is not UpdatePolicy.MANUAL:
            asked = [_automatic(evaluation, launcher, planned, new_id())]
        yield Planned(
            launcher=replace(
                launcher,
                wanted_key=planned.key,
                wanted_generation=evaluation.generation,
            ),
            rebuilds=tuple(asked),
        )


def _automatic(
    evaluation: Evaluation, launcher: Launcher, planned: Plan, rebuild_id: str
) -> Rebuild:
    # Nobody waits for it, whoever asked for the look.
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
