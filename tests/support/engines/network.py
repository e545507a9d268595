"""Hosts on this machine: network namespaces around a switch that is one, too.

    test ──┐                        The switch has its namespace, so no frame passes the
    host 1 ┼── switch (a bridge)    firewall of the machine, and nothing of the machine
    host 2 ┘                        changes but one interface with one address.

https://man7.org/linux/man-pages/man8/ip-netns.8.html
"""

import ipaddress
import json
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import pytest

__all__ = ["Host", "Network", "a_network"]

_RANGE: Final = ipaddress.ip_network("198.18.0.0/15")
"""For tests of networks, routed nowhere: https://www.rfc-editor.org/rfc/rfc2544"""
_PREFIX: Final = "rl-"
_NAMESPACES: Final = Path("/run/netns")
_FORWARDING: Final = 3
_DISABLED: Final = 0
"""States of a port: https://man7.org/linux/man-pages/man8/bridge.8.html"""
_ETH: Final = ("dev", "eth0")
_TOOLS: Final = ("ip", "bridge", "nsenter")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host: an address, and whatever runs in its namespace."""

    number: int
    address: str
    namespace: str
    switch: str

    @property
    def enter(self) -> tuple[str, ...]:
        """What a command begins with that runs here."""
        return ("nsenter", f"--net={_NAMESPACES / self.namespace}")

    def cut_off(self) -> None:
        """Let nothing in or out; nobody is told, as behind a dead router."""
        self._port(_DISABLED)

    def reconnect(self) -> None:
        self._port(_FORWARDING)

    def drop(self, address: str) -> None:
        """Have no such address any more; what is sent to it gets no answer at all."""
        _run("ip", "-n", self.namespace, "address", "del", f"{address}/32", *_ETH)

    def take(self, address: str) -> None:
        """Have one more address."""
        _run("ip", "-n", self.namespace, "address", "add", f"{address}/32", *_ETH)

    def lose(self, others: Sequence["Host"]) -> None:
        """Let nothing get from here to some hosts; all others are reached."""
        for other in others:
            _run("ip", "-n", self.namespace, "route", "replace", *_blackhole(other))

    def find(self, others: Sequence["Host"]) -> None:
        """Reach the hosts again that were lost."""
        for other in others:
            _run("ip", "-n", self.namespace, "route", "del", *_blackhole(other))

    def _port(self, state: int) -> None:
        port = ("dev", f"p{self.number}", "state", str(state))
        _run("bridge", "-n", self.switch, "link", "set", *port)


def _blackhole(host: Host) -> tuple[str, str]:
    return "blackhole", f"{host.address}/32"


@dataclass(kw_only=True)
class Network:
    """A switch with hosts, and the test's own end of it."""

    name: str
    subnet: ipaddress.IPv4Network
    hosts: list[Host] = field(default_factory=list)

    @property
    def switch(self) -> str:
        return f"{self.name}-switch"

    def begin(self) -> None:
        """Make the switch, and join it."""
        _run("ip", "netns", "add", self.switch)
        _run(*self._switch("link", "add", "br0", "type", "bridge"))
        _run(*self._switch("link", "set", "br0", "up"))
        self._join(0, interface=self.name[:15])
        _run("ip", "address", "add", self._net(0), "dev", self.name[:15])
        _run("ip", "link", "set", self.name[:15], "up")

    def add_host(self) -> Host:
        """Make a host that the test and all others reach."""
        number = len(self.hosts) + 1
        host = Host(
            number=number,
            address=str(self.subnet[number]),
            namespace=f"{self.name}-{number}",
            switch=self.switch,
        )
        self.hosts.append(host)
        _run("ip", "netns", "add", host.namespace)
        self._join(number, interface=f"h{number}")
        inside = ("ip", "-n", host.namespace)
        _run(*self._switch("link", "set", f"h{number}", "netns", host.namespace))
        _run(*inside, "link", "set", f"h{number}", "name", "eth0")
        _run(*inside, "address", "add", self._net(number), "dev", "eth0")
        for interface in ("lo", "eth0"):
            _run(*inside, "link", "set", interface, "up")
        self._introduce(host)
        return host

    def add_address(self, host: Host, number: int) -> str:
        """Give a host one more address, which can be taken from it alone."""
        address = str(self.subnet[number])
        host.take(address)
        hardware = ("lladdr", self._mac(host.number), "dev", self.name[:15])
        _run("ip", "neigh", "replace", address, *hardware, "nud", "permanent")
        return address

    def end(self) -> None:
        """Kill what runs in the hosts, and take everything away."""
        for namespace in [*(host.namespace for host in self.hosts), self.switch]:
            _delete(namespace)
        with suppress(RuntimeError):
            _run("ip", "link", "del", self.name[:15])

    def _switch(self, *command: str) -> tuple[str, ...]:
        return ("ip", "-n", self.switch, *command)

    def _net(self, number: int) -> str:
        return f"{self.subnet[number or -2]}/{self.subnet.prefixlen}"

    def _mac(self, number: int) -> str:
        return f"02:00:c6:12:00:{number:02x}"

    def _join(self, number: int, *, interface: str) -> None:
        port = f"p{number}"
        cable = (port, "type", "veth", "peer", "name", interface)
        _run(*self._switch("link", "add", *cable, "address", self._mac(number)))
        if number == 0:
            _run(*self._switch("link", "set", interface, "netns", str(os.getpid())))
        _run(*self._switch("link", "set", port, "master", "br0"))
        _run(*self._switch("link", "set", port, "up"))

    def _introduce(self, host: Host) -> None:
        """Tell everybody everybody's hardware address.

        A host that is cut off would not be found by its address any more, and who
        sends to it would be told so: behind a router nobody is.
        """
        for other in self.hosts:
            if other is not host:
                self._know(other.namespace, "eth0", host.number)
                self._know(host.namespace, "eth0", other.number)
        self._know(host.namespace, "eth0", 0)
        _run("ip", "neigh", *self._neighbour(host.number, self.name[:15]))

    def _know(self, namespace: str, interface: str, number: int) -> None:
        _run("ip", "-n", namespace, "neigh", *self._neighbour(number, interface))

    def _neighbour(self, number: int, interface: str) -> tuple[str, ...]:
        address = str(self.subnet[number or -2])
        hardware = ("lladdr", self._mac(number))
        return ("replace", address, *hardware, "dev", interface, "nud", "permanent")


@contextmanager
def a_network() -> Iterator[Network]:
    """Make a network; skip the test where this machine allows none."""
    reason = _missing()
    if reason:
        pytest.skip(f"no hosts of one's own: {reason}")
    _take_away_leftovers()
    network = Network(
        name=f"{_PREFIX}{os.getpid()}-{random.randrange(100)}",
        subnet=_free_subnet(),
    )
    try:
        network.begin()
        yield network
    finally:
        network.end()


@cache
def _missing() -> str:
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    for tool in _TOOLS:
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    trial = f"{_PREFIX}{os.getpid()}-trial"
    try:
        _run("ip", "netns", "add", trial)
        _run("ip", "-n", trial, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", trial, "link", "add", "p0", "type", "veth")
    except RuntimeError as exc:
        return str(exc)
    finally:
        _delete(trial)
    return ""


def _free_subnet() -> ipaddress.IPv4Network:
    """Choose a part of the range that no route of this machine leads to."""
    routes = json.loads(_run("ip", "-4", "-json", "route", "show", "table", "all"))
    taken = [
        ipaddress.ip_network(route["dst"], strict=False)
        for route in routes
        if route["dst"] != "default"
    ]
    free = [
        part
        for part in _RANGE.subnets(new_prefix=24)
        if isinstance(part, ipaddress.IPv4Network)
        and not any(part.overlaps(other) for other in taken)
    ]
    return random.choice(free)


def _take_away_leftovers() -> None:
    """Remove what a test process left that was killed itself."""
    for path in _NAMESPACES.glob(f"{_PREFIX}*"):
        owner = path.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path(f"/proc/{owner}").exists():
            _delete(path.name)


def _delete(namespace: str) -> None:
    if not (_NAMESPACES / namespace).exists():
        return
    for pid in _run("ip", "netns", "pids", namespace).split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    with suppress(RuntimeError):
        _run("ip", "netns", "del", namespace)
