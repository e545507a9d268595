"""An installation as the chart makes one, in processes, with its monitoring.

    forge ─▶ receiver ─▶ RabbitMQ ─▶ consumer        each an instance of its own, which
                    API ─▶ PostgreSQL ◀─┘            drills take away
    Prometheus ─▶ all three, with the chart's rules

Names are those of a release `relaunch` in the namespace `apps`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from service.adapters.store.database.maintenance import upgrade_database
from tests.docs.operators import Operator
from tests.support.broker import OwnBroker, free_port, greets, own_broker
from tests.support.cluster import SHARED
from tests.support.courses import Course
from tests.support.drills.dashboard import NAMESPACE, Dashboard, chart_monitoring
from tests.support.drills.index import Index, an_index
from tests.support.drills.prometheus import Prometheus, a_prometheus, in_drill_time
from tests.support.engines.network import a_network
from tests.support.engines.postgresql import (
    DatabaseServer,
    a_database_server,
    url_of,
)
from tests.support.forge import Forge, HostedRepo, a_forge
from tests.support.repos import Content
from tests.support.service import START, Service
from tests.support.stream import eventually
from tests.support.wheels import a_wheel

__all__ = ["Installation", "an_installation", "environment"]

ROLES: Final = {
    "receivers": "receive --webhooks-only",
    "api": "api",
    "consumers": "consume",
}
BUILT_WITHIN: Final = 30.0
_HASTY: Final = {
    "RELAUNCH_HOOK_CHECK_INTERVAL": "1s",
    "RELAUNCH_RECEIVE_PUBLISH_DEADLINE": "1s",
    "PIP_RETRIES": "0",
}
"""What an operator waits minutes for."""


@dataclass(kw_only=True)
class Installation:
    """What runs, and who operates it."""

    forge: Forge
    index: Index
    broker: OwnBroker
    database: DatabaseServer
    prometheus: Prometheus
    dashboard: Dashboard
    operator: Operator
    processes: Mapping[str, Service] = field(default_factory=dict)

    @property
    def receiver(self) -> Service:
        return self.processes["receivers"]

    @property
    def api(self) -> Service:
        return self.processes["api"]

    @property
    def consumer(self) -> Service:
        return self.processes["consumers"]

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        return await asyncio.to_thread(self.api.api, method, path, body)

    async def start(self, *roles: str) -> None:
        """Start those processes that do not run; return when they answer."""
        processes = [self.processes[role] for role in roles]
        started = [process for process in processes if not process.is_running]
        for process in started:
            process.launch()
        for process in started:
            await asyncio.to_thread(process.until, process.answers, "an answer", START)

    async def restart(self, *roles: str, **settings: str) -> None:
        """Give processes other settings, as a rolled out change of values does."""
        for role in roles:
            process = self.processes[role]
            await asyncio.to_thread(process.stop)
            for name, text in settings.items():
                process.set(name, text)
        await self.start(*roles)

    def start_broker(self) -> None:
        """Start the broker, unless it answers; it blocks."""
        if not greets(self.broker.port):
            self.broker.leave()
            self.broker.start()

    def start_database(self) -> None:
        """Start the database, unless it answers; it blocks."""
        if not self.database.answers():
            self.database.kill()
            self.database.start()

    async def take_token(self, token: str) -> None:
        """Let whatever asks the forge have a token that it knows, with all rights."""
        self.forge.token = token
        self.forge.tokens.add(token, "owner", is_owner=True)
        given = f"{self.forge.host}={token}"
        roles = [
            role
            for role in ("consumers", "api")
            if self.processes[role].environment["RELAUNCH_FORGE_TOKENS"] != given
        ]
        await self.restart(*roles, RELAUNCH_FORGE_TOKENS=given)

    async def drop_dead_letters(self) -> None:
        """Drop what nobody could handle, as the runbook says."""
        listed = await self.operator.run("relaunch dead-letters list -o json")
        for letter in json.loads(listed):
            await self.operator.run(f"relaunch dead-letters drop {letter['id']} --yes")

    async def restore(self) -> None:
        """Put everything back that a drill which failed may have left."""
        self.index.serve()
        await asyncio.to_thread(self.start_broker)
        await asyncio.to_thread(self.start_database)
        await self.start(*ROLES)
        await self.take_token(self.forge.token)
        await self.drop_dead_letters()

    async def follow(self, name: str) -> tuple[HostedRepo, Course]:
        """Follow a new repository with a hook that the forge has."""
        repo = self.forge.create(f"uni/{name}", files=environment(name, 1))
        launcher = await asyncio.to_thread(self.api.follow, repo.url, name)
        about = {"repository": repo.url, "forge": "github", "paste": True}
        hook = await self.ask("POST", "/hooks", about)
        where = f"{self.receiver.url}/webhooks/github/{hook['id']}"
        made = self.forge.hooks.add(where, repository=repo.number)
        made.secret = hook["secret"]
        course = Course(name=name, repo=repo.bare, launcher=launcher, hook=hook)
        await self.until_current(course)
        return repo, course

    async def push(self, repo: HostedRepo, files: Mapping[str, Content]) -> None:
        """Push, and have the forge deliver it."""
        await repo.push(files)
        await self.forge.settled()

    async def running_build(self) -> str:
        """Wait until something is being built; return its id."""
        found: list[str] = []

        async def is_any() -> bool:
            builds = await self.ask("GET", "/builds?limit=5")
            found[:] = [build["id"] for build in builds if build["state"] == "running"]
            return bool(found)

        await eventually(is_any, "a build to run", BUILT_WITHIN)
        return found[0]

    async def until_current(self, course: Course) -> None:
        """Wait until the launcher starts from what its branch defines."""
        path = f"/session_launchers/{course.launcher['id']}"

        async def is_current() -> bool:
            launcher = await self.ask("GET", path)
            seen = f"/sources/{launcher['source_id']}/evaluations"
            (evaluation, *_) = await self.ask("GET", seen) or [{}]
            is_seen = evaluation.get("commit") == course.repo.tip()
            return bool(is_seen and launcher["generation"]) and not launcher["outdated"]

        await eventually(is_current, f"{course.name} to be current", BUILT_WITHIN)


def environment(name: str, version: int) -> dict[str, Content]:
    """Return a definition that needs nothing but the repository."""
    wheel = f"wheels/{name}-{version}.0-py3-none-any.whl"
    return {"requirements.txt": f"./{wheel}\n", wheel: a_wheel(name, f"{version}.0")}


@asynccontextmanager
async def an_installation(folder: Path) -> AsyncIterator[Installation]:
    """Start everything; kill it in the end."""
    rules, panels = chart_monitoring()
    async with AsyncExitStack() as stack:
        prometheus = stack.enter_context(
            a_prometheus(_made(folder / "prometheus"), in_drill_time(rules))
        )
        network = stack.enter_context(a_network())
        database = stack.enter_context(a_database_server(network))
        await upgrade_database(url_of(database))
        broker = stack.enter_context(own_broker(_made(folder / "rabbitmq")))
        forge = await stack.enter_async_context(
            a_forge(folder / "forge", vendor="github")
        )
        found = Installation(
            forge=forge,
            index=await stack.enter_async_context(an_index()),
            broker=broker,
            database=database,
            prometheus=prometheus,
            dashboard=Dashboard(panels, prometheus),
            operator=Operator(folder=_made(folder / "operator"), names={}),
        )
        found.processes = _processes(found, folder)
        for process in found.processes.values():
            stack.callback(process.kill)
        await found.start(*ROLES)
        for role, process in found.processes.items():
            job = f"relaunch-{role}"
            prometheus.watch(process.url, job=job, namespace=NAMESPACE, pod=f"{job}-0")
        found.operator.names = {"relaunch ": f"relaunch --url {found.api.url} "}
        found.operator.settings = {"RELAUNCH_TOKEN": SHARED["RELAUNCH_TOKEN"]}
        yield found


def _processes(found: Installation, folder: Path) -> dict[str, Service]:
    # Targets stay where they are over restarts, as pods behind a Service do.
    listen = {role: f"127.0.0.1:{free_port()}" for role in ROLES}
    settings = {
        **SHARED,
        **_HASTY,
        "PIP_INDEX_URL": found.index.url,
        "RELAUNCH_DATABASE": url_of(found.database),
        "RELAUNCH_BUS": found.broker.url,
        "RELAUNCH_PUBLIC_URL": f"http://{listen['receivers']}",
        "RELAUNCH_FORGE_KINDS": json.dumps({found.forge.host: "github"}),
        "RELAUNCH_FORGE_TOKENS": f"{found.forge.host}={found.forge.token}",
    }
    return {
        role: Service(
            folder / role, role=command, **settings, RELAUNCH_LISTEN=listen[role]
        )
        for role, command in ROLES.items()
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
