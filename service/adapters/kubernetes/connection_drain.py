"""Close all connections of a client, including those of cancelled requests.

A cancelled request starts the TLS shutdown of its connection, which the server has to
answer, and aiohttp's connector forgets the connection at once: closing the session
does not wait for it. So each connection is tracked from its creation.
https://docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown
"""

import asyncio
from typing import Final

from aiohttp import BaseConnector, ClientRequest, ClientTimeout
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

__all__ = ["ConnectionDrain"]

PATIENCE: Final = 0.5
"""Seconds; a live server answers within milliseconds."""


class ConnectionDrain:
    """The connections of a connector that are not closed yet.

    Each client has one, from its opening to its closing.
    """

    def __init__(self, connector: BaseConnector) -> None:
        self._open: dict[asyncio.Future[None], asyncio.WriteTransport] = {}
        self._connect = connector.connect
        # kubernetes-asyncio creates the connector itself and offers no way to pass one
        # of ours, so its method is replaced.
        connector.connect = self._connect_tracked  # type: ignore[method-assign]

    async def drain(self) -> None:
        """Wait until all are closed; abort those whose server does not answer.

        Call it after the session is closed.
        """
        if not self._open:
            return
        # A bounded wait: aiohttp's own protocol objects are falsy while nothing is
        # queued in them, so a test of truth here once skipped the wait altogether.
        await asyncio.wait(self._open, timeout=PATIENCE)
        for transport in self._open.values():
            transport.abort()
        if self._open:
            await asyncio.wait(self._open, timeout=PATIENCE)

    async def _connect_tracked(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109
    ) -> Connection:
        connection = await self._connect(req, traces, timeout)
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            return connection
        closed = protocol.closed
        if closed is not None and closed not in self._open:
            self._open[closed] = transport
            closed.add_done_callback(self._untrack)
        return connection

    def _untrack(self, closed: asyncio.Future[None]) -> None:
        del self._open[closed]
        if not closed.cancelled():
            closed.exception()  # retrieved, or asyncio logs it as never retrieved
