"""Describe evaluations, builds and hooks as the data of their events."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.domain.building.build import Build, BuildState, Rebuild
from service.domain.building.failure import Failure
from service.domain.evaluation.comparison import Evaluation
from service.domain.hook import Hook
from service.domain.hook_health import HookHealth
from service.domain.source import Source
from service.events.models import (
    BuildFinished,
    BuildWaiting,
    EnvironmentEvaluated,
    FailureData,
    HookUnhealthy,
    PhaseData,
    RepositoryData,
)

__all__ = [
    "EvaluatedSource",
    "build_ended_data",
    "evaluated_data",
    "hook_unhealthy_data",
    "rebuilds_ended_data",
    "waiting_data",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedSource:
    """An evaluation, and what asked for it."""

    source: Source
    """As it was before."""
    evaluation: Evaluation
    traceparent: str | None


_OUTCOMES = {
    BuildState.SUCCEEDED: "succeeded",
    BuildState.FAILED: "failed",
    BuildState.CANCELLED: "cancelled",
    BuildState.SUPERSEDED: "superseded",
}


def _to_failure(failure: Failure) -> FailureData:
    return FailureData(
        kind=failure.kind.word,
        message=failure.message,
        hint=failure.hint,
        path=failure.path,
        line=failure.line,
    )


def _to_phases(build: Build) -> tuple[PhaseData, ...]:
    return tuple(
        PhaseData(
            name=phase.name,
            seconds=phase.took.total_seconds(),
            started_at=phase.started_at,
        )
        for phase in build.phases
    )


def evaluated_data(evaluated: EvaluatedSource) -> EnvironmentEvaluated:
    """Describe the result of an evaluation."""
    source, evaluation = evaluated.source, evaluated.evaluation
    comparison = evaluation.comparison
    return EnvironmentEvaluated(
        evaluation_id=evaluation.id,
        source_id=source.id,
        repository=RepositoryData.of(source.repository),
        generation=evaluation.generation,
        trigger=evaluation.trigger.value,
        delivery_ids=tuple(evaluation.delivery_ids),
        verdict=comparison.verdict.value,
        reason=comparison.reason,
        message=comparison.message,
        commit=evaluation.commit,
        ref=evaluation.ref,
        kind=evaluation.kind.value if evaluation.kind else None,
        path=next(
            (item.path for item in evaluation.items if item.role == "definition"),
            None,
        ),
        previous_fingerprint=evaluation.previous,
        fingerprint=evaluation.fingerprint,
        changed=comparison.changed,
        started_at=evaluation.started_at,
        completed_at=evaluation.completed_at,
    )


def waiting_data(build: Build, hindrance: Failure) -> BuildWaiting:
    """Describe what keeps a build from starting."""
    return BuildWaiting(
        build_id=build.id,
        build_key=build.key,
        attempt=build.attempt,
        repository_url=build.repository_url,
        commit=build.commit,
        hindrance=_to_failure(hindrance),
    )


def build_ended_data(build: Build, alone: Rebuild | None, reason: str) -> BuildFinished:
    """Describe how a build ended, for every rebuild that waits for it."""
    return BuildFinished(
        build_id=build.id,
        build_key=build.key,
        outcome=_OUTCOMES[build.state],
        image=build.image.reference if build.image else None,
        failure=_to_failure(build.failure) if build.failure else None,
        rebuild_id=alone.id if alone else None,
        reason=reason,
        phases=_to_phases(build) if build.phases else None,
        attempt=build.attempt,
        created_at=build.created_at,
        started_at=build.started_at,
        finished_at=build.completed_at,
    )


def rebuilds_ended_data(ended: Sequence[Rebuild]) -> BuildFinished:
    """Describe how rebuilds ended that had no build of their own."""
    first = ended[0]
    return BuildFinished(
        build_id=first.build_id,
        build_key=first.plan.key if first.plan else "",
        outcome=_OUTCOMES[first.state],
        image=first.image,
        failure=_to_failure(first.failure) if first.failure else None,
        evaluation_id=first.plan.evaluation_id if first.plan else None,
        rebuild_id=first.id if len(ended) == 1 else None,
        reason=first.reason,
    )


def hook_unhealthy_data(hook: Hook, health: HookHealth) -> HookUnhealthy:
    """Describe why a hook is unhealthy."""
    return HookUnhealthy(
        hook_id=hook.id,
        forge=hook.forge.value,
        repository=RepositoryData.of(hook.repository),
        reach=hook.reach.value,
        reasons=tuple(problem.value for problem in health.problems),
        message=health.message,
        remedy=health.remedy,
        since=health.since or health.at,
    )
