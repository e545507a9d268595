"""A service that everything happens to, and that is left in peace at the end.

Real store and consumers, the real changes of the REST API, a clock that is turned.
The forge is in memory, so that it can be away, refuse and hold hundreds of sequences;
it answers as the port `Remote` promises, with the trees that the readings are tested
with.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web

from consumers.bases import Outdater
from consumers.bell import Bell
from consumers.roles import ASK, BUILD, ROLLOUT
from consumers.sweep import Sweep
from handlers.keys import ALLOW_FILES, BUILDER, CLOCK, IDS, METRICS, STORE
from handlers.launcher_changes import add, change, remove
from handlers.rebuild_requests import cancel, request_rebuild
from handlers.shapes.launchers import LauncherPatch, LauncherPost
from service.domain.build import BuildId, Rebuild, Recipe, build_key
from service.domain.definition import ABSENT, Definition, Entry
from service.domain.evaluation import RefGone
from service.domain.failure import FailureClass
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.domain.repository import BlobId, CommitSha, Ref, Repository
from service.domain.schedule import Caps
from service.domain.source import Head, Revision
from service.domain.sweeping import Rhythm
from service.errors import (
    ConflictError,
    InvalidRequestError,
    RemoteRefusedError,
    TransientError,
)
from service.ports.bus import Role
from service.ports.store import Store, Transaction
from service.wire import Event, PushReceived, data_of
from tests.definitions.tree import Commit
from tests.support.clock import TurnedClock
from tests.support.ids import CountedIds
from tests.support.world import PACE, World

BROKEN = 0
"""A version that no index has."""
MAIN = Ref("refs/heads/main")
FRONTENDS = ("none", "jupyterlab", "ttyd")
ENOUGH = timedelta(hours=14)
"""Two sweeps of six hours, and retries of one."""
STILL = timedelta(hours=3)
"""What is built for ever would be built anew in it."""


class MemoryForge:
    """Two repositories; implements `Remote` and `Heads`."""

    def __init__(self) -> None:
        self.is_away = False
        self.is_refusing = False
        self.commits: dict[CommitSha, Commit] = {}
        self.heads_of: dict[str, CommitSha | None] = {}

    def commit(self, repository: Repository, files: Mapping[str, str]) -> None:
        sha = CommitSha(f"{len(self.commits):040x}")
        self.commits[sha] = Commit(files)
        self.heads_of[repository.path] = sha

    def _answer(self) -> None:
        if self.is_away:
            raise TransientError("the forge does not answer")
        if self.is_refusing:
            raise RemoteRefusedError("the forge says that there is none")

    def head_now(self, repository: Repository) -> Head | RefGone:
        commit = self.heads_of[repository.path]
        if commit is None:
            return RefGone(message="the branch is gone")
        return Head(commit=commit, ref=MAIN)

    async def head(self, repository: Repository, revision: Revision) -> Head | RefGone:
        return (await self.heads(repository, [revision]))[revision]

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefGone]:
        self._answer()
        return dict.fromkeys(revisions, self.head_now(repository))

    @asynccontextmanager
    async def tree(
        self, repository: Repository, commit: CommitSha
    ) -> AsyncIterator["MemoryTree"]:
        del repository  # commits are everybody's
        self._answer()
        yield MemoryTree(self.commits[commit])


@dataclass
class MemoryTree:
    commit: Commit

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        nothing = Entry(mode=ABSENT, oid=BlobId(""))
        return {it: self.commit.entries.get(it, nothing) for it in paths}

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        raw = self.commit.contents[oid]
        return raw if len(raw) <= limit else None


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
    async def reading(self) -> AsyncIterator[Transaction]:
        async with self._store.reading() as tx:
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
    """Every consumer, in one process that may be killed at any time."""

    def __init__(self, store: FaultyStore, forge: MemoryForge) -> None:
        clock = PassingClock()
        super().__init__(
            store=store,
            remote=forge,
            clock=clock,
            ids=CountedIds(),
            caps=Caps(in_all=2, per_project=2),
        )
        self.faulty = store
        self.forge = forge
        self.losses = Losses()
        self.generations: dict[LauncherId, int] = {}
        self.sweep = Sweep(
            store=store,
            heads=forge,
            clock=clock,
            rhythm=Rhythm(),
            per_hour=36_000,
            pace=PACE,
            bell=Bell(clock=clock),
            chance=lambda: 0.5,
        )
        self.outdater = Outdater(
            store=store,
            builder=self.builder,
            clock=clock,
            bell=Bell(clock=clock),
            pace=PACE,
            per_hour=600,
        )
        self.app = web.Application()
        self.app[STORE] = store
        self.app[CLOCK] = clock
        self.app[IDS] = self.ids
        self.app[METRICS] = self.metrics
        self.app[BUILDER] = self.builder
        self.app[ALLOW_FILES] = False

    # what people do

    async def add_launcher(
        self, repository: Repository, policy: UpdatePolicy, frontend: str
    ) -> None:
        asked = LauncherPost.model_validate(
            {
                "name": f"notebooks {self.ids.new()}",
                "update_policy": policy.value,
                "environment": {
                    "environment_kind": "CUSTOM",
                    "environment_image_source": "build",
                    "builder_variant": "python",
                    "frontend_variant": frontend,
                    "repository": repository.url,
                },
            }
        )
        with suppress(TransientError):
            await add(self.app, asked)

    async def change_launcher(self, launcher: LauncherId, **changes: object) -> None:
        asked = LauncherPatch.model_validate(changes)
        with suppress(TransientError):
            await change(self.app, launcher, asked)

    async def remove_launcher(self, launcher: LauncherId) -> None:
        with suppress(TransientError):
            await remove(self.app, launcher)

    async def rebuild(self, launcher: LauncherId) -> None:
        with suppress(TransientError, ConflictError):
            async with self.store.transaction() as tx:
                found = await tx.launchers.get(launcher)
                await request_rebuild(self.app, tx, found)

    async def cancel_newest(self, launcher: LauncherId) -> None:
        rebuilds = await self.rebuilds(launcher)
        if rebuilds:
            with suppress(TransientError, InvalidRequestError):
                await cancel(self.app, rebuilds[0].id)

    async def launchers(self) -> list[Launcher]:
        async with self.store.reading() as tx:
            return sorted(await tx.launchers.list(), key=lambda it: it.id)

    async def publish(
        self, data: PushReceived, *, traceparent: str | None = None
    ) -> None:
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
            waiting = await tx.outbox.take(limit=100)
            await tx.outbox.remove([place for place, _ in waiting])
        for _, event in waiting:
            for role in (ASK, BUILD, ROLLOUT):
                if event.name in role.events and not self.losses.takes(role):
                    await self._hand_over(role, event)
        return bool(waiting)

    async def _hand_over(self, role: Role, event: Event) -> None:
        handle = {
            ASK: self.asker.handle,
            BUILD: self.scheduler.handle,
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
        """No launcher ever goes back."""
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
            source = await tx.sources.get(launcher.source_id)
        head = self.forge.head_now(source.repository)
        if isinstance(head, RefGone):
            return None
        found = self.forge.commits[head.commit].read(source.context_dir)
        if not isinstance(found, Definition):
            return None
        recipe = Recipe(
            builder=launcher.builder,
            frontend=launcher.frontend,
            platform=launcher.platform,
            builder_image=self.builder.identity(frontend=launcher.frontend),
            scope=self.builder.scope(launcher.project_id),
        )
        return build_key(found.meaning, found.kind, recipe)

    async def expect_calm(self) -> None:
        """Fail unless every launcher is where its definition is."""
        for launcher in await self.launchers():
            key = await self.expected_key(launcher)
            if key is not None:
                await self._expect_there(launcher, key)
        async with self.store.reading() as tx:
            assert not await tx.rebuilds.unfinished()
            assert not await tx.builds.unfinished()
            assert await tx.launchers.count_without_build() == 0
        before = await self._work()
        await self.calm(STILL)
        assert await self._work() == before, "something is built for ever"

    async def _expect_there(self, launcher: Launcher, key: str) -> None:
        assert launcher.wanted_key == key, "the wanted key is not the head's"
        if launcher.policy is UpdatePolicy.MANUAL or launcher.image_key == key:
            return
        if launcher.policy is UpdatePolicy.NOTIFY and launcher.has_offer:
            return
        last = await self._last_of(launcher, key)
        assert last is not None, f"launcher {launcher.id} is behind: nothing was asked"
        is_refused = last.failure is not None and last.failure.kind.is_final
        assert is_refused, f"launcher {launcher.id} is behind: {last.reason}"

    async def _last_of(self, launcher: Launcher, key: str) -> Rebuild | None:
        rebuilds = await self.rebuilds(launcher.id)
        mine = [it for it in rebuilds if it.plan and it.plan.key == key]
        ended = [it for it in mine if it.completed_at]
        return max(ended, key=lambda it: (it.completed_at, it.id), default=None)

    async def _work(self) -> tuple[int, int]:
        async with self.store.reading() as tx:
            rebuilds = await tx.rebuilds.list(limit=10_000)
        return len(rebuilds), len(self.builder.started)
