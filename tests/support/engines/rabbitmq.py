"""A RabbitMQ of several nodes, each on its host."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.support.broker import SERVER, greets
from tests.support.engines.network import Host, Network
from tests.support.patience import wait_until

__all__ = ["BrokerCluster", "BrokerNode", "a_broker_cluster"]

_CTL: Final = "/usr/lib/rabbitmq/bin/rabbitmqctl"
_PORT: Final = 5672
_STARTS_WITHIN: Final = 90.0
"""Seconds of a calm machine; a node takes five."""
_TICKS: Final = 15
"""Seconds after which nodes take each other for lost; RabbitMQ's own choice is 60.
A busy machine makes less than this look like a loss.

https://www.rabbitmq.com/docs/nettick
"""


class BrokerNode:
    """One node. Its calls block: use a thread."""

    def __init__(self, host: Host, folder: Path, peers: Sequence[Host]) -> None:
        self.host = host
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        (folder / "rabbitmq.conf").write_text(_configuration(peers))
        (folder / "advanced.config").write_text(
            f"[{{kernel, [{{net_ticktime, {_TICKS}}}]}}]."
        )
        (folder / "enabled_plugins").write_text("[].")

    def launch(self) -> None:
        """Start it without waiting until it answers."""
        self._pid_file.unlink(missing_ok=True)
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [*self.host.enter, SERVER],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start it; return when it answers."""
        self.launch()
        self.until_it_answers()

    def until_it_answers(self) -> None:
        wait_until(self.answers, f"{self._name} to answer", _STARTS_WITHIN)

    def answers(self) -> bool:
        """Say whether clients may connect; a node that pauses itself lets none."""
        return greets(_PORT, host=self.host.address)

    @property
    def tools(self) -> dict[str, str]:
        """Return the variables with which its command line finds it, on its host."""
        own = self._environment()
        return own | {"PATH": f"{Path(_CTL).parent}:{own['PATH']}"}

    def stop(self) -> None:
        """Stop it in an orderly way."""
        self._signal(signal.SIGTERM)
        if self._process is not None:
            self._process.wait()

    def kill(self) -> None:
        """Kill it without a warning."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def leave(self) -> None:
        """Kill it, whatever its state."""
        if self._process is not None:
            with suppress(ProcessLookupError, FileNotFoundError):
                self._signal(signal.SIGKILL)
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Let it hang: its connections stay open, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def revive(self) -> None:
        """Let it go on, and restart it, as an operator has to.

        Once the others have taken it for lost, RabbitMQ 3.10 leaves it among them with
        a database of its own: it was away for no time that it knows of, so that even
        `pause_minority` finds nothing to do.
        """
        self.resume()
        self.kill()
        self.launch()

    def control(self, *command: str) -> str:
        """Run an operator's command at this node; return what it prints."""
        done = subprocess.run(
            [*self.host.enter, _CTL, "--longnames", "--node", self._name, *command],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def _name(self) -> str:
        return _node(self.host)

    @property
    def _pid_file(self) -> Path:
        return self._folder / "pid"

    def _signal(self, number: signal.Signals) -> None:
        os.kill(int(self._pid_file.read_text()), number)

    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        cookie = "-setcookie relaunch"
        return {
            "PATH": os.defpath + ":/usr/sbin",
            "HOME": folder,
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_PID_FILE": str(self._pid_file),
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/env.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+S 1:1 +sbwt none {cookie}",
            "RABBITMQ_CTL_ERL_ARGS": cookie,
        }


class BrokerCluster:
    """Nodes that share their queues. Its calls block: use a thread."""

    def __init__(self, nodes: Sequence[BrokerNode]) -> None:
        self.nodes = nodes

    @property
    def url(self) -> str:
        """The addresses of all nodes."""
        hosts = ",".join(f"{node.host.address}:{_PORT}" for node in self.nodes)
        return f"amqp://guest:guest@{hosts}/own"

    def start(self) -> None:
        """Start all nodes; return when they are one cluster."""
        # The first makes the cluster; it must be there for the others to join.
        self.nodes[0].start()
        for node in self.nodes[1:]:
            node.launch()
        self.until_whole()

    def until_whole(self) -> None:
        """Return when every node is back among the others."""
        for node in self.nodes:
            node.until_it_answers()
        count = str(len(self.nodes))
        self.nodes[0].control("await_online_nodes", count, "--timeout", "120")

    def describe(self) -> str:
        """Return what waits where, for whoever reads a failure."""
        columns = ("name", "messages_ready", "messages_unacknowledged", "consumers")
        return self.nodes[0].control(
            "list_queues", "-p", "own", *columns, "leader", "online", "--timeout", "60"
        )

    def others(self, node: BrokerNode) -> list[Host]:
        """Return the hosts of all nodes but one."""
        return [other.host for other in self.nodes if other is not node]


def _node(host: Host) -> str:
    return f"rabbit@{host.address}"


def _configuration(peers: Sequence[Host]) -> str:
    nodes = "\n".join(
        f"cluster_formation.classic_config.nodes.{peer.number} = {_node(peer)}"
        for peer in peers
    )
    return f"""
listeners.tcp.default = 0.0.0.0:{_PORT}
loopback_users = none
default_vhost = own
disk_free_limit.absolute = 10MB
log.file.level = info
cluster_partition_handling = pause_minority
cluster_formation.peer_discovery_backend = classic_config
{nodes}
"""


@contextmanager
def a_broker_cluster(
    network: Network, folder: Path, *, nodes: int = 3
) -> Iterator[BrokerCluster]:
    """Run a cluster; skip the test where RabbitMQ is not installed.

    The network ends what nodes leave behind, their name servers.
    """
    if not Path(SERVER).exists():
        pytest.skip(f"no RabbitMQ of one's own: {SERVER} is not there")
    hosts = [network.add_host() for _ in range(nodes)]
    cluster = BrokerCluster(
        [BrokerNode(host, folder / f"node-{host.number}", hosts) for host in hosts]
    )
    try:
        cluster.start()
        yield cluster
    finally:
        for node in cluster.nodes:
            node.leave()
