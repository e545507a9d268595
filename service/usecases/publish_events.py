"""Events of a transaction: written to its outbox and counted."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Literal

from service.domain.building.build import Build, Rebuild
from service.domain.building.failure import Failure
from service.domain.hook import Hook
from service.domain.hook_health import HookHealth
from service.domain.launcher import Launcher
from service.domain.source import Source
from service.events.descriptions import (
    EvaluatedSource,
    build_ended_data,
    evaluated_data,
    hook_unhealthy_data,
    rebuilds_ended_data,
    waiting_data,
)
from service.events.envelope import Event
from service.events.models import (
    BuildStarted,
    Data,
    EvaluationRequested,
    LauncherUpdated,
    RebuildRequested,
    RepositoryData,
)
from service.metrics import Metrics
from service.ports.builder import BuilderIdentity
from service.ports.store import Transaction
from service.ports.time import Clock, Ids
from service.usecases.updates.push_metrics import PushMetrics

__all__ = ["EventRecorder"]


class EventRecorder:
    """Adds the events of a transaction to its outbox, and counts them.

    One per process. An event is published if and only if the transaction commits: the
    relay reads the outbox, also after a crash. It is counted before that: what is
    rolled back and tried again, as evaluations that share a transaction are for each
    alone, counts twice. The outbox is exact, the metrics are rates.

    Args:
        clock: The current time.
        ids: Generates ids.
        metrics: Counts the events.
        builder: Knows how its images are pulled.
    """

    def __init__(
        self, *, clock: Clock, ids: Ids, metrics: Metrics, builder: BuilderIdentity
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self.pushes = PushMetrics(metrics=metrics, clock=clock)
        self._builder = builder

    async def request_evaluation(
        self,
        tx: Transaction,
        source: Source,
        *,
        trigger: Literal["launcher", "manual"],
        rebuilds: Sequence[Rebuild] = (),
    ) -> None:
        """Request the evaluation of a source, with the rebuilds that wait for it."""
        data = EvaluationRequested(
            repository=RepositoryData.of(source.repository),
            trigger=trigger,
            source_ids=(source.id,),
            rebuild_ids=tuple(rebuild.id for rebuild in rebuilds),
            requested_at=self._clock.now(),
        )
        await self._add(tx, data, subject=source.id)

    async def evaluated(
        self, tx: Transaction, evaluated: Sequence[EvaluatedSource]
    ) -> None:
        """Publish the results of evaluations."""
        described = [evaluated_data(one) for one in evaluated]
        await tx.outbox.add(
            self._event(data, subject=one.source.id, traceparent=one.traceparent)
            for data, one in zip(described, evaluated, strict=True)
        )
        for data, one in zip(described, evaluated, strict=True):
            await self.pushes.evaluated(tx, one.evaluation)
            self._metrics.evaluated(verdict=data.verdict, reason=data.reason)

    async def requested(
        self,
        tx: Transaction,
        source: Source,
        rebuild: Rebuild,
        *,
        is_alone: bool = True,
    ) -> None:
        """Publish that an image was requested, with its plan.

        Args:
            tx: The transaction that added the rebuild.
            source: Its source.
            rebuild: The rebuild, or the first of several that want the same image.
            is_alone: Whether no other environment wants it by this evaluation.
        """
        plan = rebuild.plan
        if plan is None:
            raise ValueError(f"rebuild {rebuild.id} has no plan yet")
        data = RebuildRequested(
            rebuild_id=rebuild.id if is_alone else None,
            environment_id=rebuild.environment_id if is_alone else None,
            launcher_id=rebuild.launcher_id if is_alone else None,
            source_id=source.id,
            evaluation_id=plan.evaluation_id,
            generation=plan.generation,
            build_key=plan.key,
            repository=RepositoryData.of(source.repository),
            commit=plan.commit,
            context_dir=source.context_dir,
            kind=plan.kind.value,
            path=plan.path,
            builder=plan.spec.builder,
            frontend=plan.spec.frontend,
            platform=plan.spec.platform,
            trigger=rebuild.trigger.value,
            fresh=rebuild.is_fresh,
        )
        subject = rebuild.environment_id if is_alone else source.id
        await self._add(tx, data, subject=subject, traceparent=plan.traceparent)

    async def started(self, tx: Transaction, build: Build) -> None:
        """Publish that a build started."""
        data = BuildStarted(
            build_id=build.id,
            build_key=build.key,
            attempt=build.attempt,
            repository_url=build.repository_url,
            commit=build.commit,
        )
        await self._add(tx, data, subject=build.id, traceparent=build.traceparent)

    async def waiting(
        self,
        tx: Transaction,
        build: Build,
        hindrance: Failure,
    ) -> None:
        """Publish what keeps a build from starting."""
        data = waiting_data(build, hindrance)
        await self._add(tx, data, subject=build.id, traceparent=build.traceparent)

    async def build_ended(
        self, tx: Transaction, build: Build, *, alone: Rebuild | None
    ) -> None:
        """Publish that a build ended, and with it every rebuild that waits for it.

        Args:
            tx: The transaction.
            build: The build, which succeeded or failed.
            alone: The only rebuild that waited for it; None when there are several.
        """
        reason = build.failure.kind.word if build.failure else "built"
        if alone is not None and alone.reason:
            reason = alone.reason
        data = build_ended_data(build, alone, reason)
        await self._add(tx, data, subject=build.id, traceparent=build.traceparent)
        self._metrics.build_ended(
            outcome=data.outcome, reason=reason, took=_took(build)
        )
        for phase in build.phases:
            self._metrics.phase_ended(phase=phase.name, took=phase.took)

    async def rebuilds_ended(
        self, tx: Transaction, rebuilds: Sequence[Rebuild]
    ) -> None:
        """Publish that rebuilds ended without a build of their own.

        One event for each evaluation and result, however many environments it is about.
        """
        groups = defaultdict[object, list[Rebuild]](list)
        for rebuild in rebuilds:
            groups[_ending(rebuild)].append(rebuild)
        for ended in groups.values():
            first = ended[0]
            data = rebuilds_ended_data(ended)
            await self._add(
                tx,
                data,
                subject=first.id if len(ended) == 1 else first.source_id,
                traceparent=_trace(first),
            )
            self._metrics.build_ended(
                outcome=data.outcome, reason=data.reason, took=None
            )
            if first.reason == "reused":
                await self.pushes.avoided(tx, reason="reused", count=len(ended))

    async def updated(
        self,
        tx: Transaction,
        updates: Iterable[tuple[Launcher, Rebuild]],
        *,
        is_moved: bool,
    ) -> None:
        """Publish that launchers moved to their rebuilds' images, or were offered them.

        One event for each launcher: whoever follows one hears of no other.
        """
        events = []
        pairs = list(updates)
        for launcher, rebuild in pairs:
            if rebuild.plan is None or rebuild.image is None:
                raise ValueError(f"rebuild {rebuild.id} has no image")
            data = LauncherUpdated(
                launcher_id=launcher.id,
                environment_id=launcher.environment_id,
                project_id=launcher.project_id,
                action="moved" if is_moved else "available",
                image=rebuild.image,
                image_pull_secret=self._builder.pull_secret(rebuild.image) or None,
                previous_image=launcher.image,
                generation=rebuild.plan.generation,
                rebuild_id=rebuild.id,
                commit=rebuild.plan.commit,
            )
            traceparent = rebuild.plan.traceparent
            events.append(
                self._event(data, subject=launcher.id, traceparent=traceparent)
            )
            self._metrics.launcher_updated(action=data.action)
        await tx.outbox.add(events)
        if is_moved:
            await self.pushes.moved(tx, (rebuild for _, rebuild in pairs))

    async def moved(
        self, tx: Transaction, launcher: Launcher, *, image: str, generation: int
    ) -> None:
        """Publish that a person moved a launcher to an image."""
        data = LauncherUpdated(
            launcher_id=launcher.id,
            environment_id=launcher.environment_id,
            project_id=launcher.project_id,
            action="moved",
            image=image,
            image_pull_secret=self._builder.pull_secret(image) or None,
            previous_image=launcher.image,
            generation=generation,
        )
        await self._add(tx, data, subject=launcher.id)
        self._metrics.launcher_updated(action=data.action)

    async def hook_unhealthy(
        self, tx: Transaction, hook: Hook, health: HookHealth
    ) -> None:
        """Publish that a hook became unhealthy, or has other problems than before."""
        data = hook_unhealthy_data(hook, health)
        await self._add(tx, data, subject=hook.id)

    async def _add(
        self,
        tx: Transaction,
        data: Data,
        *,
        subject: str,
        traceparent: str | None = None,
    ) -> None:
        event = self._event(data, subject=subject, traceparent=traceparent)
        await tx.outbox.add([event])

    def _event(self, data: Data, *, subject: str, traceparent: str | None) -> Event:
        return Event.of(
            data,
            id=self._ids.new(),
            time=self._clock.now(),
            subject=subject,
            traceparent=traceparent,
        )


def _ending(rebuild: Rebuild) -> object:
    """Return what rebuilds share whose end one event publishes."""
    evaluation = rebuild.plan.evaluation_id if rebuild.plan else rebuild.id
    key = rebuild.plan.key if rebuild.plan else None
    return evaluation, key, rebuild.state, rebuild.reason, rebuild.build_id


def _trace(rebuild: Rebuild) -> str | None:
    return rebuild.plan.traceparent if rebuild.plan else None


def _took(build: Build | None) -> timedelta | None:
    if build is None or build.started_at is None or build.completed_at is None:
        return None
    return build.completed_at - build.started_at
