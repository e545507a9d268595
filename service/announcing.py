"""Puts what a transaction decided into its outbox, as events, and counts it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from service.domain.build import Build, BuildState, Rebuild
from service.domain.checkup import Checkup
from service.domain.evaluation import Evaluation
from service.domain.failure import Failure
from service.domain.hook import Hook
from service.domain.launcher import Launcher
from service.domain.source import Source
from service.metrics import Metrics
from service.ports.store import Transaction
from service.ports.time import Clock, Ids
from service.wire import (
    BuildFinished,
    BuildStarted,
    BuildWaiting,
    Data,
    EnvironmentEvaluated,
    Event,
    FailureData,
    HookUnhealthy,
    LauncherUpdated,
    PhaseData,
    PushReceived,
    RebuildRequested,
    RepositoryData,
)

__all__ = ["Announcer"]


class Announcer:
    """Writes the events of a transaction into its outbox, and counts them."""

    def __init__(self, *, clock: Clock, ids: Ids, metrics: Metrics) -> None:
        self._clock = clock
        self._ids = ids
        self._metrics = metrics

    async def look_wanted(
        self,
        tx: Transaction,
        source: Source,
        *,
        evidence: Literal["launcher", "manual"],
        rebuilds: Sequence[Rebuild] = (),
    ) -> None:
        """Ask that a source be looked at, and say which rebuilds wait for it."""
        data = PushReceived(
            repository=RepositoryData.of(source.repository),
            evidence=evidence,
            source_ids=(source.id,),
            rebuild_ids=tuple(it.id for it in rebuilds),
            received_at=self._clock.now(),
        )
        await self._add(tx, data, subject=source.id)

    async def evaluated(
        self,
        tx: Transaction,
        source: Source,
        evaluation: Evaluation,
        *,
        traceparent: str | None,
    ) -> None:
        """Say what a look concluded."""
        judgement = evaluation.judgement
        data = EnvironmentEvaluated(
            evaluation_id=evaluation.id,
            source_id=source.id,
            repository=RepositoryData.of(source.repository),
            generation=evaluation.generation,
            evidence=evaluation.evidence.value,
            delivery_ids=tuple(evaluation.delivery_ids),
            verdict=judgement.verdict.value,
            reason=judgement.reason,
            message=judgement.message,
            commit=evaluation.commit,
            ref=evaluation.ref,
            kind=evaluation.kind.value if evaluation.kind else None,
            path=next(
                (it.path for it in evaluation.items if it.role == "definition"), None
            ),
            previous_fingerprint=evaluation.previous,
            fingerprint=evaluation.fingerprint,
            changed=judgement.changed,
        )
        await self._add(tx, data, subject=source.id, traceparent=traceparent)
        self._metrics.evaluated(verdict=data.verdict, reason=data.reason)

    async def requested(
        self, tx: Transaction, source: Source, rebuild: Rebuild
    ) -> None:
        """Say that an environment asks for an image; its head was looked at."""
        plan = rebuild.plan
        if plan is None:
            raise ValueError(f"rebuild {rebuild.id} has no plan yet")
        data = RebuildRequested(
            rebuild_id=rebuild.id,
            environment_id=rebuild.environment_id,
            launcher_id=rebuild.launcher_id,
            source_id=source.id,
            evaluation_id=plan.evaluation_id,
            generation=plan.generation,
            build_key=plan.key,
            repository=RepositoryData.of(source.repository),
            commit=plan.commit,
            context_dir=source.context_dir,
            kind=plan.kind.value,
            path=plan.path,
            builder=plan.recipe.builder,
            frontend=plan.recipe.frontend,
            platform=plan.recipe.platform,
            evidence=rebuild.evidence.value,
            fresh=rebuild.is_fresh,
        )
        await self._add(
            tx, data, subject=rebuild.environment_id, traceparent=plan.traceparent
        )

    async def started(
        self, tx: Transaction, build: Build, rebuilds: Sequence[Rebuild]
    ) -> None:
        """Say that a build runs."""
        data = BuildStarted(
            build_id=build.id,
            build_key=build.key,
            attempt=build.attempt,
            repository_url=build.repository_url,
            commit=build.commit,
            rebuild_ids=tuple(it.id for it in rebuilds),
        )
        await self._add(tx, data, subject=build.id, traceparent=build.traceparent)

    async def waiting(
        self,
        tx: Transaction,
        build: Build,
        hindrance: Failure,
        rebuilds: Sequence[Rebuild],
    ) -> None:
        """Say what keeps a build from starting."""
        data = BuildWaiting(
            build_id=build.id,
            build_key=build.key,
            attempt=build.attempt,
            repository_url=build.repository_url,
            commit=build.commit,
            hindrance=_failure_data(hindrance),
            rebuild_ids=tuple(it.id for it in rebuilds),
        )
        await self._add(tx, data, subject=build.id, traceparent=build.traceparent)

    async def finished(
        self, tx: Transaction, rebuilds: Sequence[Rebuild], build: Build | None
    ) -> None:
        """Say that rebuilds which ended in the same way came to their end."""
        first = rebuilds[0]
        data = BuildFinished(
            build_id=build.id if build else first.build_id,
            build_key=first.plan.key if first.plan else "",
            outcome=_OUTCOMES[first.state],
            image=first.image,
            failure=_failure_data(first.failure) if first.failure else None,
            rebuild_ids=tuple(it.id for it in rebuilds),
            reason=first.reason,
            phases=_phase_data(build) if build and build.phases else None,
        )
        await self._add(
            tx,
            data,
            subject=build.id if build else first.id,
            traceparent=build.traceparent if build else _trace(first),
        )
        self._metrics.build_ended(
            outcome=data.outcome, reason=data.reason, took=_took(build)
        )

    async def updated(
        self, tx: Transaction, launcher: Launcher, rebuild: Rebuild, *, is_moved: bool
    ) -> None:
        """Say that a launcher moved to a rebuild's image, or was told of it."""
        if rebuild.plan is None or rebuild.image is None:
            raise ValueError(f"rebuild {rebuild.id} has no image")
        data = LauncherUpdated(
            launcher_id=launcher.id,
            environment_id=launcher.environment_id,
            project_id=launcher.project_id,
            action="moved" if is_moved else "available",
            image=rebuild.image,
            previous_image=launcher.image,
            generation=rebuild.plan.generation,
            rebuild_id=rebuild.id,
            commit=rebuild.plan.commit,
        )
        await self._add(
            tx, data, subject=launcher.id, traceparent=rebuild.plan.traceparent
        )
        self._metrics.launcher_updated(action=data.action)

    async def moved(
        self, tx: Transaction, launcher: Launcher, *, image: str, generation: int
    ) -> None:
        """Say that a person moved a launcher to an image."""
        data = LauncherUpdated(
            launcher_id=launcher.id,
            environment_id=launcher.environment_id,
            project_id=launcher.project_id,
            action="moved",
            image=image,
            previous_image=launcher.image,
            generation=generation,
        )
        await self._add(tx, data, subject=launcher.id)
        self._metrics.launcher_updated(action=data.action)

    async def hook_unhealthy(
        self, tx: Transaction, hook: Hook, checkup: Checkup
    ) -> None:
        """Say that a hook fell ill, or otherwise ill than before."""
        data = HookUnhealthy(
            hook_id=hook.id,
            forge=hook.forge.value,
            repository=RepositoryData.of(hook.repository),
            reach=hook.reach.value,
            reasons=tuple(it.value for it in checkup.ailments),
            message=checkup.message,
            mend=checkup.mend,
            since=checkup.since or checkup.at,
        )
        await self._add(tx, data, subject=hook.id)

    async def _add(
        self,
        tx: Transaction,
        data: Data,
        *,
        subject: str,
        traceparent: str | None = None,
    ) -> None:
        event = Event.of(
            data,
            id=self._ids.new(),
            time=self._clock.now(),
            subject=subject,
            traceparent=traceparent,
        )
        await tx.outbox.add([event])


_OUTCOMES = {
    BuildState.SUCCEEDED: "succeeded",
    BuildState.FAILED: "failed",
    BuildState.CANCELLED: "cancelled",
    BuildState.SUPERSEDED: "superseded",
}


def _failure_data(failure: Failure) -> FailureData:
    return FailureData(
        kind=failure.kind.word,
        message=failure.message,
        hint=failure.hint,
        path=failure.path,
        line=failure.line,
    )


def _phase_data(build: Build) -> tuple[PhaseData, ...]:
    return tuple(
        PhaseData(name=it.name, seconds=it.took.total_seconds()) for it in build.phases
    )


def _trace(rebuild: Rebuild) -> str | None:
    return rebuild.plan.traceparent if rebuild.plan else None


def _took(build: Build | None) -> timedelta | None:
    if build is None or build.started_at is None or build.completed_at is None:
        return None
    return build.completed_at - build.started_at
