"""RabbitMQ for tests: the one that is there, and one that may be stopped and killed."""

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final

import aio_pika
import pytest
from yarl import URL

from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.bus import RabbitBus
from service.adapters.rabbitmq.settings import Broker
from service.adapters.rabbitmq.topology import Topology
from service.ports.bus import Role
from tests.support.tls import Certificates

__all__ = [
    "SERVER",
    "OwnBroker",
    "broker_url",
    "free_port",
    "greets",
    "own_broker",
    "rabbit_buses",
    "swept",
]

_VARIABLE: Final = "RELAUNCH_TEST_AMQP"
_USUAL: Final = "amqp://guest:guest@127.0.0.1:5672/"
SERVER: Final = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""Debian's `rabbitmq-server` is a wrapper that changes the user and the settings."""
_STARTS_WITHIN: Final = 60.0
_GREETING: Final = b"AMQP\x00\x00\x09\x01"


def broker_url() -> str:
    """Return the address of a RabbitMQ; skip the test when there is none."""
    url = os.environ.get(_VARIABLE, _USUAL)  # noqa: TID251 - no settings tree
    if not _answers(url):
        pytest.skip(f"no RabbitMQ: set {_VARIABLE} to the URL of a broker")
    return url


@cache
def _answers(url: str) -> bool:
    address = URL(url)
    return greets(address.port or 5672, host=address.host or "127.0.0.1")


def greets(port: int, *, host: str = "127.0.0.1") -> bool:
    """Say whether something on a port answers to AMQP."""
    with suppress(OSError), socket.create_connection((host, port), timeout=2) as peer:
        peer.settimeout(2)
        peer.sendall(_GREETING)
        return bool(peer.recv(1))
    return False


@asynccontextmanager
async def swept(broker: Broker, *roles: Role) -> AsyncIterator[Broker]:
    """Give the broker names of their own, and take them away in the end."""
    broker = replace(broker, prefix=f"t{uuid.uuid4().hex[:10]}")
    try:
        yield broker
    finally:
        await _sweep(broker, Topology.of(broker, roles))


@asynccontextmanager
async def rabbit_buses() -> AsyncIterator[
    Callable[..., AbstractAsyncContextManager[RabbitBus]]
]:
    """Open buses over names of their own, whatever their roles."""
    broker = Broker(
        url=broker_url(),
        prefix=f"t{uuid.uuid4().hex[:10]}",
        delays=(timedelta(milliseconds=200), timedelta(seconds=1)),
    )
    seen: dict[str, Role] = {}

    def bus(*roles: Role) -> AbstractAsyncContextManager[RabbitBus]:
        seen.update({role.name: role for role in roles})
        return RabbitBus.open(broker, roles=roles, clock=SystemClock())

    try:
        yield bus
    finally:
        await _sweep(broker, Topology.of(broker, tuple(seen.values())))


async def _sweep(broker: Broker, topology: Topology) -> None:
    connection = await aio_pika.connect(broker.addresses()[0], ssl_context=broker.tls())
    async with connection, connection.channel() as channel:
        for queue in topology.queues():
            await channel.queue_delete(queue.name)
        for exchange in topology.exchanges():
            await channel.exchange_delete(exchange)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class OwnBroker:
    """A RabbitMQ with ports and a folder of its own. Its calls block: use a thread."""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.port = free_port()
        self.tls_port = free_port()
        self.certificates = certificates
        self._folder = folder
        self._epmd_port = free_port()
        self._dist_port = free_port()
        self._pid_file = folder / "pid"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "rabbitmq.conf").write_text(self._configuration())
        (folder / "enabled_plugins").write_text("[].")

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/own"

    @property
    def tls_url(self) -> str:
        return f"amqps://guest:guest@localhost:{self.tls_port}/own"

    @property
    def tools(self) -> dict[str, str]:
        """Return the variables with which its command line finds it."""
        own = self._environment()
        return own | {"PATH": f"{Path(SERVER).parent}:{own['PATH']}"}

    def start(self) -> None:
        """Start it; return when it answers."""
        self._pid_file.unlink(missing_ok=True)
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [SERVER],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + _STARTS_WITHIN
        while not greets(self.port):
            if time.monotonic() > deadline:
                raise RuntimeError((self._folder / "output").read_text()[-2000:])
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it in an orderly way."""
        self._signal(signal.SIGTERM)
        self._wait()

    def kill(self) -> None:
        """Kill it without a warning."""
        self._signal(signal.SIGKILL)
        self._wait()

    def pause(self) -> None:
        """Let it hang: its connections stay open, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def leave(self) -> None:
        """Kill it, whatever its state, and its name server."""
        with suppress(ProcessLookupError, FileNotFoundError):
            self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.kill()
            self._wait()
        subprocess.run(
            ["epmd", "-port", str(self._epmd_port), "-kill"],
            capture_output=True,
            check=False,
        )

    def _signal(self, number: signal.Signals) -> None:
        os.kill(int(self._pid_file.read_text()), number)

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait(_STARTS_WITHIN)

    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        return {
            "PATH": os.defpath + ":/usr/sbin",
            "HOME": folder,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"own-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_PID_FILE": str(self._pid_file),
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/env.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def _configuration(self) -> str:
        return f"""
listeners.tcp.default = 127.0.0.1:{self.port}
listeners.ssl.default = 127.0.0.1:{self.tls_port}
ssl_options.cacertfile = {self.certificates.ca}
ssl_options.certfile = {self.certificates.server}
ssl_options.keyfile = {self.certificates.server_key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
default_vhost = own
disk_free_limit.absolute = 10MB
log.file.level = warning
"""


@contextmanager
def own_broker(folder: Path) -> Iterator[OwnBroker]:
    """Run a broker; skip the test where RabbitMQ is not installed."""
    if not Path(SERVER).exists() or shutil.which("epmd") is None:
        pytest.skip(f"no RabbitMQ of one's own: {SERVER} is not there")
    broker = OwnBroker(folder, Certificates.made_in(folder))
    try:
        broker.start()
        yield broker
    finally:
        broker.leave()
