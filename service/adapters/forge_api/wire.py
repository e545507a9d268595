"""HTTP to the APIs of forges, with nothing left to trust.

Every request has a deadline and every answer a largest size. Redirects are followed
on the host that was asked and nowhere else, so that no token reaches another one.
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

from service.adapters.gate import ANYWHERE, Gate, host_of, proxy_for
from service.errors import RemoteRefusedError, ServiceError, TransientError

__all__ = ["Reply", "TooLargeError", "Wire", "open_wire"]

MAX_ANSWER: Final = 32 * 1024 * 1024
"""Bytes, unpacked. GitHub cuts listings at 7 MB; files are asked for up to 1 MiB."""
MAX_MOVES: Final = 4
"""Redirects in a row; a rename and a transfer are two."""
CONNECT: Final = timedelta(seconds=5)
AT_ONCE: Final = 8
"""Connections to one host: GitHub asks for few requests at the same time."""

_MOVED: Final = frozenset({301, 302, 307, 308})
_CHUNK: Final = 64 * 1024


class TooLargeError(ServiceError):
    """An answer is larger than was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, whole."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes


class Wire:
    """Makes requests; `open_wire` makes a wire.

    Args:
        session: A session that follows no redirect by itself.
        gate: Which hosts may be asked.
        environment: Ours; proxies are read off it.
        deadline: How long one request may take, redirects and all.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        gate: Gate,
        environment: Mapping[str, str],
        deadline: timedelta,
    ) -> None:
        self._session = session
        self._gate = gate
        self._environment = environment
        self._deadline = deadline

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        most: int = MAX_ANSWER,
        follow: bool = True,
    ) -> Reply:
        """Make one request and return the answer, whatever its status.

        Args:
            method: What to do.
            url: Whole, with every name in it quoted.
            headers: What is said, a token too; it stays on the host.
            body: What is sent.
            most: How many bytes the answer may have.
            follow: Whether redirects on the host are followed.

        Raises:
            RemoteRefusedError: The host may not be asked, or sends us elsewhere.
            TooLargeError: The answer has more than `most` bytes.
            TransientError: There was no answer in time.
        """
        try:
            async with asyncio.timeout(self._deadline.total_seconds()):
                if not follow:
                    return await self._once(method, url, headers, body, most)
                return await self._follow(method, url, headers, body, most)
        except TimeoutError as exc:
            raise TransientError(
                f"{_host(url)} did not answer within {self._deadline}"
            ) from exc
        except aiohttp.ClientError as exc:
            raise TransientError(f"{_host(url)} did not answer: {exc}") from exc

    async def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        most: int,
    ) -> Reply:
        for _ in range(MAX_MOVES + 1):
            reply = await self._once(method, url, headers, body, most)
            to = reply.headers.get("location")
            if reply.status not in _MOVED or to is None:
                return reply
            url = _next(url, to, method=method, status=reply.status)
        raise RemoteRefusedError(f"{_host(url)} sends us in circles")

    async def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        most: int,
    ) -> Reply:
        proxy = proxy_for(url, self._environment)
        host, port = host_of(url)
        # The library asks its resolver neither for what is an address already nor
        # for what a proxy will look up.
        self._gate.check_literal(host, port)
        async with self._session.request(
            method,
            # As it is: the library would write some bytes of a name anew.
            URL(url, encoded=True),
            headers=headers,
            data=body,
            proxy=proxy,
            allow_redirects=False,
        ) as response:
            return Reply(
                status=response.status,
                headers={name.lower(): it for name, it in response.headers.items()},
                body=await _read(response, most),
            )


class _Checked(AbstractResolver):
    """Hands the library the addresses that the gate let through, and no others."""

    def __init__(self, gate: Gate, *, proxies: Collection[tuple[str, int]]) -> None:
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
        # Who set up the proxy chose its address.
        gate = ANYWHERE if (host, port) in self._proxies else self._gate
        return await gate.addresses(host, port)

    async def close(self) -> None:
        """Nothing is held."""


@asynccontextmanager
async def open_wire(
    *, gate: Gate, environment: Mapping[str, str], deadline: timedelta
) -> AsyncIterator[Wire]:
    """Open connections for the block.

    Args:
        gate: Which hosts may be asked.
        environment: Ours; proxies are read off it.
        deadline: How long one request may take.
    """
    proxies = {
        host_of(url) for name, url in environment.items() if _is_proxy(name, url)
    }
    connector = aiohttp.TCPConnector(
        resolver=_Checked(gate, proxies=proxies),
        limit_per_host=AT_ONCE,
        use_dns_cache=False,
    )
    timeout = aiohttp.ClientTimeout(
        total=deadline.total_seconds(), connect=CONNECT.total_seconds()
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        # Cookies would make one token's answers depend on another's.
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        yield Wire(
            session=session, gate=gate, environment=environment, deadline=deadline
        )


def _is_proxy(name: str, value: str) -> bool:
    return name.lower().endswith("_proxy") and "://" in value


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > most:
            response.close()
            raise TooLargeError(f"the answer has more than {most} bytes")
    return bytes(body)


def _next(url: str, to: str, *, method: str, status: int) -> str:
    target = urljoin(url, to)
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
        f"{_host(url)} sends us on to {_host(target)}, where we do not follow"
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
