"""An HTTP client for the APIs of forges, which are not trusted.

Every request has a deadline and every answer a maximum size. Redirects are followed
on the same host only, so that a token never reaches another one.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from service.adapters.egress import ANYWHERE, EgressPolicy, host_of, proxy_for
from service.adapters.forge_api.errors import TooLargeError, to_one_line
from service.adapters.forge_api.rate_limit import NO_OBSERVER, ForgeObserver
from service.certificates import tls_of
from service.errors import RemoteRefusedError, TransientError

__all__ = ["HttpClient", "Reply", "open_http_client"]

MAX_ANSWER: Final = 8 * 1024 * 1024
"""Bytes, uncompressed. GitHub cuts listings at 7 MB; lock files of 5 MiB have that in
base64."""
MAX_MOVES: Final = 4
"""Redirects in a row; a renamed and transferred repository has two."""
CONNECT: Final = timedelta(seconds=5)
MAX_CONNECTIONS: Final = 8
"""Connections to one host; GitHub asks clients not to make concurrent requests."""
MOST_CONNECTIONS: Final = 512
"""In all; with few of them, hosts that hang would hold the connections of others."""

_MOVED: Final = frozenset({301, 302, 307, 308})
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A complete HTTP response."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes


class HttpClient:
    """Make HTTP requests within the egress policy; see `open_http_client`.

    Args:
        session: A session with the policy's resolver.
        gate: Which hosts may be connected to.
        environment: The environment of this process, for proxies.
        deadline: How long one request may take, including redirects.
        observer: Is shown the status of each answer.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        gate: EgressPolicy,
        environment: Mapping[str, str],
        deadline: timedelta,
        observer: ForgeObserver = NO_OBSERVER,
    ) -> None:
        self._observer = observer
        self._session = session
        self._gate = gate
        self._environment = environment
        self._deadline = deadline

    @property
    def deadline(self) -> timedelta:
        """Return how long one request may take."""
        return self._deadline

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        max_bytes: int = MAX_ANSWER,
        follow: bool = True,
    ) -> Reply:
        """Make one request and return the answer, whatever its status.

        Args:
            method: The HTTP method.
            url: The absolute URL, with every name in it quoted.
            headers: Request headers, also a token; they stay on the host.
            body: The request body.
            max_bytes: The maximum size of the answer's body.
            follow: Whether to follow redirects on the host.

        Raises:
            RemoteRefusedError: The policy does not allow the host, or it redirects to
                another one.
            TooLargeError: The answer has more than `max_bytes` bytes.
            TransientError: There was no answer in time.
        """
        try:
            # Around all redirects and the whole body; aiohttp's own limits start anew
            # with each request.
            async with asyncio.timeout(self._deadline.total_seconds()):
                send = self._follow if follow else self._send
                reply = await send(method, url, headers, body, max_bytes)
        except TimeoutError as exc:
            self._observer.answered(_host(url), None)
            raise TransientError(
                f"{_host(url)} did not answer within {self._deadline}"
            ) from exc
        except aiohttp.ClientError as exc:
            self._observer.answered(_host(url), None)
            raise TransientError(
                f"{_host(url)} did not answer: {to_one_line(exc)}"
            ) from exc
        self._observer.answered(_host(url), reply.status)
        return reply

    async def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        max_bytes: int,
    ) -> Reply:
        for _ in range(MAX_MOVES + 1):
            reply = await self._send(method, url, headers, body, max_bytes)
            location = reply.headers.get("location")
            if reply.status not in _MOVED or location is None:
                return reply
            # A token stays on its host: another host, port or scheme ends the chain
            # with an error.
            url = _resolve_location(url, location, method=method, status=reply.status)
        raise RemoteRefusedError(f"{_host(url)}: more than {MAX_MOVES} redirects")

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        max_bytes: int,
    ) -> Reply:
        proxy = proxy_for(url, self._environment)
        host, port = host_of(url)
        # aiohttp does not call its resolver for a literal IP address, nor for a name
        # that the proxy resolves: the policy checks these here.
        self._gate.check_literal(host, port)
        async with self._session.request(
            method,
            # Encoded already: yarl would requote some bytes of a name differently.
            URL(url, encoded=True),
            headers=headers,
            data=body,
            proxy=proxy,
            allow_redirects=False,
        ) as response:
            return Reply(
                status=response.status,
                headers={name.lower(): text for name, text in response.headers.items()},
                body=await _read(response, max_bytes),
            )


class _PolicyResolver(AbstractResolver):
    """Resolve names to the addresses that the policy allows.

    aiohttp connects to these addresses without resolving again, which rules out DNS
    rebinding.
    """

    def __init__(
        self, gate: EgressPolicy, *, proxies: Collection[tuple[str, int]]
    ) -> None:
        self._gate = gate
        self._proxies = proxies

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._addresses(host, port)
        ]

    async def _addresses(self, host: str, port: int) -> tuple[str, ...]:
        # The operator chose the proxy, which may well have a private address.
        gate = ANYWHERE if (host, port) in self._proxies else self._gate
        return await gate.addresses(host, port)

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


@asynccontextmanager
async def open_http_client(
    *,
    gate: EgressPolicy,
    environment: Mapping[str, str],
    deadline: timedelta,
    observer: ForgeObserver = NO_OBSERVER,
) -> AsyncIterator[HttpClient]:
    """Open a client with its own connection pool, for the block.

    Args:
        gate: Which hosts may be connected to.
        environment: The environment of this process, for proxies and certificates.
        deadline: How long one request may take.
        observer: Is shown the status of each answer.
    """
    proxies = {
        host_of(url) for name, url in environment.items() if _is_proxy(name, url)
    }
    connector = aiohttp.TCPConnector(
        resolver=_PolicyResolver(gate, proxies=proxies),
        ssl=tls_of(environment),
        limit=MOST_CONNECTIONS,
        limit_per_host=MAX_CONNECTIONS,
        # The policy decides at each connection; a cached address would outlive a change
        # of it.
        use_dns_cache=False,
    )
    timeout = aiohttp.ClientTimeout(
        total=deadline.total_seconds(), connect=CONNECT.total_seconds()
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        # A session cookie would let one token's requests act for another.
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        yield HttpClient(
            session=session,
            gate=gate,
            environment=environment,
            deadline=deadline,
            observer=observer,
        )


def _is_proxy(name: str, value: str) -> bool:
    return name.lower().endswith("_proxy") and "://" in value


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > max_bytes:
            response.close()
            error = TooLargeError(f"the answer has more than {max_bytes} bytes")
            error.status = response.status
            raise error
    return bytes(body)


def _resolve_location(url: str, location: str, *, method: str, status: int) -> str:
    try:
        target = _join(url, location)
    except ValueError as exc:
        raise RemoteRefusedError(
            f"{_host(url)} redirects to what is no URL: {exc}"
        ) from exc
    # 301 and 302 turn a POST into a GET: https://www.rfc-editor.org/rfc/rfc9110#status.301
    is_kept = method in {"GET", "HEAD"} or status in {
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
    is_same = (urlsplit(url).scheme, host_of(url)) == (
        urlsplit(target).scheme,
        host_of(target),
    )
    if is_same and is_kept:
        return target
    raise RemoteRefusedError(
        f"{_host(url)} redirects to {_host(target)}, which is not followed"
    )


def _join(url: str, location: str) -> str:
    target = urljoin(url, location)
    parts = urlsplit(target)
    _ = parts.port  # raises, too
    # Neither can be sent: the second would be another `Authorization`.
    if not location.isprintable() or "@" in parts.netloc:
        raise ValueError("expected no control characters, and no credentials")
    return target


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
