"""A service that everything happens to, and that is left in peace at the end.

Real store and consumers, the real changes of the REST API, a clock that is turned.
The forge is in memory, so that it can be away, refuse and hold hundreds of sequences;
it answers as the port `Remote` promises, with the trees that the readings are tested
with.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from consumers.base_images import Outdater
from consumers.loops.wakeup import Wakeup
from consumers.rate import HourlyRate
from consumers.subscriptions import BUILDING, EVALUATION, ROLLOUT
from consumers.sweep import Sweep
from service.domain.building.build import BuildId, BuildSpec, Rebuild, build_key
from service.domain.building.failure import FailureClass
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.definition import Definition
from service.domain.evaluation.comparison import RefMissing
from service.domain.evaluation.sweep import PollPolicy
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.domain.repository import Repository
from service.domain.rights.caller import ProjectId
from service.domain.rights.grants import NO_RULES
from service.domain.source import SourceId
from service.errors import (
    ConflictError,
    InvalidRequestError,
    RemoteRefusedError,
    TransientError,
)
from service.events.envelope import Event, data_of
from service.events.models import Data
from service.ports.bus import Role
from service.ports.store import Store, Transaction
from service.usecases.launcher_commands import LauncherChange, NewLauncher
from service.usecases.launchers import LauncherEditor
from service.usecases.rights.repository_access import RepositoryAccess
from service.usecases.updates.pauses import PauseEditor
from service.usecases.updates.pins import LauncherPinner
from tests.support.clock import TurnedClock
from tests.support.ids import CountedIds
from tests.support.memory_door import MemoryDoor
from tests.support.memory_forge import ForgeRepository, MemoryForge
from tests.support.world import DEBOUNCE, World

BROKEN = 0
"""A version that no index has."""
FRONTENDS = ("none", "jupyterlab", "ttyd")
ENOUGH = timedelta(hours=14)
"""Two sweeps of six hours, and retries of one."""
PROJECT = ProjectId("0" * 26)
STILL = timedelta(hours=3)
"""What is built for ever would be built anew in it."""


class FaultyStore:
    """A store whose next transactions break off before they commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.faults = 0

    @asynccontextmanager
    async def transaction(self, *locks: str) -> AsyncIterator[Transaction]:
        async with self._store.transaction(*locks) as tx:
            yield tx
            if self.faults:
                self.faults -= 1
                raise TransientError("the database went away")

    @asynccontextmanager
    async def reading(self, *, is_single: bool = False) -> AsyncIterator[Transaction]:
        async with self._store.reading(is_single=is_single) as tx:
            yield tx

    async def ping(self) -> None:
        await self._store.ping()


class PassingClock(TurnedClock):
    """Time that also passes while somebody sleeps."""

    async def sleep(self, length: timedelta) -> None:
        self.advance(max(length, timedelta(0)))


@dataclass
class Losses:
    """Messages that are buried instead of handled."""

    left: dict[Role, int] = field(default_factory=dict)

    def takes(self, role: Role) -> bool:
        if not self.left.get(role):
            return False
        self.left[role] -= 1
        return True


class Service(World):
    """Every consumer, in one process that may be killed at any time.

    Args:
        store: The database.
        forge: The forge.
        before: The process that was killed: its builds run on, and time does.
    """

    def __init__(
        self,
        store: FaultyStore,
        forge: MemoryForge,
        *,
        before: "Service | None" = None,
    ) -> None:
        clock = before.clock if before else PassingClock()
        super().__init__(
            store=store,
            remote=forge,
            clock=clock,
            ids=before.ids if before else CountedIds(),
            caps=ConcurrencyLimits(in_all=2, per_project=2),
            builder=before.builder if before else None,
        )
        self.faulty = store
        self.forge = forge
        self.door = MemoryDoor(store=store, forge=forge, clock=clock, ids=self.ids)
        self.door.pasted = before.door.pasted if before else {}
        self.homes: dict[SourceId, ForgeRepository] = before.homes if before else {}
        """Which repository each source is known to be of."""
        self.losses: Losses = before.losses if before else Losses()
        self.generations: dict[LauncherId, int] = before.generations if before else {}
        self.pinner = LauncherPinner(
            store=store,
            clock=clock,
            events=self.recorder,
            rebuilds=self.rebuild_requester,
        )
        self.pauses = PauseEditor(store=store, clock=clock)
        self.sweep = Sweep(
            store=store,
            heads=forge,
            anonymous_heads=forge,
            clock=clock,
            poll_policy=PollPolicy(),
            per_hour=36_000,
            debounce=DEBOUNCE,
            wakeup=Wakeup(clock=clock),
            chance=lambda: 0.5,
        )
        self.outdater = Outdater(
            store=store,
            builder=self.builder,
            clock=clock,
            wakeup=Wakeup(clock=clock),
            debounce=DEBOUNCE,
            rate=HourlyRate(600, now=clock.now()),
        )
        self.launcher_editor = LauncherEditor(
            store=store,
            builder=self.builder,
            clock=clock,
            ids=self.ids,
            events=self.recorder,
            rebuilds=self.rebuild_requester,
            allow_files=False,
            access=RepositoryAccess(clock=clock, rules=NO_RULES),
        )

    # what people do

    async def add_launcher(
        self,
        repository: Repository,
        policy: UpdatePolicy,
        frontend: str,
        *,
        name: str = "",
        context_dir: str = "",
    ) -> None:
        new = NewLauncher(
            name=name or f"notebooks {self.ids.new()}",
            context_dir=context_dir,
            project_id=PROJECT,
            may_grant=True,
            repository=repository.url,
            builder="python",
            frontend=frontend,
            platform="linux/amd64",
            policy=policy,
        )
        with suppress(TransientError, ConflictError):
            await self.launcher_editor.add(new)

    async def change_launcher(
        self, launcher: LauncherId, change: LauncherChange
    ) -> None:
        with suppress(TransientError):
            await self.launcher_editor.change(launcher, change)

    async def remove_launcher(self, launcher: LauncherId) -> None:
        with suppress(TransientError):
            await self.launcher_editor.remove(launcher)

    async def rebuild(self, launcher: LauncherId) -> None:
        with suppress(TransientError, ConflictError):
            environment = (await self.launcher(launcher)).environment_id
            await self.rebuild_requester.request(environment)

    async def pin(self, launcher: LauncherId) -> None:
        with suppress(TransientError, ConflictError):
            await self.pinner.pin(launcher)

    async def unpin(self, launcher: LauncherId) -> None:
        with suppress(TransientError, ConflictError):
            await self.pinner.unpin(launcher)

    async def roll_back(self, launcher: LauncherId) -> None:
        with suppress(TransientError, ConflictError, InvalidRequestError):
            await self.pinner.roll_back(launcher)

    async def pause(self, *, is_paused: bool, everywhere: bool) -> None:
        project = None if everywhere else PROJECT
        with suppress(TransientError):
            if is_paused:
                await self.pauses.pause(project)
            else:
                await self.pauses.resume(project)

    async def cancel_newest(self, launcher: LauncherId) -> None:
        rebuilds = await self.rebuilds(launcher)
        if rebuilds:
            with suppress(TransientError, InvalidRequestError):
                await self.rebuild_requester.cancel(rebuilds[0].id)

    async def launchers(self) -> list[Launcher]:
        async with self.store.reading() as tx:
            return sorted(await tx.launchers.list(), key=lambda launcher: launcher.id)

    async def push_of(self, repository: ForgeRepository) -> None:
        """Deliver a push by the repository's hook."""
        while True:
            with suppress(TransientError):  # what got a 503 is sent again
                data = await self.door.take(repository)
                break
        if data is not None:
            await self.publish(data)

    async def publish(self, data: Data, *, traceparent: str | None = None) -> None:
        """Tell until it is accepted: what got a 503 was not."""
        while True:
            with suppress(TransientError):
                await super().publish(data, traceparent=traceparent)
                return

    # what the service does

    async def settle(self) -> None:
        while True:
            try:
                await super().settle()
            except TransientError:
                continue
            await self.look_forward()
            return

    async def _relay(self) -> bool:
        """Hand every event to everybody until they took it, or bury it."""
        async with self.store.transaction() as tx:
            waiting = await tx.outbox.peek(limit=100)
            await tx.outbox.remove([place for place, _ in waiting])
        for _, event in waiting:
            for role in (EVALUATION, BUILDING, ROLLOUT):
                if event.name in role.events and not self.losses.takes(role):
                    await self._hand_over(role, event)
        return bool(waiting)

    async def _hand_over(self, role: Role, event: Event) -> None:
        handle = {
            EVALUATION: self.enqueuer.handle,
            BUILDING: self.scheduler.handle,
            ROLLOUT: self.rollout.handle,
        }[role]
        data = data_of(event)
        assert data is not None
        while True:
            with suppress(TransientError):
                await handle(event, data)
                return

    async def turn(self, seconds: float) -> None:
        """Let time pass; every loop has its turn."""
        self.clock.advance(timedelta(seconds=seconds))
        for loop in (
            self.sweep.round,
            self.outdater.round,
            self.reconcile,
            self.scheduler.schedule,
        ):
            with suppress(TransientError):
                await loop()
        await self.settle()

    async def reconcile(self) -> None:
        await self.reconciler.round()

    async def look_forward(self) -> None:
        """No launcher ever goes back, and no source becomes another repository's."""
        async with self.store.reading() as tx:
            for source in await tx.sources.list():
                number = source.repository.number
                for home in self.forge.repositories:
                    if number in home.numbers:
                        known = self.homes.setdefault(source.id, home)
                        assert known is home, "a source follows another repository"
        for launcher in await self.launchers():
            before = self.generations.get(launcher.id, 0)
            assert launcher.generation >= before, "a launcher moved backward"
            self.generations[launcher.id] = launcher.generation

    async def end(self, build: BuildId, kind: FailureClass | None = None) -> None:
        """End a running build as its definition deserves, or otherwise."""
        async with self.store.reading() as tx:
            commit = (await tx.builds.get(build)).commit
        if kind is not None:
            self.builder.fail(kind, build)
        elif (
            f"six=={BROKEN}\n".encode() in self.forge.commits[commit].contents.values()
        ):
            self.builder.fail(FailureClass.NO_SUCH_VERSION, build)
        else:
            self.builder.succeed(build)

    async def calm(self, length: timedelta = ENOUGH) -> None:
        """Take all trouble away and let the loops run."""
        self.forge.is_away = self.forge.is_refusing = False
        self.faulty.faults = 0
        self.losses.left.clear()
        self.builder.refuse(0)
        for everywhere in (True, False):
            await self.pause(is_paused=False, everywhere=everywhere)
        until = self.clock.now() + length
        while self.clock.now() < until:
            await self.turn(1300)
            while self.builder.running:
                for build in self.builder.running:
                    await self.end(build)
                await self.settle()

    # what must hold then

    async def expected_key(self, launcher: Launcher) -> str | None:
        """Return the key of the definition at the head, built its way."""
        async with self.store.reading() as tx:
            source = await tx.sources.get(launcher.tracked_source)
        try:
            head = self.forge.head_now(source.repository)
        except RemoteRefusedError:
            return None
        if isinstance(head, RefMissing):
            return None
        found = self.forge.commits[head.commit].read(source.context_dir)
        if not isinstance(found, Definition):
            return None
        # A manual launcher is told of what builds now by its next evaluation: nobody
        # evaluates it for that alone.
        is_manual = launcher.policy is UpdatePolicy.MANUAL
        now = self.builder.identity(frontend=launcher.frontend)
        spec = BuildSpec(
            builder=launcher.builder,
            frontend=launcher.frontend,
            platform=launcher.platform,
            builder_image=(is_manual and launcher.wanted_builder) or now,
            scope=self.builder.scope(launcher.project_id, launcher.environment_id),
            private_to=source.private_to,
        )
        return build_key(found.meaning, found.kind, spec)

    async def expect_calm(self) -> None:
        """Fail unless every launcher is where its definition is."""
        lost = 0
        for launcher in await self.launchers():
            key = await self.expected_key(launcher)
            if key is not None:
                await self._expect_there(launcher, key)
            elif await self._is_lost(launcher):
                lost += 1
        async with self.store.reading() as tx:
            assert not await tx.rebuilds.unfinished()
            assert not await tx.builds.unfinished()
            assert await tx.launchers.count_without_build() <= lost
        before = await self._work()
        await self.calm(STILL)
        assert await self._work() == before, "something is built for ever"

    async def _expect_there(self, launcher: Launcher, key: str) -> None:
        assert launcher.wanted_key == key, "the wanted key is not the head's"
        if not launcher.is_automatic or launcher.image_key == key:
            return
        if launcher.policy is UpdatePolicy.NOTIFY and launcher.has_offer:
            return
        last = await self._last_of(launcher, key)
        assert last is not None, f"launcher {launcher.id} is behind: nothing was asked"
        is_refused = last.failure is not None and last.failure.kind.is_final
        assert is_refused, f"launcher {launcher.id} is behind: {last.reason}"

    async def _is_lost(self, launcher: Launcher) -> bool:
        """Return whether a launcher's repository is gone.

        What was made anew under its name is found by a push that the hook takes.
        """
        async with self.store.reading() as tx:
            source = await tx.sources.get(launcher.tracked_source)
        was, home = source.repository, self.homes.get(source.id)
        if home is None or was.number in {None, home.name.number}:
            return False
        if was.path == home.name.path:
            is_refused = await self.door.take(home) is None
            assert is_refused, "a source is deaf to whoever has its name"
        return True

    async def _last_of(self, launcher: Launcher, key: str) -> Rebuild | None:
        rebuilds = await self.rebuilds(launcher.id)
        mine = [
            rebuild for rebuild in rebuilds if rebuild.plan and rebuild.plan.key == key
        ]
        ended = [rebuild for rebuild in mine if rebuild.completed_at]
        return max(
            ended, key=lambda rebuild: (rebuild.completed_at, rebuild.id), default=None
        )

    async def _work(self) -> tuple[int, int]:
        async with self.store.reading() as tx:
            rebuilds = await tx.rebuilds.list(limit=10_000)
        return len(rebuilds), len(self.builder.started)
