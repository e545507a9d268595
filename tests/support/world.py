"""All consumers over a real database and real repositories, turned by hand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cryptography.fernet import Fernet
from prometheus_client import CollectorRegistry

from consumers.apply import Application
from consumers.ask import Asker
from consumers.bell import Bell
from consumers.build import Scheduler
from consumers.conclude import Conclusion
from consumers.evaluate import Evaluator
from consumers.reconcile import Reconciler
from consumers.roles import ASK, BUILD, ROLLOUT
from consumers.rollout import Rollout
from consumers.sight import Patience
from consumers.watch import Watcher
from service.adapters.git import GitRemote
from service.adapters.store import SqlStore, open_database
from service.announcing import Announcer
from service.domain.agenda import Pace
from service.domain.build import (
    BuildState,
    EnvironmentId,
    Move,
    Rebuild,
    RebuildId,
    moved,
)
from service.domain.delivery import DeliveryId
from service.domain.evaluation import Evaluation
from service.domain.hook import Secret
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.domain.push import Evidence
from service.domain.repository import Repository
from service.domain.schedule import Caps
from service.domain.source import Revision, Source, SourceId
from service.metrics import Metrics
from service.ports.remote import Remote
from service.ports.store import LOCK_SCHEDULE, Store
from service.reconciling import Reconciliation
from service.wire import Event, PushReceived, RepositoryData, data_of
from tests.support.builders import ToldBuilder
from tests.support.clock import TurnedClock
from tests.support.ids import CountedIds
from tests.support.sandbox import SANDBOX

PAUSE = timedelta(minutes=15)
PACE = Pace(quiet=timedelta(seconds=2), patience=timedelta(seconds=30))


class World:
    """The bus side of the service; `settle` does all there is to do now."""

    def __init__(
        self,
        *,
        store: Store,
        remote: Remote,
        clock: TurnedClock,
        ids: CountedIds,
        caps: Caps,
        builder: ToldBuilder | None = None,
    ) -> None:
        self.store = store
        self.remote = remote
        self.clock = clock
        self.ids = ids
        self.caps = caps
        self.builder = builder or ToldBuilder(clock=clock)
        self.events: list[Event] = []
        """Everything that was published, in order."""
        self.metrics = Metrics(registry=CollectorRegistry())
        announcer = self.announcer = Announcer(
            clock=clock, ids=ids, metrics=self.metrics
        )
        application = Application(
            clock=clock,
            ids=ids,
            announcer=announcer,
            attempts=3,
            retry_after=timedelta(seconds=30),
            pace=PACE,
        )
        bell = Bell(clock=clock)
        reconciliation = Reconciliation(
            builder=self.builder,
            clock=clock,
            ids=ids,
            announcer=announcer,
            pace=PACE,
            pause=PAUSE,
        )
        self.asker = Asker(store=store, clock=clock, pace=PACE, bell=bell)
        self.scheduler = Scheduler(
            store=store,
            builder=self.builder,
            clock=clock,
            application=application,
            caps=caps,
            retry_after=timedelta(seconds=30),
        )
        self.rollout = Rollout(store=store, announcer=announcer)
        self.watcher = Watcher(
            store=store, builder=self.builder, clock=clock, application=application
        )
        self.evaluator = Evaluator(
            store=store,
            remote=remote,
            clock=clock,
            bell=bell,
            pace=PACE,
            sandbox=SANDBOX,
            conclusion=Conclusion(
                store=store,
                builder=self.builder,
                clock=clock,
                ids=ids,
                announcer=announcer,
                pace=PACE,
                patience=Patience(wishes=2),
                reconciliation=reconciliation,
            ),
        )
        self.reconciler = Reconciler(
            store=store, clock=clock, bell=bell, reconciliation=reconciliation
        )

    def process_of(self, version: str) -> "World":
        """Return another process of the same service, that builds otherwise."""
        return World(
            store=self.store,
            remote=self.remote,
            clock=self.clock,
            ids=self.ids,
            caps=self.caps,
            builder=ToldBuilder(clock=self.clock, version=version, beside=self.builder),
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
    ) -> LauncherId:
        """Add a launcher, as the REST API does; its first rebuild waits for a look."""
        launcher = LauncherId(self.ids.new())
        source = Source(
            id=SourceId(self.ids.new()),
            repository=repository,
            revision=Revision.from_text(revision),
            context_dir=context_dir,
            created_at=self.clock.now(),
        )
        async with self.store.transaction() as tx:
            source = await tx.sources.find_or_add(source)
            await tx.launchers.add(
                Launcher(
                    id=launcher,
                    project_id=project,
                    name=name,
                    environment_id=EnvironmentId(f"environment-{launcher}"),
                    source_id=source.id,
                    builder="python",
                    frontend=frontend,
                    platform="linux/amd64",
                    policy=policy,
                    created_at=self.clock.now(),
                )
            )
        await self.wish(launcher, Evidence.LAUNCHER)
        return launcher

    async def wish(
        self, launcher: LauncherId, evidence: Evidence = Evidence.MANUAL
    ) -> RebuildId:
        """Ask for a rebuild, as a person does."""
        rebuild = RebuildId(self.ids.new())
        async with self.store.transaction() as tx:
            it = await tx.launchers.get(launcher)
            source = await tx.sources.get(it.source_id)
            await tx.rebuilds.add(
                Rebuild(
                    id=rebuild,
                    environment_id=it.environment_id,
                    launcher_id=launcher,
                    source_id=it.source_id,
                    evidence=evidence,
                    is_fresh=evidence is Evidence.MANUAL,
                    state=BuildState.QUEUED,
                    created_at=self.clock.now(),
                )
            )
        await self.publish(
            PushReceived(
                repository=RepositoryData.of(source.repository),
                evidence=evidence.value,
                source_ids=(it.source_id,),
                rebuild_ids=(rebuild,),
                received_at=self.clock.now(),
            )
        )
        return rebuild

    async def cancel(self, rebuild: RebuildId) -> None:
        """Call a rebuild off, as a person does."""
        async with self.store.transaction(LOCK_SCHEDULE) as tx:
            found = await tx.rebuilds.get(rebuild)
            cancelled = replace(
                found,
                state=moved(found.state, Move.CANCEL),
                reason="cancelled",
                completed_at=self.clock.now(),
            )
            await tx.rebuilds.save(cancelled)
            await self.announcer.finished(tx, [cancelled], None)

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

    async def tell(self, repository: Repository) -> None:
        """Tell the asker of a push, without a bus between."""
        data = self._pushed(repository, "refs/heads/main")
        event = Event.of(data, id=self.ids.new(), time=self.clock.now())
        await self.asker.handle(event, data)

    def _pushed(self, repository: Repository, ref: str) -> PushReceived:
        return PushReceived(
            repository=RepositoryData.of(repository),
            ref=ref,
            default_branch="main",
            evidence="push",
            delivery_id=f"d-{self.ids.new()}",
            hook_id="hook-1",
            received_at=self.clock.now(),
        )

    async def publish(
        self, data: PushReceived, *, traceparent: str | None = None
    ) -> None:
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
            if not (await self._relay() or await self.evaluator.keep_one()):
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
            ASK: self.asker.handle,
            BUILD: self.scheduler.handle,
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
            waiting = await tx.outbox.take(limit=100)
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
            return await tx.evaluations.of_source(it.source_id)

    async def edit(self, launcher: LauncherId, **changes: object) -> None:
        async with self.store.transaction() as tx:
            it = await tx.launchers.get(launcher)
            await tx.launchers.save(replace(it, **changes))


@asynccontextmanager
async def a_world(
    folder: Path, *, caps: Caps | None = None, remote: Remote | None = None
) -> AsyncIterator[World]:
    keys = [Secret(Fernet.generate_key().decode())]
    async with open_database(f"sqlite:///{folder / 'db.sqlite'}", keys=keys) as db:
        yield World(
            store=SqlStore(db),
            remote=remote or GitRemote(environment={}, allow_files=True),
            clock=TurnedClock(),
            ids=CountedIds(),
            caps=caps or Caps(in_all=4, per_project=4),
        )
