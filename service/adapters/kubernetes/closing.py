"""Ending the connections of a client, those that were given up included.

A request that is given up closes its connection by a farewell that the server has to
answer, and nobody knows of the connection any more, aiohttp's connector neither. So
each is noted here when it is made.
https://docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown
"""

import asyncio
from typing import Final

from aiohttp import BaseConnector, ClientRequest, ClientTimeout
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

__all__ = ["Farewells"]

PATIENCE: Final = 0.5
"""Seconds; a server at work answers in a few milliseconds."""


class Farewells:
    """The connections of a connector that are not closed yet."""

    def __init__(self, connector: BaseConnector) -> None:
        self._open: dict[asyncio.Future[None], asyncio.WriteTransport] = {}
        self._connect = connector.connect
        # The library that makes the connector leaves no room for one of ours.
        connector.connect = self._noted  # type: ignore[method-assign]

    async def all_said(self) -> None:
        """Return when all are closed; who does not answer is cut off.

        To be called when the session is closed.
        """
        if not self._open:
            return
        await asyncio.wait(self._open, timeout=PATIENCE)
        for transport in self._open.values():
            transport.abort()
        if self._open:
            await asyncio.wait(self._open, timeout=PATIENCE)

    async def _noted(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109
    ) -> Connection:
        connection = await self._connect(req, traces, timeout)
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or not isinstance(transport, asyncio.WriteTransport):
            return connection
        closed = protocol.closed
        if closed is not None and closed not in self._open:
            self._open[closed] = transport
            closed.add_done_callback(self._forget)
        return connection

    def _forget(self, closed: asyncio.Future[None]) -> None:
        del self._open[closed]
        if not closed.cancelled():
            closed.exception()  # however it ended, it did
