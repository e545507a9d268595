"""A client leaves no connection behind, whatever the server does."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from aiohttp import ClientSession, TCPConnector

from service.adapters.kubernetes.connection_drain import ConnectionDrain
from tests.support.loops import EITHER_LOOP
from tests.support.tls import Certificates


@asynccontextmanager
async def deaf_server(
    certificates: Certificates, heard: asyncio.Event
) -> AsyncIterator[int]:
    """Hear one request over TLS and nothing after it, no farewell either."""
    over = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        cast("asyncio.Transport", writer.transport).pause_reading()
        heard.set()
        await over.wait()
        writer.transport.abort()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.server_key)
    server = await asyncio.start_server(hear, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
        over.set()
        await asyncio.sleep(0.05)


@EITHER_LOOP
def test_what_was_given_up_is_closed_though_nobody_answers(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(give_up(tmp_path))


async def give_up(tmp_path: Path) -> None:
    """Cancel a request that nobody answers; see what is left of its connection."""
    certificates, heard = Certificates.made_in(tmp_path), asyncio.Event()
    trusted = ssl.create_default_context(cafile=certificates.ca)
    sockets: list[socket.socket] = []

    def noted(address: tuple[int, int, int, str, object]) -> socket.socket:
        sockets.append(socket.socket(*address[:3]))
        return sockets[-1]

    connector = TCPConnector(ssl=trusted, socket_factory=noted)
    connections = ConnectionDrain(connector)
    async with (
        deaf_server(certificates, heard) as port,
        ClientSession(f"https://127.0.0.1:{port}", connector=connector) as session,
        asyncio.TaskGroup() as group,
    ):
        request = group.create_task(session.get("/"))
        await heard.wait()
        request.cancel()
        await asyncio.wait([request])
        await session.close()
        await asyncio.sleep(0.05)
        is_left_open = sockets[0].fileno() != -1

        await connections.drain()

        assert is_left_open
        assert [sock.fileno() for sock in sockets] == [-1]


async def test_a_client_that_asked_nothing_has_nothing_to_close() -> None:
    async with ClientSession() as session:
        assert session.connector is not None

        await ConnectionDrain(session.connector).drain()
