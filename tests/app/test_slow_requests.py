"""Clients that send a request without ever ending it (slowloris) stop nobody else.

A real process with few file descriptors; raw sockets.
"""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from handlers.connections import HEADER_DEADLINE, MAX_HEAD
from tests.support.patience import Patience
from tests.support.service import Service

FILES = 512
"""File descriptors of the service."""
MOST = 128
"""How many connections it may hold then."""
DEADLINE = HEADER_DEADLINE.total_seconds()
HEAD = b"POST /webhooks/github/01J00000000000000000000000 HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "data")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, before[1]))
    try:
        service.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    yield service
    assert service.stop() == 0


def connect(service: Service, stack: ExitStack) -> socket.socket:
    host, _, port = service.url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    return stack.enter_context(connection)


def is_closed(connection: socket.socket) -> bool:
    """Say whether the other side has closed a connection on which nothing came."""
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def ask(connection: socket.socket) -> bytes:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection.recv(65536)


def test_a_request_that_does_not_end_is_given_up_at_the_deadline(
    service: Service,
) -> None:
    """Three wait side by side: of one connection it is the second request."""
    with ExitStack() as stack:
        slow = {
            name: connect(service, stack)
            for name in ("nothing", "half a head", "half a second head")
        }
        assert ask(slow["half a second head"]).startswith(b"HTTP/1.1 200")
        began, patience = time.monotonic(), Patience(DEADLINE + 10)
        for name in ("half a head", "half a second head"):
            slow[name].sendall(HEAD)
        took: dict[str, float] = {}
        while took.keys() != slow.keys() and not patience.is_over():
            for name in slow.keys() - took.keys():
                if is_closed(slow[name]):
                    took[name] = time.monotonic() - began
            with suppress(ConnectionError, BlockingIOError):
                slow["half a head"].sendall(b"x")
            time.sleep(0.2)

    assert took.keys() == slow.keys()
    assert min(took.values()) > DEADLINE - 1


def test_many_slow_clients_do_not_stop_others(service: Service) -> None:
    """More of them than the process has descriptors, all within the deadline."""
    with ExitStack() as stack:
        slow = [connect(service, stack) for _ in range(FILES + MOST)]
        for connection in slow:
            with suppress(ConnectionError):
                connection.sendall(HEAD)
        patience = Patience(DEADLINE / 2)

        answers = [ask(connect(service, stack)) for _ in range(20)]

        is_late = patience.is_over()
        closed = sum(map(is_closed, slow))

    assert all(chunk.startswith(b"HTTP/1.1 200") for chunk in answers)
    assert not is_late
    assert closed >= FILES
    assert "Too many open files" not in service.said()


def test_idle_clients_make_room_only_when_there_is_none(service: Service) -> None:
    with ExitStack() as stack:
        idle = [connect(service, stack) for _ in range(MOST - 8)]
        for connection in idle:
            assert ask(connection).startswith(b"HTTP/1.1 200")
        time.sleep(DEADLINE + 1)
        assert not any(map(is_closed, idle))

        others = [connect(service, stack) for _ in range(MOST)]
        assert all(ask(sock).startswith(b"HTTP/1.1 200") for sock in others)

        assert all(map(is_closed, idle))


def test_a_head_without_an_end_is_not_kept(service: Service) -> None:
    with ExitStack() as stack:
        greedy = connect(service, stack)
        greedy.sendall(HEAD)
        sent = 0
        with suppress(ConnectionError):
            while sent < 2 * MAX_HEAD:
                sent += greedy.send(b"x%d: " % sent + b"x" * 1000 + b"\r\n")
                time.sleep(0.01)

        assert MAX_HEAD < sent < MAX_HEAD + 20_000


def test_a_body_that_nobody_reads_is_no_head(service: Service) -> None:
    """The answer comes, although more than a head may have is still sent."""
    body = b"x" * (4 * MAX_HEAD)
    with ExitStack() as stack:
        connection = connect(service, stack)
        head = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body))
        answer = connection.recv(65536)
        for start in range(0, len(body), MAX_HEAD):
            connection.sendall(body[start : start + MAX_HEAD])
            time.sleep(0.05)

        assert answer.startswith(b"HTTP/1.1 404")
        assert ask(connection).startswith(b"HTTP/1.1 200")
