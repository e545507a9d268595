"""The whole HTTP side over a world, on a port of its own."""

import asyncio
import socket
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from aiohttp import ClientSession, web
from prometheus_client import CollectorRegistry

from consumers.subscriptions import ROLES
from handlers.app import EVERYTHING, make_application
from handlers.page.keys import PageOptions
from handlers.route import Surface
from handlers.server import open_server
from handlers.webhooks.body import BodyReader
from handlers.webhooks.delivery_log import DeliveryLog
from handlers.webhooks.ingest import Receiver
from service.adapters.clock import SystemClock
from service.adapters.embedded_bus.bus import TableBus
from service.adapters.forge_api.hook_routing import RoutedForgeHooks
from service.adapters.git.remote import GitRemote
from service.domain.building.build import BuildId, Rebuild, RebuildId
from service.domain.building.waiting import Limits
from service.domain.hook import Secret
from service.events.envelope import Event
from service.metrics import Metrics
from service.ports.bus import Bus
from service.ports.forge_hooks import ForgeHooks
from service.ports.identity import NoSignInProvider, SignInProvider
from service.ports.time import Clock
from tests.support.databases import sqlite_database
from tests.support.nearby import NearbyRemote
from tests.support.sandbox import SANDBOX
from tests.support.world import World

TOKEN = "a-token-for-tests"
PUBLIC_URL = "https://relaunch.example"
OURS = frozenset(
    [
        "build_options",
        "builds",
        "dead_letters",
        "deliveries",
        "events",
        "explanations",
        "hooks",
        "session_launchers",
        "simulations",
        "sources",
    ]
)
"""What has more to it than Renku knows."""
NO_SIGN_IN = NoSignInProvider()
NO_FORGE_HOOKS = RoutedForgeHooks(open_api=lambda _: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    json: Any
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One server-sent event; a comment has no name."""

    name: str = ""
    data: str = ""
    id: str = ""


class Api:
    """What a test of the REST API holds in its hands."""

    def __init__(
        self,
        *,
        url: str,
        session: ClientSession,
        world: World,
        bus: Bus,
        deliveries: DeliveryLog,
    ) -> None:
        self.url = url
        self.added = 0
        """How many launchers were added: names differ."""
        self.session = session
        self.world = world
        self.bus = bus
        self._deliveries = deliveries

    async def write_log(self) -> None:
        """Have deliveries written down, as a shutdown does."""
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self._deliveries.run())
            await asyncio.sleep(0)
            running.cancel()

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call the API, with the token unless headers say otherwise.

        A path without its root is one of ours, or of Renku's where we have none.
        """
        where = path if path.startswith("/api/") else root_of(path) + path
        return await self.bare(
            method, where, body, data=data, headers=_with_token(headers)
        )

    async def bare(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        data: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call any path with these headers only."""
        content = {"json": body} if body is not None else {"data": data}
        async with self.session.request(
            method, self.url + path, headers=headers, **content
        ) as response:
            is_json = response.content_type == "application/json"
            return Answer(
                status=response.status,
                json=await response.json() if is_json else None,
                headers=response.headers.copy(),
                text=await response.text(errors="replace"),
            )

    async def get(self, path: str) -> Any:
        """Read what has to be there."""
        answer = await self.call("GET", path)
        assert answer.status == 200, answer
        return answer.json

    async def add_launcher(self, repository: str, **fields: object) -> Any:
        """Add a launcher; `environment` holds what its environment has besides."""
        environment = {
            "repository": repository,
            "builder_variant": "python",
            "frontend_variant": "none",
            "environment_image_source": "build",
        }
        more = fields.pop("environment", {})
        assert isinstance(more, dict)
        name = f"course-{self.added}" if self.added else "course"
        self.added += 1
        body = {"name": name, "environment": environment | more} | fields
        answer = await self.call("POST", "/session_launchers", body)
        assert answer.status == 201, answer
        return answer.json

    async def add_built_launcher(self, repository: str, **fields: object) -> Any:
        """Add a launcher and see its first build through."""
        made = await self.add_launcher(repository, **fields)
        await self.world.settle()
        if self.world.builder.running:
            self.world.builder.succeed()
        await self.world.settle()
        return await self.get(f"/session_launchers/{made['id']}")

    @asynccontextmanager
    async def stream(
        self, path: str, *, after: str = ""
    ) -> AsyncIterator[AsyncIterator[Told]]:
        """Open a stream of server-sent events."""
        headers = _with_token({"Last-Event-ID": after} if after else None)
        async with self.session.get(
            f"{self.url}/api/relaunch{path}", headers=headers
        ) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            yield read_events(response.content)

    async def log(self, rebuild: str, *lines: str, phase: str = "build") -> None:
        """Have the build of a rebuild say something."""
        build = await self.build_of(rebuild)
        async with self.world.store.transaction() as tx:
            await tx.logs.append(build, phase, lines)

    async def build_of(self, rebuild: str) -> BuildId:
        found = await self.rebuild(rebuild)
        assert found.build_id is not None
        return found.build_id

    async def rebuild(self, rebuild: str) -> Rebuild:
        async with self.world.store.reading() as tx:
            return await tx.rebuilds.get(RebuildId(rebuild))

    async def spooled(self) -> list[Event]:
        """Return the events that wait in the outbox."""
        async with self.world.store.reading() as tx:
            return [event for _, event in await tx.outbox.peek(limit=100)]


def root_of(path: str) -> str:
    """Return below which root a path of the API is asked for in tests."""
    first, *_, last = path.partition("?")[0].strip("/").split("/") * 2
    is_ours = (first in OURS or last == "builds") and last != "logs"
    return "/api/relaunch" if is_ours else "/api/data"


def _with_token(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}", **(headers or {})}


async def read_events(content: AsyncIterable[bytes]) -> AsyncIterator[Told]:
    fields: dict[str, str] = {}
    async for raw in content:
        line = raw.decode().rstrip("\n")
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
            continue
        yield Told(
            name=fields.get("event", ""),
            data=fields.get("data", ""),
            id=fields.get("id", ""),
        )
        fields = {}


@asynccontextmanager
async def serving(
    world: World,
    bus: Bus,
    *,
    clock: Clock | None = None,
    forge_hooks: ForgeHooks = NO_FORGE_HOOKS,
    is_reachable: bool = False,
    sign_in: SignInProvider = NO_SIGN_IN,
    parts: frozenset[Surface] = EVERYTHING,
    **told: Any,
) -> AsyncIterator[Api]:
    """Serve a world.

    Args:
        world: The state, and the consumers that work on it.
        bus: Followed by listeners, and home of dead letters.
        clock: What the HTTP side goes by; the world's when not given.
        forge_hooks: Hooks at forges; no token is known unless given.
        is_reachable: Whether forges are told the address that is served here, and
            no made-up one.
        sign_in: Where people sign in on the page, besides.
        parts: What is served.
        told: What else the application is told.
    """
    address = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{address.getsockname()[1]}"
    clock = clock or world.clock
    metrics = Metrics(registry=CollectorRegistry())
    deliveries = DeliveryLog(store=world.store, clock=clock, metrics=metrics, keep=100)
    app = _application(
        world,
        bus,
        clock,
        parts,
        log=deliveries,
        forge_hooks=forge_hooks,
        sign_in=sign_in,
        public_url=url if is_reachable else PUBLIC_URL,
        **told,
    )
    async with (
        open_server(app, sockets=[address], shutdown_seconds=5),
        ClientSession() as session,
    ):
        yield Api(
            url=url,
            session=session,
            world=world,
            bus=bus,
            deliveries=deliveries,
        )


@asynccontextmanager
async def a_table_bus(folder: Path) -> AsyncIterator[TableBus]:
    """Open a bus on a database of its own."""
    async with sqlite_database(folder / "bus.db") as database:
        yield TableBus(database, roles=ROLES, clock=SystemClock())


def _application(
    world: World,
    bus: Bus,
    clock: Clock,
    parts: frozenset[Surface],
    *,
    log: DeliveryLog,
    forge_hooks: ForgeHooks,
    sign_in: SignInProvider,
    public_url: str,
    **told: Any,
) -> web.Application:
    metrics = Metrics(registry=CollectorRegistry())
    return make_application(
        store=world.store,
        bus=bus,
        remote=NearbyRemote(
            world.remote,
            branches=GitRemote(environment={}, allow_files=True),
            is_silent=lambda: world.is_forge_silent,
        ),
        anonymous_remote=NearbyRemote(
            world.anonymous_remote,
            branches=world.anonymous_remote,
            is_silent=lambda: world.is_forge_silent,
        ),
        sandbox=SANDBOX,
        forge_hooks=forge_hooks,
        builder=world.builder,
        clock=clock,
        ids=world.ids,
        metrics=metrics,
        receiver=Receiver(
            store=world.store,
            bus=bus,
            clock=clock,
            ids=world.ids,
            metrics=metrics,
            log=log,
            sandbox=SANDBOX,
        ),
        bodies=BodyReader(deadline=timedelta(seconds=8), big_at_once=2),
        public_url=public_url,
        token=Secret(TOKEN),
        version="1.2.3",
        page=PageOptions(public_url=public_url, sign_in=sign_in),
        limits=Limits(caps=world.caps, attempts=3),
        parts=parts,
        **told,
    )
