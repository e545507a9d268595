"""What is measured on: a database and hooks of the bench's own; gone afterwards."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import aio_pika
import asyncpg
from aio_pika import DeliveryMode
from yarl import URL

from bench.baselines import SECRET
from bench.load import CONNECTIONS
from bench.payloads import MOMENT, Request, requests
from consumers.subscriptions import EVALUATION
from service.adapters.store import SqlStore, open_database
from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId, Proof, Secret
from service.domain.repository import Repository
from service.domain.source import Revision, Source, SourceId

__all__ = [
    "BASELINE",
    "KEY",
    "Subject",
    "a_database",
    "fill",
    "purge",
    "subjects",
    "wait_in_queue",
]

KEY: Final = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""Encrypts the hooks' secrets, as in production."""
BASELINE: Final = "baseline"
"""The exchange and the queue of the baseline."""
REPOSITORIES: Final = 20
STORM: Final = 32
"""Connections that pushes of one ref come over; at the peak, a closed loop of them."""
AT_ONCE: Final = 500
"""Messages that are published at a time when a queue is filled."""
MESSAGE: Final = 1024
"""Bytes of one: as many as the event of a push."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something to measure: which requests, against which server."""

    name: str
    server: str
    requests: Sequence[Request]
    connections: int = CONNECTIONS


@asynccontextmanager
async def a_database(server: str) -> AsyncIterator[str]:
    """Make a database on a PostgreSQL; drop it after the block."""
    name = f"relaunch_bench_{uuid.uuid4().hex[:8]}"
    await _run(server, f"CREATE DATABASE {name}")
    try:
        yield str(URL(server).with_path(f"/{name}"))
    finally:
        await _run(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _run(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def fill(database: str) -> None:
    """Add hooks, and sources that follow `main`."""
    async with (
        open_database(database, keys=[Secret(KEY)]) as opened,
        SqlStore(opened).transaction() as tx,
    ):
        for number in range(1, REPOSITORIES + 1):
            await tx.hooks.add(_hook(number))
            await tx.sources.find_or_add(_source(number))


def subjects() -> Sequence[Subject]:
    """Return what is measured, ours beside the baseline that it is compared with."""
    return (
        _ours("tracked", "refs/heads/main"),
        _theirs("baseline, publish", "/publish"),
        replace(
            _ours("one ref", "refs/heads/main", repositories=1),
            connections=STORM,
        ),
        _ours("untracked", "refs/heads/topic"),
        _theirs("baseline, verify", "/verify"),
    )


async def purge(amqp: str) -> None:
    """Empty the queues that pushes go to: nobody consumes here."""
    connection = await aio_pika.connect(amqp)
    async with connection, connection.channel() as channel:
        for name in (BASELINE, f"relaunch.{EVALUATION.name}"):
            queue = await channel.get_queue(name)
            await queue.purge()


async def wait_in_queue(amqp: str, count: int) -> None:
    """Leave messages in the queue of pushes, as after hours without a consumer."""
    connection = await aio_pika.connect(amqp)
    async with connection, connection.channel() as channel:
        name = f"relaunch.{EVALUATION.name}"
        await channel.get_queue(name)
        for begin in range(0, count, AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, count - begin)):
                    message = aio_pika.Message(
                        b"x" * MESSAGE, delivery_mode=DeliveryMode.PERSISTENT
                    )
                    group.create_task(
                        channel.default_exchange.publish(message, routing_key=name)
                    )


def _ours(name: str, ref: str, *, repositories: int = REPOSITORIES) -> Subject:
    hooks = [_hook(number) for number in range(1, repositories + 1)]
    return Subject(
        name=name,
        server="relaunch",
        requests=_mixed(
            requests(
                f"/webhooks/github/{hook.id}", hook.repository, ref, hook.secrets[0]
            )
            for hook in hooks
        ),
    )


def _theirs(name: str, path: str) -> Subject:
    secret = Secret(SECRET.decode())
    everyone = (_hook(number).repository for number in range(1, REPOSITORIES + 1))
    return Subject(
        name=name,
        server="baselines",
        requests=_mixed(
            requests(path, repository, "refs/heads/main", secret)
            for repository in everyone
        ),
    )


def _mixed(groups: Iterable[Sequence[Request]]) -> Sequence[Request]:
    """Take one of each in turn: strangers do not queue by repository."""
    return [request for turn in zip(*groups, strict=True) for request in turn]


def _hook(number: int) -> Hook:
    return Hook(
        id=HookId(f"hook-{number}"),
        forge=Forge.GITHUB,
        proof=Proof.HMAC,
        repository=Repository(
            host="github.com",
            path=f"university/course-{number}",
            url=f"https://github.com/university/course-{number}.git",
            number=700_000_000 + number,
        ),
        secrets=(Secret(f"secret of hook {number}"),),
        created_at=MOMENT,
    )


def _source(number: int) -> Source:
    return Source(
        id=SourceId(f"source-{number}"),
        repository=_hook(number).repository,
        revision=Revision.from_text("refs/heads/main"),
        context_dir="",
        created_at=MOMENT,
    )
