"""All consumers over a real database and real repositories, turned by hand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from prometheus_client import CollectorRegistry

from consumers.building.endings import RebuildEndings
from consumers.building.scheduler import Scheduler
from consumers.building.transitions import BuildTransitions
from consumers.building.watcher import BuildWatcher
from consumers.evaluation.claims import EvaluationClaims
from consumers.evaluation.enqueue import EvaluationEnqueuer
from consumers.evaluation.observation import Patience
from consumers.evaluation.planning import LauncherPlanner
from consumers.evaluation.record import EvaluationRecorder
from consumers.evaluation.worker import Evaluator
from consumers.loops.precedence import Precedence
from consumers.loops.wakeup import Wakeup
from consumers.reconcile import Reconciler
from consumers.rollout import Rollout
from consumers.subscriptions import BUILDING, EVALUATION, ROLLOUT
from handlers.webhooks.events import event_of
from service.adapters.anonymous import AnonymousRemote
from service.adapters.git.remote import GitRemote
from service.adapters.store import SqlStore
from service.domain.building.build import (
    BuildState,
    EnvironmentId,
    Rebuild,
    RebuildId,
)
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import Evaluation
from service.domain.evaluation.queue import Debounce
from service.domain.hook import Secret
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.domain.push import Trigger
from service.domain.repository import Repository
from service.domain.source import Access, Revision, Source, SourceId
from service.events.envelope import Event, data_of
from service.events.models import (
    Data,
    EvaluationRequested,
    PushReceived,
    RepositoryData,
)
from service.metrics import Metrics
from service.ports.remote import ProbedRemote, Remote
from service.ports.store import Store
from service.usecases.publish_events import EventRecorder
from service.usecases.rebuilds import RebuildRequester
from service.usecases.reconcile import Reconciliation
from tests.support.builders import ToldBuilder
from tests.support.clock import TurnedClock
from tests.support.databases import sqlite_database
from tests.support.deliveries import an_arrival
from tests.support.ids import CountedIds
from tests.support.sandbox import SANDBOX

PAUSE = timedelta(minutes=15)
DEBOUNCE = Debounce(window=timedelta(seconds=2), max_delay=timedelta(seconds=30))

ANONYMOUS = AnonymousRemote(GitRemote(environment={}), closed=())
"""Reads what anybody may; no files of this machine."""


class World:
    """The bus side of the service; `settle` does all there is to do now."""

    def __init__(
        self,
        *,
        store: Store,
        remote: Remote,
        clock: TurnedClock,
        ids: CountedIds,
        caps: ConcurrencyLimits,
        builder: ToldBuilder | None = None,
        anonymous_remote: ProbedRemote = ANONYMOUS,
    ) -> None:
        self.store = store
        self.remote = remote
        self.is_forge_silent = False
        """Whether no forge answers the REST API now."""
        self.anonymous_remote = anonymous_remote
        self.clock = clock
        self.ids = ids
        self.caps = caps
        self.builder = builder or ToldBuilder(clock=clock)
        self.events: list[Event] = []
        """Everything that was published, in order."""
        self.metrics = Metrics(registry=CollectorRegistry())
        recorder = self.recorder = EventRecorder(
            clock=clock, ids=ids, metrics=self.metrics, builder=self.builder
        )
        endings = RebuildEndings(clock=clock, recorder=recorder)
        transitions = self.transitions = BuildTransitions(
            clock=clock,
            ids=ids,
            recorder=recorder,
            endings=endings,
            attempts=3,
            retry_after=timedelta(seconds=30),
            debounce=DEBOUNCE,
        )
        self.rebuild_requester = RebuildRequester(
            store=store,
            builder=self.builder,
            clock=clock,
            ids=ids,
            events=recorder,
        )
        wakeup = Wakeup(clock=clock)
        reconciliation = self.reconciliation = Reconciliation(
            builder=self.builder,
            clock=clock,
            ids=ids,
            recorder=recorder,
            debounce=DEBOUNCE,
            pause=PAUSE,
        )
        self.claims = EvaluationClaims(store=store, clock=clock, wakeup=wakeup)
        self.enqueuer = EvaluationEnqueuer(
            store=store, debounce=DEBOUNCE, claims=self.claims
        )
        self.scheduler = Scheduler(
            store=store,
            builder=self.builder,
            clock=clock,
            wakeup=wakeup,
            precedence=Precedence(),
            transitions=transitions,
            caps=caps,
            retry_after=timedelta(seconds=30),
        )
        self.rollout = Rollout(store=store, recorder=recorder, endings=endings)
        self.watcher = BuildWatcher(
            store=store, builder=self.builder, clock=clock, transitions=transitions
        )
        self.evaluator = Evaluator(
            store=store,
            remote=remote,
            anonymous_remote=anonymous_remote,
            clock=clock,
            claims=self.claims,
            debounce=DEBOUNCE,
            sandbox=SANDBOX,
            recorder=EvaluationRecorder(
                store=store,
                builder=self.builder,
                clock=clock,
                ids=ids,
                recorder=recorder,
                debounce=DEBOUNCE,
                patience=Patience(pending=2),
                planner=LauncherPlanner(
                    ids=ids, recorder=recorder, reconciliation=reconciliation
                ),
                endings=endings,
                schedule=wakeup,
            ),
        )
        self.reconciler = Reconciler(
            store=store,
            clock=clock,
            wakeup=wakeup,
            reconciliation=reconciliation,
            rollout=self.rollout,
        )

    def process_of(self, version: str) -> "World":
        """Return another process of the same service, that builds otherwise."""
        builder = ToldBuilder(clock=self.clock, version=version, beside=self.builder)
        return self.beside(builder)

    def beside(self, builder: ToldBuilder) -> "World":
        """Return another process of the same service."""
        return World(
            store=self.store,
            remote=self.remote,
            anonymous_remote=self.anonymous_remote,
            clock=self.clock,
            ids=self.ids,
            caps=self.caps,
            builder=builder,
        )

    # asking

    async def follow(
        self,
        repository: Repository,
        *,
        revision: str | None = None,
        context_dir: str = "",
        policy: UpdatePolicy = UpdatePolicy.AUTOMATIC,
        name: str = "notebooks",
        frontend: str = "none",
        project: str = "project-1",
        environment: str = "",
        access: Access = Access.CREDENTIAL,
    ) -> LauncherId:
        """Add a launcher, as the REST API does; its first rebuild waits for a look."""
        launcher = LauncherId(self.ids.new())
        source = Source(
            id=SourceId(self.ids.new()),
            repository=repository,
            revision=Revision.from_text(revision),
            context_dir=context_dir,
            access=access,
            created_at=self.clock.now(),
        )
        async with self.store.transaction() as tx:
            source = await tx.sources.find_or_add(source)
            await tx.launchers.add(
                Launcher(
                    id=launcher,
                    project_id=project,
                    name=name,
                    environment_id=EnvironmentId(
                        environment or f"environment-{launcher}"
                    ),
                    source_id=source.id,
                    builder="python",
                    frontend=frontend,
                    platform="linux/amd64",
                    policy=policy,
                    created_at=self.clock.now(),
                )
            )
        await self.request_rebuild(launcher, Trigger.LAUNCHER)
        return launcher

    async def request_rebuild(
        self, launcher: LauncherId, trigger: Trigger = Trigger.MANUAL
    ) -> RebuildId:
        """Ask for a rebuild, as a person does."""
        rebuild = RebuildId(self.ids.new())
        async with self.store.transaction() as tx:
            it = await tx.launchers.get(launcher)
            (source,) = await tx.sources.get_many([it.tracked_source])
            await tx.rebuilds.add(
                Rebuild(
                    id=rebuild,
                    environment_id=it.environment_id,
                    launcher_id=launcher,
                    source_id=it.tracked_source,
                    trigger=trigger,
                    is_fresh=trigger is Trigger.MANUAL,
                    state=BuildState.QUEUED,
                    created_at=self.clock.now(),
                )
            )
        await self.publish(
            EvaluationRequested(
                repository=RepositoryData.of(source.repository),
                trigger="manual" if trigger is Trigger.MANUAL else "launcher",
                source_ids=(it.tracked_source,),
                rebuild_ids=(rebuild,),
                requested_at=self.clock.now(),
            )
        )
        return rebuild

    async def cancel(self, rebuild: RebuildId) -> None:
        """Cancel a rebuild, as a person does."""
        await self.rebuild_requester.cancel(rebuild)

    async def push(
        self,
        repository: Repository,
        ref: str = "refs/heads/main",
        *,
        traceparent: str | None = None,
    ) -> DeliveryId:
        """Tell of a push, as the receiver does."""
        data = self._pushed(repository, ref)
        await self.publish(data, traceparent=traceparent)
        return DeliveryId(data.delivery_id or "")

    async def push_together(
        self, repository: Repository, *, count: int
    ) -> list[DeliveryId]:
        """Tell of several pushes of one ref by one event, as the receiver may."""
        ids = [DeliveryId(f"d-{self.ids.new()}") for _ in range(count)]
        arrivals = [
            an_arrival(f"after-{id_}", repository, id_=id_, at=self.clock.now())
            for id_ in ids
        ]
        event = event_of(arrivals, ids=self.ids)
        async with self.store.transaction() as tx:
            await tx.outbox.add([event])
        return ids

    async def tell(self, repository: Repository) -> None:
        """Tell the asker of a push, without a bus between."""
        data = self._pushed(repository, "refs/heads/main")
        event = Event.of(data, id=self.ids.new(), time=self.clock.now())
        await self.enqueuer.handle(event, data)

    def _pushed(self, repository: Repository, ref: str) -> PushReceived:
        return PushReceived(
            repository=RepositoryData.of(repository),
            ref=ref,
            default_branch="main",
            trigger="push",
            delivery_id=f"d-{self.ids.new()}",
            hook_id="hook-1",
            received_at=self.clock.now(),
        )

    async def publish(self, data: Data, *, traceparent: str | None = None) -> None:
        event = Event.of(
            data,
            id=self.ids.new(),
            time=self.clock.now(),
            traceparent=traceparent,
        )
        async with self.store.transaction() as tx:
            await tx.outbox.add([event])

    # working

    async def settle(self) -> None:
        """Work until there is nothing left to do now."""
        while True:
            await self.watcher.watch()
            if not (await self._relay() or await self.evaluator.process_one()):
                return

    async def later(self, seconds: float) -> None:
        """Let time pass, then settle."""
        self.clock.advance(timedelta(seconds=seconds))
        await self.reconciler.round()
        await self.scheduler.schedule()
        await self.settle()

    async def deliver(self, events: Sequence[Event]) -> None:
        """Hand events to every consumer that asked for them."""
        handlers = {
            EVALUATION: self.enqueuer.handle,
            BUILDING: self.scheduler.handle,
            ROLLOUT: self.rollout.handle,
        }
        for event in events:
            data = data_of(event)
            assert data is not None
            for role, handle in handlers.items():
                if event.name in role.events:
                    await handle(event, data)

    async def _relay(self) -> bool:
        async with self.store.transaction() as tx:
            waiting = await tx.outbox.peek(limit=100)
            await tx.outbox.remove([place for place, _ in waiting])
        events = [event for _, event in waiting]
        self.events += events
        await self.deliver(events)
        return bool(events)

    # looking

    async def launcher(self, launcher: LauncherId) -> Launcher:
        async with self.store.reading() as tx:
            return await tx.launchers.get(launcher)

    async def rebuilds(self, launcher: LauncherId) -> Sequence[Rebuild]:
        """Newest first."""
        async with self.store.reading() as tx:
            it = await tx.launchers.get(launcher)
            return await tx.rebuilds.of_environment(it.environment_id)

    async def evaluations(self, launcher: LauncherId) -> Sequence[Evaluation]:
        """Newest first."""
        async with self.store.reading() as tx:
            it = await tx.launchers.get(launcher)
            return await tx.evaluations.of_source(it.tracked_source)

    async def edit(self, launcher: LauncherId, **changes: Any) -> None:
        async with self.store.transaction() as tx:
            it = await tx.launchers.get(launcher)
            await tx.launchers.save(replace(it, **changes))


@asynccontextmanager
async def a_world(
    folder: Path, *, caps: ConcurrencyLimits | None = None, remote: Remote | None = None
) -> AsyncIterator[World]:
    keys = [Secret(Fernet.generate_key().decode())]
    async with sqlite_database(folder / "db.sqlite", keys=keys) as db:
        yield a_world_over(SqlStore(db), caps=caps, remote=remote)


def a_world_over(
    store: Store,
    *,
    caps: ConcurrencyLimits | None = None,
    remote: Remote | None = None,
) -> World:
    return World(
        store=store,
        remote=remote or GitRemote(environment={}, allow_files=True),
        clock=TurnedClock(),
        ids=CountedIds(),
        caps=caps or ConcurrencyLimits(in_all=4, per_project=4),
    )
