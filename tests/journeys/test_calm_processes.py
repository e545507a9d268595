"""Real processes that everything happens to: once it is calm, nobody is behind.

The stories of `tests/consumers/test_calm.py`, there told to one process by a turned
clock, are told here to a receiver and two consumers over one database and one bus; a
consumer is killed in the middle.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from yarl import URL

from service.adapters.store import SqlStore, open_database
from service.domain.building.build import Rebuild
from service.domain.hook import Secret
from service.domain.launcher import Launcher, UpdatePolicy
from service.ports.store import Store
from tests.support.broker import broker_url
from tests.support.cluster import Cluster, a_cluster
from tests.support.courses import Course, a_course
from tests.support.databases import TEST_KEY
from tests.support.proxy import Proxy, proxy_to
from tests.support.service import Service
from tests.support.stream import eventually

pytestmark = [
    pytest.mark.outage,
    pytest.mark.xdist_group("outages"),
    pytest.mark.postgresql,
    pytest.mark.index,
    pytest.mark.timeout(150),
]

ACTS: Final = 10
START: Final = 60.0
"""Seconds: three at once beside all else that a busy machine does."""
CALM: Final = 60.0
"""Seconds: a leader's lease, builds on a busy machine; about ten where it is idle."""
USUAL: Final = {"RELAUNCH_BUS": 5672, "RELAUNCH_DATABASE": 5432}
BROKEN: Final = 0
"""A version that no index has."""
HASTY: Final = {
    "RELAUNCH_SWEEP_INTERVAL": "2s",
    "RELAUNCH_SWEEP_MAX_INTERVAL": "2s",
    "RELAUNCH_SWEEP_MAX_PER_HOUR": "36000",
    "RELAUNCH_REMOTE_RETRY_AFTER": "200ms",
    # An outage here is over before a build has failed so often.
    "RELAUNCH_BUILD_ATTEMPTS": "20",
    "RELAUNCH_BUILD_RETRY_AFTER": "500ms",
}


def break_definition(course: Course) -> None:
    """Ask for a version that there is not, and say so without a look at an index."""
    course.version = BROKEN
    lines = f"--no-index\n--find-links wheels\n{course.name}==99\n"
    course.repo.commit({"requirements.txt": lines})


@dataclass
class Story:
    """Acts by their names; each is done whatever state the service is in."""

    receiver: Service
    consumers: list[Service]
    proxies: list[Proxy]
    courses: list[Course]
    chance: random.Random
    told: list[str] = field(default_factory=list)

    @property
    def acts(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        return {
            "push": self.push,
            "lost push": self.lost_push,
            "broken push": self.broken_push,
            "rebuild": self.rebuild,
            "cancel": self.cancel,
            "policy": self.change_policy,
            "add": self.add,
            "remove": self.remove,
            "outage": self.break_network,
            "forge away": self.hide_repository,
        }

    async def run(self) -> None:
        pushes = ["push", "push", "lost push"]
        names = self.chance.choices([*self.acts, *pushes], k=ACTS)
        names.insert(self.chance.randrange(ACTS), "kill")
        for name in names:
            act = self.kill if name == "kill" else self.acts[name]
            self.told.append(name)
            await act()
            await asyncio.sleep(self.chance.uniform(0, 0.7))
        for launcher in await self.launchers():
            await self.patch(launcher, {"update_policy": "automatic"})

    @property
    def course(self) -> Course:
        return self.chance.choice(self.courses)

    async def push(self) -> None:
        course = self.course
        commit = await asyncio.to_thread(course.push, self.chance.randint(1, 3))
        await self.deliver(course, commit)

    async def lost_push(self) -> None:
        await asyncio.to_thread(self.course.push, self.chance.randint(1, 3))

    async def broken_push(self) -> None:
        course = self.course
        await asyncio.to_thread(break_definition, course)
        await self.deliver(course, course.repo.tip())

    async def deliver(self, course: Course, commit: str) -> None:
        deliver = self.receiver.deliver
        receipt = await tried(deliver, course.hook, "refs/heads/main", commit)
        if receipt is not None:
            course.accepted.append(receipt["delivery"])

    async def rebuild(self) -> None:
        for launcher in await self.some_launcher():
            path = f"/environments/{launcher['environment']['id']}/builds"
            await self.ask("POST", path, {})

    async def cancel(self) -> None:
        for build in (await self.ask("GET", "/builds?limit=1")) or []:
            path = f"/builds/{build['id']}"
            await self.ask("PATCH", path, {"status": "cancelled"})

    async def change_policy(self) -> None:
        policy = self.chance.choice(list(UpdatePolicy)).value
        for launcher in await self.some_launcher():
            await self.patch(launcher, {"update_policy": policy})

    async def patch(self, launcher: Mapping[str, Any], body: object) -> None:
        await self.ask("PATCH", f"/session_launchers/{launcher['id']}", body)

    async def add(self) -> None:
        url, name = self.course.repo.url, f"another {len(self.told)}"
        await tried(self.receiver.follow, url, name)

    async def remove(self) -> None:
        for launcher in await self.some_launcher():
            if launcher["name"].startswith("another"):
                await self.ask("DELETE", f"/session_launchers/{launcher['id']}")

    async def break_network(self) -> None:
        proxy = self.chance.choice(self.proxies)
        proxy.refuse()
        await asyncio.sleep(self.chance.uniform(0.1, 1.5))
        proxy.heal()

    async def hide_repository(self) -> None:
        path = self.course.repo.path
        hidden = path.rename(path.with_suffix(".hidden"))
        await asyncio.sleep(self.chance.uniform(0.1, 1.5))
        hidden.rename(path)

    async def kill(self) -> None:
        killed = self.chance.choice(self.consumers)
        await asyncio.to_thread(killed.kill)
        await asyncio.to_thread(killed.launch)

    async def some_launcher(self) -> list[Any]:
        launchers = await self.launchers()
        return [self.chance.choice(launchers)] if launchers else []

    async def launchers(self) -> list[Any]:
        return (await self.ask("GET", "/session_launchers")) or []

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        return await tried(self.receiver.api, method, path, body)


async def tried(call: Callable[..., Any], *arguments: object) -> Any:
    """Return what the service answers; None where it refuses, or cannot just now."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except AssertionError as exc:
        refusals = (": 404 ", ": 409 ", ": 422 ", ": 503 ")
        if not any(refusal in str(exc) for refusal in refusals):
            raise
        return None


@dataclass(frozen=True)
class Verdict:
    """Where launchers are, by what the database holds and images contain."""

    store: Store
    courses: Mapping[str, Course]
    """By their sources."""

    async def is_calm(self) -> bool:
        async with self.store.reading() as tx:
            launchers = await tx.launchers.list()
            if await tx.rebuilds.unfinished() or await tx.builds.unfinished():
                return False
        return all([await self.is_settled(launcher) for launcher in launchers])

    async def is_settled(self, launcher: Launcher) -> bool:
        """Say whether a launcher has what its head defines, or failed for good."""
        course = self.courses[launcher.tracked_source]
        async with self.store.reading() as tx:
            seen = await tx.evaluations.of_source(launcher.tracked_source, limit=1)
            rebuilds = await tx.rebuilds.of_environment(launcher.environment_id)
        if not seen or seen[0].commit != course.repo.tip():
            return False
        if course.version == BROKEN:
            return is_refused(launcher, rebuilds)
        return launcher.wanted_key == launcher.image_key is not None

    async def expect_images(self, receiver: Service, consumer: Service) -> None:
        async with self.store.reading() as tx:
            launchers = await tx.launchers.list()
        for launcher in {item.image: item for item in launchers}.values():
            course = self.courses[launcher.tracked_source]
            if course.version != BROKEN:
                found = await asyncio.to_thread(
                    imported, receiver, consumer, launcher, course
                )
                assert found == f"{course.version}.0", launcher


def is_refused(launcher: Launcher, rebuilds: Sequence[Rebuild]) -> bool:
    """Say whether the last rebuild of exactly the wanted key failed for good."""
    mine = [
        rebuild
        for rebuild in rebuilds
        if rebuild.plan and rebuild.plan.key == launcher.wanted_key
    ]
    last = max(
        mine, key=lambda rebuild: (rebuild.completed_at, rebuild.id), default=None
    )
    return bool(last and last.failure and last.failure.kind.is_final)


def imported(
    receiver: Service, consumer: Service, launcher: Launcher, course: Course
) -> str:
    """Import the course's package inside a launcher's environment."""
    code = f"import {course.name}; print({course.name}.version)"
    command = [sys.executable, "-m", "service.cli", "--url", receiver.url, "launcher"]
    done = subprocess.run(
        [*command, "run", launcher.id, "python", "-c", code],
        env=consumer.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@asynccontextmanager
async def a_story(folder: Path, bus: str, seed: int) -> AsyncIterator[Story]:
    """Start every process, behind a network that can break, and two courses."""
    async with AsyncExitStack() as stack:
        given = URL(broker_url()) if bus == "rabbitmq" else None
        cluster = await stack.enter_async_context(
            a_cluster(folder, bus=str(given) if given else None)
        )
        proxies = [
            await behind_proxy(stack, cluster, name)
            for name in ("RELAUNCH_BUS", "RELAUNCH_DATABASE")
            if name in cluster.variables
        ]
        receiver = cluster.receiver("one", **HASTY)
        consumers = [cluster.consumer(name, **HASTY) for name in ("one", "two")]
        for process in (receiver, *consumers):
            process.launch()
        for process in (receiver, *consumers):
            await asyncio.to_thread(process.until, process.answers, "an answer", START)
        courses = [
            await asyncio.to_thread(a_course, receiver, folder, name)
            for name in ("algebra", "botany")
        ]
        yield Story(
            receiver=receiver,
            consumers=consumers,
            proxies=proxies,
            courses=courses,
            chance=random.Random(seed),
        )


async def behind_proxy(stack: AsyncExitStack, cluster: Cluster, name: str) -> Proxy:
    """Let every process reach a service through a proxy."""
    address = URL(cluster.variables[name])
    proxy = await stack.enter_async_context(proxy_to(address.port or USUAL[name]))
    cluster.variables[name] = str(address.with_port(proxy.port))
    return proxy


@pytest.mark.parametrize(
    "bus", [pytest.param("rabbitmq", marks=pytest.mark.rabbitmq), "table"]
)
async def test_once_it_is_calm_nobody_is_behind(tmp_path: Path, bus: str) -> None:
    seed = random.randrange(1_000_000)
    async with a_story(tmp_path, bus, seed) as story:
        direct = str(URL(story.consumers[0].environment["RELAUNCH_DATABASE"]))
        began = time.monotonic()
        try:
            await story.run()
        finally:
            print(f"seed {seed}: {story.told}")  # noqa: T201 - to tell it again
        async with open_database(direct, keys=[Secret(TEST_KEY)]) as database:
            verdict = Verdict(
                store=SqlStore(database),
                courses={item.launcher["source_id"]: item for item in story.courses},
            )
            calm_from = time.monotonic()
            await eventually(verdict.is_calm, "every launcher to be at its head", CALM)
            print(  # noqa: T201
                f"{calm_from - began:.1f} s of trouble, calm after "
                f"{time.monotonic() - calm_from:.1f} s"
            )
            await verdict.expect_images(story.receiver, story.consumers[0])
        for course in story.courses:
            for delivery in course.accepted:
                told = await story.ask("GET", f"/explanations?of={delivery}")
                assert told["evaluations"], f"{delivery} was never looked at"
        assert await story.ask("GET", "/dead_letters") == []
