"""A connection to the broker that is reopened whenever it is lost."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from typing import Final

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq import Channel, ConnectionClosed
from yarl import URL

from service.adapters.rabbitmq.confirms import ConfirmingConnection
from service.adapters.rabbitmq.errors import leave_quietly, translate_errors
from service.adapters.rabbitmq.sender import Sender
from service.adapters.rabbitmq.settings import Broker
from service.adapters.retry import with_retries
from service.errors import PermanentError, ServiceError, TransientError

__all__ = ["BrokerConnection", "OpenConnection", "open_connection"]

log = structlog.get_logger(__name__)

PAUSE: Final = timedelta(milliseconds=500)
"""The maximum of a random wait after a loss, so that not all processes connect to a
restarted broker at once."""

PROBE: Final = timedelta(seconds=5)
"""How often a node is asked for a sign of life. A node that hangs, or is cut off, keeps
what it delivered, and heartbeats notice it after half a minute only."""

CLOSE_WITHIN: Final = timedelta(seconds=5)
"""For an orderly close, which a broker that hangs does not answer, either."""

LEAVE_WITHIN: Final = timedelta(seconds=2)
"""For the answer to the close of a channel. A leader has three seconds to stop."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenConnection:
    """One connection and its publishing channel, until the connection is lost."""

    connection: ConfirmingConnection
    sender: Sender
    """For publishing."""
    lost: asyncio.Event = field(default_factory=asyncio.Event)


class BrokerConnection:
    """Keep a session open: when it is lost, the next one is opened.

    The bus makes two, for publishing and for consuming. Both survive every outage of
    the broker; unconfirmed messages and unsettled deliveries do not.

    Args:
        broker: The addresses and credentials of the broker.
        prepare: Called with every new connection before it is used, and with what it
            calls at each answer of the broker.
    """

    def __init__(
        self,
        *,
        broker: Broker,
        prepare: Callable[[AbstractConnection, Callable[[], None]], Awaitable[None]],
    ) -> None:
        self._broker = broker
        self._prepare = prepare
        # Goes on where it stopped: after a loss the next host is tried first, as the
        # one that was lost is probably still away.
        self._hosts = cycle(broker.addresses())
        self._host_count = len(broker.addresses())
        self._session: OpenConnection | None = None
        self._up = asyncio.Event()
        self._reason = "not connected yet"

    def session(self) -> OpenConnection:
        """Return the current session.

        Raises:
            TransientError: There is none; the message has the reason.
        """
        if self._session is None:
            raise TransientError(f"no connection to the broker: {self._reason}")
        return self._session

    async def connected(self) -> OpenConnection:
        """Wait for a session and return it."""
        while self._session is None:
            await self._up.wait()
        return self._session

    def discard(self, session: OpenConnection, *, why: str) -> None:
        """Drop a session that is open but does not answer."""
        if not session.lost.is_set():
            log.warning("broker connection given up", why=why)
            # Set and not closed here: callers are in the middle of a publish. `run`
            # closes it in the background and opens the next.
            session.lost.set()

    async def begin(self) -> None:
        """Try each host once, so that a wrong configuration fails the start.

        Raises:
            PermanentError: The address, the permissions or the queues are wrong.
        """
        try:
            self._enter(await self._open())
        except TransientError as exc:
            self._failed(str(exc))

    async def run(self) -> None:
        """Reopen the session whenever it is lost, until cancelled."""
        # The old connection is closed in the background: with a broker that hangs,
        # that takes until its time-out, and the next host may answer at once.
        async with asyncio.TaskGroup() as closing:
            closing.create_task(self._probe())
            while True:
                session = self._session or await self._reopen()
                await session.lost.wait()
                self._leave()
                closing.create_task(_close_connection(session.connection))
                await asyncio.sleep(random.uniform(0, PAUSE.total_seconds()))  # noqa: S311 - spreads load

    async def end(self) -> None:
        """Close the open session, after `run` was cancelled."""
        if self._session is not None:
            await _close_connection(self._session.connection)
            self._leave()

    async def _probe(self) -> None:
        """Give up sessions whose node does not answer, until cancelled."""
        # Opening a channel needs no queue and no other node: a cluster that is slow, or
        # has lost its majority, answers. To leave it would have messages redelivered,
        # which counts against their delivery limit.
        within = (self._broker.connect_within + CLOSE_WITHIN).total_seconds()
        while True:
            session = await self.connected()
            await asyncio.sleep(PROBE.total_seconds())
            try:
                async with asyncio.timeout(within), open_connection(session):
                    pass
            except TimeoutError:
                self.discard(session, why="no answer")
            except ServiceError as exc:
                log.info("broker connection not probed", error=str(exc))

    async def _reopen(self) -> OpenConnection:
        session = await with_retries(self._open, failed=self._failed)
        self._enter(session)
        log.info("broker connected", host=_format_host(session.connection))
        return session

    async def _open(self) -> OpenConnection:
        failures: list[ServiceError] = []
        for _ in range(self._host_count):
            try:
                return await self._open_at(next(self._hosts))
            except ServiceError as exc:
                failures.append(exc)
        # One host that may come back is reason enough to go on trying.
        transient = [exc for exc in failures if isinstance(exc, TransientError)]
        # A cluster of which one node refuses us (a user that is not replicated yet) may
        # be well on another.
        raise (transient or failures)[-1]

    async def _open_at(self, address: URL) -> OpenConnection:
        operation = f"connecting to {address.host}:{address.port}{address.path}"
        within = self._broker.connect_within.total_seconds()
        loop = asyncio.get_running_loop()
        with translate_errors(operation):
            connection = await aio_pika.connect(
                address,
                ssl_context=self._broker.tls(),
                timeout=within,
                connection_class=ConfirmingConnection,
            )
        try:
            async with asyncio.timeout(None) as limit:

                def answered() -> None:
                    limit.reschedule(
                        loop.time() + within + CLOSE_WITHIN.total_seconds()
                    )

                answered()
                # At every connection and not only at the first: a broker that was
                # restored from nothing has no queues, and events without a queue would
                # be refused for ever.
                # Limited for each answer and not as a whole: a cluster that is busy
                # takes its time over dozens of declarations, and giving up in the
                # middle, again and again, nobody would ever be connected.
                await self._prepare(connection, answered)
                return await _open_session(connection, operation=operation)
        except TimeoutError as exc:
            await _close_connection(connection)
            raise TransientError(f"{operation}: no answer in time") from exc
        except BaseException:
            await _close_connection(connection)
            raise

    def _enter(self, session: OpenConnection) -> None:
        self._session = session
        self._up.set()

    def _leave(self) -> None:
        if self._session is not None:
            # Fails what waits for a confirm now. Left alone, senders would wait for
            # their time-out although the channel is gone.
            self._session.sender.end()
        self._session = None
        self._reason = "it was lost and is being opened again"
        self._up.clear()

    def _failed(self, why: str) -> None:
        self._reason = why
        log.warning("broker not reached", error=why)


@asynccontextmanager
async def open_connection(session: OpenConnection) -> AsyncIterator[AbstractChannel]:
    """Open a new channel for the block."""
    with translate_errors("opening a channel"):
        channel = await session.connection.channel(on_return_raises=True)
    try:
        yield channel
    finally:
        with leave_quietly():
            async with asyncio.timeout(LEAVE_WITHIN.total_seconds()):
                await channel.close()


async def _open_session(
    connection: ConfirmingConnection, *, operation: str
) -> OpenConnection:
    with translate_errors(operation):
        channel = await connection.channel(on_return_raises=True)
        underlay = await channel.get_underlay_channel()
    if not isinstance(underlay, Channel):
        raise PermanentError(f"{operation}: {type(underlay)} is no channel we know")
    sender = Sender(underlay, confirms=connection.confirms)
    session = OpenConnection(connection=connection, sender=sender)

    def lost(*_: object) -> None:
        session.lost.set()

    connection.close_callbacks.add(lost)
    # A channel can be closed by the broker while its connection stays open, as for a
    # publish to an exchange that was deleted.
    underlay.closing.add_done_callback(lost)
    return session


async def _close_connection(connection: ConfirmingConnection) -> None:
    """Close a connection, by force when that takes too long."""
    # Not by a time limit around it: cancelled in the middle, the library ends no
    # channel of the connection, and who reads from one waits for ever.
    loop = asyncio.get_running_loop()
    force = loop.call_later(CLOSE_WITHIN.total_seconds(), connection.abort)
    try:
        with leave_quietly():
            await connection.close(ConnectionClosed(0, "given up"))
    finally:
        force.cancel()


def _format_host(connection: AbstractConnection) -> str:
    url = getattr(connection, "url", None)
    return f"{url.host}:{url.port}" if isinstance(url, URL) else ""
