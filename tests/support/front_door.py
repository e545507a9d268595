"""The receiving side of the real application, on a port of its own."""

import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from aiohttp import ClientSession
from prometheus_client import CollectorRegistry

from handlers.app import make_application
from handlers.server import open_server
from handlers.webhooks.body import BodyReader
from handlers.webhooks.delivery_log import DeliveryLog
from handlers.webhooks.ingest import Receiver
from service.adapters.store import SqlStore
from service.domain.hook import Hook, Secret
from service.domain.repository import Repository
from service.domain.source import Revision, Source, SourceId
from service.events.envelope import Event, data_of
from service.events.models import PushReceived
from service.metrics import Metrics
from tests.support.clock import NOW, TurnedClock
from tests.support.databases import sqlite_database
from tests.support.deliveries import COURSE, Post
from tests.support.ids import CountedIds
from tests.support.memory import BreakableStore, MemoryBus
from tests.support.sandbox import SANDBOX


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    json: Any
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoor:
    """What a test of the receiver holds in its hands."""

    port: int
    session: ClientSession
    store: BreakableStore
    bus: MemoryBus
    clock: TurnedClock
    registry: CollectorRegistry
    log: DeliveryLog

    async def post(self, hook: Hook | str, post: Post, *, forge: str = "") -> Answer:
        """Deliver; a hook's own endpoint unless a forge is given."""
        hook_id = hook if isinstance(hook, str) else hook.id
        forge = forge or ("github" if isinstance(hook, str) else hook.forge.value)
        path = f"/webhooks/{forge}/{hook_id}"
        body = io.BytesIO(post.body)
        return await self.request("POST", path, data=body, headers=post.headers)

    async def request(self, method: str, path: str, **more: Any) -> Answer:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.session.request(method, url, **more) as response:
            is_json = response.content_type == "application/json"
            return Answer(
                status=response.status,
                json=await response.json() if is_json else None,
                headers=dict(response.headers),
                body=await response.read(),
            )

    async def add_hook(self, hook: Hook) -> Hook:
        async with self.store.transaction() as tx:
            await tx.hooks.add(hook)
        return hook

    async def save_hook(self, hook: Hook) -> None:
        async with self.store.transaction() as tx:
            await tx.hooks.save(hook)

    async def hook(self, hook: Hook) -> Hook:
        async with self.store.reading() as tx:
            return await tx.hooks.get(hook.id)

    async def track(
        self, revision: str | None = None, repository: Repository = COURSE
    ) -> Source:
        """Follow a revision, as adding a launcher does."""
        source = Source(
            id=SourceId(f"source-{revision}-{repository.path}"),
            repository=repository,
            revision=Revision.from_text(revision),
            context_dir="",
            created_at=NOW,
        )
        async with self.store.transaction() as tx:
            return await tx.sources.find_or_add(source)

    @property
    def pushes(self) -> list[PushReceived]:
        return [
            event_data
            for event_data in map(data_of, self.bus.events)
            if isinstance(event_data, PushReceived)
        ]

    async def spooled(self) -> list[Event]:
        async with self.store.reading() as tx:
            return [event for _, event in await tx.outbox.peek(limit=100)]

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def front_door(
    folder: Path,
    *,
    read_deadline: timedelta = timedelta(seconds=8),
    budget: timedelta = timedelta(seconds=5),
    big_at_once: int = 2,
) -> AsyncIterator[FrontDoor]:
    """Open the door over a real database in a folder."""
    async with sqlite_database(folder / "relaunch.db") as database:
        store = BreakableStore(SqlStore(database))
        bus, clock, registry = MemoryBus(), TurnedClock(), CollectorRegistry()
        counters = Metrics(registry=registry)
        log = DeliveryLog(store=store, clock=clock, metrics=counters, keep=100)
        nothing = cast("Any", None)  # neither remotes nor builders are asked here
        app = make_application(
            store=store,
            bus=bus,
            remote=nothing,
            anonymous_remote=nothing,
            sandbox=nothing,
            forge_hooks=nothing,
            builder=nothing,
            clock=clock,
            ids=CountedIds(),
            metrics=counters,
            receiver=Receiver(
                store=store,
                bus=bus,
                clock=clock,
                ids=CountedIds(),
                metrics=counters,
                log=log,
                sandbox=SANDBOX,
                budget=budget,
                big_at_once=big_at_once,
            ),
            bodies=BodyReader(deadline=read_deadline, big_at_once=big_at_once),
            public_url="http://127.0.0.1",
            token=Secret("a token"),
            version="0",
        )
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        async with (
            open_server(app, sockets=[listening], shutdown_seconds=5),
            ClientSession() as session,
        ):
            yield FrontDoor(
                port=port,
                session=session,
                store=store,
                bus=bus,
                clock=clock,
                registry=registry,
                log=log,
            )
