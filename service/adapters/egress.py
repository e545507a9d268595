"""Which machines may be asked for what users name.

Whoever gives a repository's URL chooses whom this service connects to. Names are
resolved here and the addresses handed on, so that what was checked is what is
connected to, whatever the name stands for a moment later.

They are resolved apart from all other names. Event loops resolve names in a few
threads, uvloop at most two at a time: two names whose name server does not answer would
keep all others waiting, also the database's and the broker's.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from service.errors import BusyError, RemoteRefusedError, TransientError

__all__ = [
    "ANYWHERE",
    "MOST_NAMES",
    "EgressPolicy",
    "host_of",
    "is_public",
    "proxy_for",
    "resolve_name",
]

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
"""All that IPv6 has given out: https://www.iana.org/assignments/ipv6-address-space.
What lies outside is this machine's, a site's, or translated into IPv4 by somebody."""
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        # Protocol assignments: Oracle Cloud answers for a machine's credentials here.
        # Python took part of them for public before 3.12.4.
        "192.0.0.0/24",
        # Azure's platform answers the machines in it, and nobody else.
        # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "168.63.129.16/32",
        # Examples in documents: https://www.rfc-editor.org/rfc/rfc9637
        "3fff::/20",
    )
)
_PORTS: Final = {"http": 80, "https": 443}
MOST_NAMES: Final = 64
"""Names that are resolved at once; four times as many as evaluations run at once, since
a look-up that is given up goes on for as long as the system tries."""
_places: Final = threading.BoundedSemaphore(MOST_NAMES)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(text: str) -> bool:
    """Return whether an address is one that the whole internet may use.

    https://www.iana.org/assignments/iana-ipv4-special-registry, and its sister for
    IPv6; an IPv4 address that is wrapped in an IPv6 one counts as what it is.
    """
    address = _unwrapped(ipaddress.ip_address(text))
    if address.version == 6 and address not in _GLOBAL_UNICAST:  # noqa: PLR2004 - IPv6
        return False
    is_named = any(address in network for network in _NOT_PUBLIC)
    return address.is_global and not address.is_multicast and not is_named


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


class EgressPolicy:
    """Decide which hosts and addresses may be connected to.

    Args:
        allowed: Hosts that may have a private, loopback or link-local address, as
            `host` or `host:port`; `*` stands for any.
        closed: Hosts that may not be connected to in any case, as `host` or
            `host:port`; also not where another one redirects to them.
    """

    def __init__(
        self, allowed: Collection[str], *, closed: Collection[str] = ()
    ) -> None:
        self._allowed = frozenset(text.strip().lower() for text in allowed)
        self._closed = frozenset(text.strip().lower() for text in closed)

    @property
    def is_open(self) -> bool:
        """Return whether every host is allowed."""
        return "*" in self._allowed and not self._closed

    def allows(self, host: str, port: int) -> bool:
        """Return whether a host is named in the settings, whatever its address."""
        names = _names(host, port) | {"*"}
        return bool(names & self._allowed)

    def check_literal(self, host: str, port: int) -> None:
        """Check a host that is an address, or this machine's own name.

        Raises:
            RemoteRefusedError: It is closed; or it is not public, and not allowed in
                the settings.
        """
        if _names(host, port) & self._closed:
            raise RemoteRefusedError(f"{host} is not for everybody")
        if self.allows(host, port):
            return
        # RFC 6761 reserves these names for the loopback, and resolvers may answer them
        # without asking anybody: https://www.rfc-editor.org/rfc/rfc6761#section-6.3
        if host == "localhost" or host.endswith(".localhost"):
            _refuse_private(host, "127.0.0.1")
        address = _literal(host)
        if address is not None:
            _refuse_private(host, address)

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Resolve a host and return the addresses it may be met at.

        Raises:
            RemoteRefusedError: One of its addresses is not public, and the host is
                not allowed in the settings.
            TransientError: The name cannot be resolved now; `BusyError` if too many
                others are.
        """
        try:
            # One bad address refuses the name: a name with a public and a private
            # address (DNS rebinding) would otherwise be reached at either.
            addresses = await resolve_name(host, port)
        except (OSError, UnicodeError) as exc:
            raise TransientError(f"{host} cannot be resolved: {exc}") from exc
        if not self.allows(host, port):
            for address in addresses:
                _refuse_private(host, address)
        return addresses


async def resolve_name(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses of a host.

    Raises:
        BusyError: Too many other names are being resolved, or the system has no thread.
        OSError: The name cannot be resolved now.
        UnicodeError: It is no name.
    """
    if not _places.acquire(blocking=False):
        raise BusyError(
            f"{host} is not resolved: {MOST_NAMES} other names are waited for"
        )
    loop = asyncio.get_running_loop()
    found: asyncio.Future[tuple[str, ...]] = loop.create_future()
    # A daemon: no name server that hangs keeps this process from its end.
    thread = threading.Thread(
        target=_resolve, args=(host, port, loop, found), name="names", daemon=True
    )
    try:
        thread.start()
    except RuntimeError as exc:  # no process may have more threads
        _places.release()
        raise BusyError(f"{host} is not resolved: {exc}") from exc
    return await found


def _resolve(
    host: str,
    port: int,
    loop: asyncio.AbstractEventLoop,
    found: "asyncio.Future[tuple[str, ...]]",
) -> None:
    error: Exception | None = None
    addresses: tuple[str, ...] = ()
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = tuple(dict.fromkeys(str(row[4][0]) for row in rows))
    except Exception as exc:  # noqa: BLE001 - raised to whoever asked
        error = exc
    finally:
        _places.release()

    def give() -> None:
        if found.done():  # nobody waits any more
            return
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)

    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(give)


def _names(host: str, port: int) -> set[str]:
    return {host, f"{host}:{port}", f"[{host}]", f"[{host}]:{port}"}


def _literal(host: str) -> str | None:
    """Return the address that a host spells; None when it is a name.

    The system's resolver, and a proxy's, take `2130706433` and `0x7f.1` for numbers.
    """
    with suppress(ValueError):
        return str(ipaddress.ip_address(host))
    with suppress(OSError):
        return socket.inet_ntoa(socket.inet_aton(host))
    return None


def _refuse_private(host: str, address: str) -> None:
    if not is_public(address):
        raise RemoteRefusedError(
            f"{host} has the address {address}, which is not public; only hosts named"
            " in RELAUNCH_REMOTE_ALLOW_PRIVATE may have one"
        )


ANYWHERE: Final = EgressPolicy(("*",))
"""Lets everybody through: for a service that works for its own user."""


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """Return the proxy for a URL, as curl reads it off the environment.

    https://curl.se/docs/manpage.html#ENVIRONMENT
    """
    host, port = host_of(url)
    scheme = urlsplit(url).scheme
    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    for name in (part.strip().lower().lstrip(".") for part in exempt.split(",")):
        is_host = name in {"*", host, f"{host}:{port}"}
        if is_host or (name and host.endswith(f".{name}")):
            return None
    # HTTP_PROXY in capitals is not read: in a CGI program a client could set it.
    names = [f"{scheme}_proxy", "HTTPS_PROXY" if scheme == "https" else "", "ALL_PROXY"]
    return next(filter(None, (environment.get(name) for name in names)), None)
