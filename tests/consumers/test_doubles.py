"""Every event twice, late and in any order: the end is the same."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final

from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings, strategies as st

from consumers.subscriptions import BUILDING, EVALUATION, ROLLOUT
from service.adapters.git.remote import GitRemote
from service.adapters.store import SqlStore
from service.domain.building.build import BuildEvent, BuildId, BuildKey, apply_event
from service.domain.building.failure import FailureClass
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.hook import Secret
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.events.envelope import Event, data_of
from service.ports.bus import Role
from tests.support.clock import TurnedClock
from tests.support.databases import sqlite_database
from tests.support.ids import CountedIds
from tests.support.repos import Repo
from tests.support.world import World

BROKEN: Final = 0
"""The version whose builds fail."""
GOOD: Final = 9
"""The version that every story ends with; it occurs nowhere else."""
KEY: Final = Secret(Fernet.generate_key().decode())

Act = tuple[str, int]

ACTS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(BROKEN, 3)),
        st.tuples(st.sampled_from(["readme", "again", "lose"]), st.just(0)),
        st.tuples(st.sampled_from(["finish", "request", "remove"]), st.integers(0, 3)),
        st.tuples(st.just("follow"), st.sampled_from(range(len(UpdatePolicy)))),
        st.tuples(st.just("wait"), st.sampled_from([1, 5, 40])),
    ),
    min_size=3,
    max_size=9,
)
SEEDS: Final = st.integers(0, 1_000_000)


class Storm(World):
    """A world whose bus delivers late, in any order, and much of it twice."""

    chance = Random(0)
    is_calm = False
    held: list[tuple[Role, Event]]

    async def deliver_one(self, role: Role, event: Event) -> None:
        data = data_of(event)
        assert data is not None
        handlers = {
            EVALUATION: self.enqueuer.handle,
            BUILDING: self.scheduler.handle,
            ROLLOUT: self.rollout.handle,
        }
        await handlers[role](event, data)

    async def _relay(self) -> bool:
        async with self.store.transaction() as tx:
            waiting = await tx.outbox.peek(limit=100)
            await tx.outbox.remove([place for place, _ in waiting])
        for _, event in waiting:
            self.events.append(event)
            self.held += [(role, event) for role in whose(event)]
        self.chance.shuffle(self.held)
        most = len(self.held)
        count = most if self.is_calm else self.chance.randint(0, most)
        now, self.held = self.held[:count], self.held[count:]
        for role, event in now:
            await self.deliver_one(role, event)
            if self.chance.random() < 0.3:
                self.held.append((role, event))
        return bool(now)


def whose(event: Event) -> list[Role]:
    return [
        role for role in (EVALUATION, BUILDING, ROLLOUT) if event.name in role.events
    ]


@asynccontextmanager
async def a_storm(folder: Path, chance: Random) -> AsyncIterator[Storm]:
    async with sqlite_database(folder / "db.sqlite", keys=[KEY]) as db:
        storm = Storm(
            store=SqlStore(db),
            remote=GitRemote(environment={}, allow_files=True),
            clock=TurnedClock(),
            ids=CountedIds(),
            caps=ConcurrencyLimits(in_all=2, per_project=2),
        )
        storm.chance, storm.held = chance, []
        yield storm


@dataclass
class Story:
    """What people and forges do, and what must never happen meanwhile."""

    world: Storm
    repo: Repo
    launchers: list[LauncherId] = field(default_factory=list)
    versions: dict[BuildId, int] = field(default_factory=dict)
    pending: int = 0
    generations: dict[LauncherId, int] = field(default_factory=dict)

    async def begin(self) -> None:
        self.write(1)
        await self.follow(0)

    def write(self, version: int) -> None:
        self.repo.commit({"requirements.txt": f"six=={version}\n"})

    async def act(self, act: Act) -> None:
        name, number = act
        acts: Mapping[str, Callable[[int], Awaitable[None]]] = {
            "push": self.push,
            "readme": self.readme,
            "again": self.again,
            "lose": self.lose,
            "finish": self.finish,
            "request": self.request_rebuild,
            "remove": self.remove,
            "follow": self.follow,
            "wait": self.wait,
        }
        await acts[name](number)
        await self.world.settle()
        await self.look()

    async def push(self, version: int) -> None:
        self.write(version)
        await self.world.push(self.repo.repository)

    async def readme(self, _: int) -> None:
        self.repo.commit({"README.md": str(len(self.world.events))})
        await self.world.push(self.repo.repository)

    async def again(self, _: int) -> None:
        await self.world.push(self.repo.repository)

    async def lose(self, _: int) -> None:
        self.world.builder.lose()
        await self.wait(20)

    async def finish(self, number: int) -> None:
        running = self.world.builder.running
        if running:
            await self.end(running[number % len(running)])

    async def end(self, build: BuildId) -> None:
        async with self.world.store.reading() as tx:
            commit = (await tx.builds.get(build)).commit
        text = self.repo.git("show", f"{commit}:requirements.txt").decode()
        if text == f"six=={BROKEN}\n":
            self.world.builder.fail(FailureClass.NO_SUCH_PACKAGE, build)
        else:
            self.world.builder.succeed(build)

    async def request_rebuild(self, number: int) -> None:
        if self.launchers:
            self.pending += 1
            await self.world.request_rebuild(
                self.launchers[number % len(self.launchers)]
            )

    async def follow(self, number: int) -> None:
        policy = list(UpdatePolicy)[number]
        name = f"launcher {len(self.launchers)}"
        followed = await self.world.follow(
            self.repo.repository, policy=policy, name=name
        )
        self.launchers.append(followed)

    async def remove(self, number: int) -> None:
        """Remove a launcher and call off what it waits for, as the REST API does."""
        if len(self.launchers) < 2:
            return
        launcher = self.launchers.pop(number % len(self.launchers))
        async with self.world.store.transaction() as tx:
            environment = (await tx.launchers.get(launcher)).environment_id
            for rebuild in await tx.rebuilds.unfinished():
                if rebuild.environment_id == environment:
                    state = apply_event(rebuild.state, BuildEvent.CANCEL)
                    await tx.rebuilds.save(replace(rebuild, state=state))
            await tx.launchers.remove(launcher)

    async def wait(self, seconds: int) -> None:
        await self.world.later(seconds)

    async def look(self) -> None:
        """No launcher ever goes back."""
        for launcher in self.launchers:
            generation = (await self.world.launcher(launcher)).generation
            assert generation >= self.generations.get(launcher, 0)
            self.generations[launcher] = generation

    async def finish_all(self) -> None:
        """Let everything that is under way come to its end."""
        self.world.is_calm = True
        for _ in range(12):
            await self.wait(45)
            for build in self.world.builder.running:
                await self.end(build)
            await self.world.settle()
            await self.look()

    async def state(self) -> dict[LauncherId, tuple[object, ...]]:
        """Return what people notice of the launchers."""
        found: dict[LauncherId, tuple[object, ...]] = {}
        for launcher in self.launchers:
            it: Launcher = await self.world.launcher(launcher)
            found[launcher] = (
                it.image,
                it.image_key,
                it.generation,
                it.available_image,
                it.wanted_key,
            )
        return found

    def builds(self) -> Counter[BuildKey]:
        """Count how many builds of each key there were, retries not counted."""
        builder = self.world.builder
        return Counter(
            BuildKey(builder._keys[build_id]) for build_id in set(builder.started)
        )


def told(chance: Random, tell: Callable[[Story], Awaitable[None]]) -> None:
    """Tell a story in a new world."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with a_storm(Path(folder), chance) as world:
                story = Story(world, Repo(Path(folder) / "course.git"))
                await story.begin()
                await tell(story)

    asyncio.run(run())


FEW: Final = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@FEW
@given(acts=ACTS, seed=SEEDS)
def test_events_that_come_again_long_after_change_nothing(
    acts: list[Act], seed: int
) -> None:
    chance = Random(seed)

    async def tell(story: Story) -> None:
        story.world.is_calm = True
        for act in acts:
            await story.act(act)
        await story.finish_all()
        state, builds = await story.state(), story.builds()

        log = [(role, item) for item in story.world.events for role in whose(item)] * 2
        chance.shuffle(log)
        for role, event in log:
            await story.world.deliver_one(role, event)
            if chance.random() < 0.2:
                await story.wait(chance.choice([0, 1, 40]))
                await story.look()
        await story.finish_all()

        assert await story.state() == state
        assert story.builds() == builds

    told(chance, tell)


@FEW
@given(acts=ACTS, seed=SEEDS)
def test_a_bus_that_doubles_delays_and_shuffles_leads_to_the_same_end(
    acts: list[Act], seed: int
) -> None:
    async def tell(story: Story) -> None:
        for act in acts:
            await story.act(act)
        await story.act(("push", GOOD))
        await story.finish_all()

        launchers = [
            await story.world.launcher(launcher) for launcher in story.launchers
        ]
        current = [
            launcher
            for launcher in launchers
            if launcher.policy is UpdatePolicy.AUTOMATIC
        ]
        assert {launcher.image_key == launcher.wanted_key for launcher in current} <= {
            True
        }
        assert len({launcher.wanted_key for launcher in launchers}) == 1
        waiting = [
            launcher for launcher in launchers if launcher.policy is UpdatePolicy.NOTIFY
        ]
        for launcher in waiting:
            assert launcher.wanted_key in {launcher.image_key, launcher.available_key}
        async with story.world.store.reading() as tx:
            assert await tx.rebuilds.unfinished() == []
            assert await tx.builds.unfinished() == []
            assert await tx.outbox.peek(limit=1) == []
        if current and (key := current[0].wanted_key):
            assert story.builds()[key] == 1

    told(Random(seed), tell)
