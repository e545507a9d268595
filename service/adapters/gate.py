"""Which machines may be asked for what users name.

Whoever gives a repository's URL chooses whom this service connects to. Names are
resolved here and the addresses handed on, so that what was checked is what is
connected to, whatever the name stands for a moment later.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from service.errors import RemoteRefusedError, TransientError

__all__ = ["ANYWHERE", "Gate", "host_of", "is_public", "proxy_for"]

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_PORTS: Final = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(text: str) -> bool:
    """Say whether an address is one that the whole internet may use.

    https://www.iana.org/assignments/iana-ipv4-special-registry, and its sister for
    IPv6; an IPv4 address that is wrapped in an IPv6 one counts as what it is.
    """
    address = _unwrapped(ipaddress.ip_address(text))
    return address.is_global and not address.is_multicast


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def host_of(url: str) -> tuple[str, int]:
    """Return the host and the port that a URL leads to."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return (parts.hostname or "").lower(), port


class Gate:
    """Says which addresses a host may be met at.

    Args:
        allowed: Hosts that may have a private, loopback or link-local address, as
            `host` or `host:port`; `*` stands for any.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(it.strip().lower() for it in allowed)

    @property
    def is_open(self) -> bool:
        """Say whether every host is allowed."""
        return "*" in self._allowed

    def allows(self, host: str, port: int) -> bool:
        """Say whether a host is named in the settings, whatever its address."""
        names = {host, f"{host}:{port}", f"[{host}]", f"[{host}]:{port}"}
        return self.is_open or bool(names & self._allowed)

    def check_literal(self, host: str, port: int) -> None:
        """Check a host that is an address, or this machine's own name.

        Raises:
            RemoteRefusedError: It is not public, and not allowed in the settings.
        """
        if self.allows(host, port):
            return
        if host == "localhost" or host.endswith(".localhost"):
            _refuse_private(host, "127.0.0.1")
        with suppress(ValueError):
            _refuse_private(host, str(ipaddress.ip_address(host)))

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Resolve a host and return the addresses it may be met at.

        Raises:
            RemoteRefusedError: One of its addresses is not public, and the host is
                not allowed in the settings.
            TransientError: The name cannot be resolved now.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as exc:
            raise TransientError(f"{host} cannot be resolved: {exc}") from exc
        addresses = tuple(dict.fromkeys(str(it[4][0]) for it in found))
        if not self.allows(host, port):
            for address in addresses:
                _refuse_private(host, address)
        return addresses


def _refuse_private(host: str, address: str) -> None:
    if not is_public(address):
        raise RemoteRefusedError(
            f"{host} has the address {address}, which is not public; only hosts named"
            " in RELAUNCH_REMOTE_ALLOW_PRIVATE may have one"
        )


ANYWHERE: Final = Gate(("*",))
"""Lets everybody through: for a service that works for its own user."""


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """Return the proxy for a URL, as curl reads it off the environment.

    https://curl.se/docs/manpage.html#ENVIRONMENT
    """
    host, port = host_of(url)
    scheme = urlsplit(url).scheme
    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    for name in (it.strip().lower().lstrip(".") for it in exempt.split(",")):
        is_host = name in {"*", host, f"{host}:{port}"}
        if is_host or (name and host.endswith(f".{name}")):
            return None
    # HTTP_PROXY in capitals is not read: in a CGI program a client could set it.
    names = [f"{scheme}_proxy", "HTTPS_PROXY" if scheme == "https" else "", "ALL_PROXY"]
    return next((it for name in names if (it := environment.get(name))), None)
