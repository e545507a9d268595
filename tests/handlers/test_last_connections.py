"""Who is connected when the server stops is answered, and not cut off."""

import asyncio
import socket
import threading

from aiohttp import web

from handlers.server import open_server

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
PATIENCE = 10.0


async def answer(request: web.Request) -> web.Response:
    del request
    return web.Response(text="here")


def an_application() -> web.Application:
    application = web.Application()
    application.router.add_get("/", answer)
    return application


def a_socket() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def connected(listening: socket.socket, *, sent: bytes = b"") -> socket.socket:
    """Connect, while the loop does nothing."""
    client = socket.create_connection(listening.getsockname(), timeout=PATIENCE)
    client.sendall(sent)
    return client


def received(client: socket.socket) -> bytes:
    with client:
        whole = b""
        while part := client.recv(4096):
            whole += part
        return whole


async def test_who_waits_to_be_accepted_is_answered() -> None:
    listening = a_socket()
    async with open_server(an_application(), sockets=[listening], shutdown_seconds=5):
        await asyncio.sleep(0.01)
        # The loop sees them for the first time when it has begun to stop.
        clients = [connected(listening, sent=REQUEST) for _ in range(20)]

    answers = [await asyncio.to_thread(received, client) for client in clients]

    assert all(text.startswith(b"HTTP/1.1 200 OK") for text in answers)


async def test_whose_request_is_on_its_way_is_answered() -> None:
    listening = a_socket()
    async with open_server(an_application(), sockets=[listening], shutdown_seconds=5):
        client = connected(listening)
        await asyncio.sleep(0.05)
        sending = threading.Timer(0.1, client.sendall, [REQUEST])
        sending.start()

    sending.join()

    text = await asyncio.to_thread(received, client)
    assert text.startswith(b"HTTP/1.1 200 OK")


async def test_who_is_silent_holds_nobody_up() -> None:
    listening = a_socket()
    async with asyncio.timeout(PATIENCE / 2):
        async with open_server(
            an_application(), sockets=[listening], shutdown_seconds=PATIENCE
        ):
            client = connected(listening)
            await asyncio.sleep(0.05)

    assert await asyncio.to_thread(received, client) == b""


async def test_nobody_connects_afterwards() -> None:
    listening = a_socket()
    address = listening.getsockname()
    async with open_server(an_application(), sockets=[listening], shutdown_seconds=5):
        pass

    with socket.socket() as client:
        assert client.connect_ex(address) != 0
