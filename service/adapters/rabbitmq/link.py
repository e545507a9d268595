"""A connection to the broker that comes back by itself."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from typing import Final

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq import Channel, ConnectionClosed
from yarl import URL

from service.adapters.rabbitmq.broker import Broker
from service.adapters.rabbitmq.confirms import ConfirmingConnection
from service.adapters.rabbitmq.failures import LOST, translated
from service.adapters.rabbitmq.sender import Sender
from service.adapters.retry import patiently
from service.errors import PermanentError, ServiceError, TransientError

__all__ = ["Link", "Session", "opened"]

log = structlog.get_logger(__name__)

PAUSE: Final = timedelta(milliseconds=500)
"""At most this long after a loss, each at a moment of its own: a restarted broker is
not run over by all of us at once, nor one that drops us again and again."""

CLOSE_WITHIN: Final = timedelta(seconds=5)
"""A broker that does not answer does not answer a farewell either."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Session:
    """One connection while it lasts; what is lost with it is not brought back."""

    connection: AbstractConnection
    sender: Sender
    """For publishing."""
    lost: asyncio.Event = field(default_factory=asyncio.Event)


class Link:
    """Keeps a session: when it is lost, the next one is opened.

    Args:
        broker: Where.
        prepare: Done with every new connection before anyone else may use it.
    """

    def __init__(
        self,
        *,
        broker: Broker,
        prepare: Callable[[AbstractConnection], Awaitable[None]],
    ) -> None:
        self._broker = broker
        self._prepare = prepare
        self._hosts = cycle(broker.addresses())
        self._host_count = len(broker.addresses())
        self._session: Session | None = None
        self._up = asyncio.Event()
        self._why = "not connected yet"

    def session(self) -> Session:
        """Return the present session.

        Raises:
            TransientError: There is none, for the reason given.
        """
        if self._session is None:
            raise TransientError(f"no connection to the broker: {self._why}")
        return self._session

    async def connected(self) -> Session:
        """Return a session, when there is one."""
        while self._session is None:
            await self._up.wait()
        return self._session

    def discard(self, session: Session, *, why: str) -> None:
        """Give a session up that looks alive and does not answer."""
        if not session.lost.is_set():
            log.warning("broker connection given up", why=why)
            session.lost.set()

    async def begin(self) -> None:
        """Try each host once, so that a start can fail for a reason.

        Raises:
            PermanentError: A person has to mend the address, the permissions or the
                queues first.
        """
        try:
            self._enter(await self._open())
        except TransientError as exc:
            self._failed(str(exc))

    async def run(self) -> None:
        """Keep the session, until cancelled."""
        async with asyncio.TaskGroup() as farewells:
            while True:
                session = self._session or await self._reopen()
                await session.lost.wait()
                self._leave()
                farewells.create_task(_farewell(session.connection))
                await asyncio.sleep(random.uniform(0, PAUSE.total_seconds()))  # noqa: S311 - spreads load

    async def end(self) -> None:
        """Close what is left, after `run` was cancelled."""
        if self._session is not None:
            await _farewell(self._session.connection)
            self._leave()

    async def _reopen(self) -> Session:
        session = await patiently(self._open, failed=self._failed)
        self._enter(session)
        log.info("broker connected", host=_place(session.connection))
        return session

    async def _open(self) -> Session:
        failures: list[ServiceError] = []
        for _ in range(self._host_count):
            try:
                return await self._open_at(next(self._hosts))
            except ServiceError as exc:
                failures.append(exc)
        transient = [exc for exc in failures if isinstance(exc, TransientError)]
        raise (transient or failures)[-1]

    async def _open_at(self, address: URL) -> Session:
        doing = f"connecting to {address.host}:{address.port}{address.path}"
        within = self._broker.connect_within.total_seconds()
        with translated(doing):
            connection = await aio_pika.connect(
                address,
                ssl_context=self._broker.tls(),
                timeout=within,
                connection_class=ConfirmingConnection,
            )
        try:
            async with asyncio.timeout(within + CLOSE_WITHIN.total_seconds()):
                await self._prepare(connection)
                return await _begin(connection, doing=doing)
        except TimeoutError as exc:
            await _farewell(connection)
            raise TransientError(f"{doing}: no answer in time") from exc
        except BaseException:
            await _farewell(connection)
            raise

    def _enter(self, session: Session) -> None:
        self._session = session
        self._up.set()

    def _leave(self) -> None:
        if self._session is not None:
            self._session.sender.end()
        self._session = None
        self._why = "it was lost and is being opened again"
        self._up.clear()

    def _failed(self, why: str) -> None:
        self._why = why
        log.warning("broker not reached", error=why)


@asynccontextmanager
async def opened(session: Session) -> AsyncIterator[AbstractChannel]:
    """Open a channel of one's own; close it at the end of the block."""
    with translated("opening a channel"):
        channel = await session.connection.channel(on_return_raises=True)
    try:
        yield channel
    finally:
        with suppress(*LOST):
            async with asyncio.timeout(CLOSE_WITHIN.total_seconds()):
                await channel.close()


async def _begin(connection: ConfirmingConnection, *, doing: str) -> Session:
    with translated(doing):
        channel = await connection.channel(on_return_raises=True)
        underlay = await channel.get_underlay_channel()
    if not isinstance(underlay, Channel):
        raise PermanentError(f"{doing}: {type(underlay)} is no channel we know")
    sender = Sender(underlay, confirms=connection.confirms)
    session = Session(connection=connection, sender=sender)

    def lost(*_: object) -> None:
        session.lost.set()

    connection.close_callbacks.add(lost)
    underlay.closing.add_done_callback(lost)
    return session


async def _farewell(connection: AbstractConnection) -> None:
    with suppress(*LOST):
        async with asyncio.timeout(CLOSE_WITHIN.total_seconds()):
            await connection.close(ConnectionClosed(0, "given up"))


def _place(connection: AbstractConnection) -> str:
    url = getattr(connection, "url", None)
    return f"{url.host}:{url.port}" if isinstance(url, URL) else ""
