"""Ask git servers for refs and objects, with one request each.

What a server can do is asked once and remembered for a while, so that a look at an
unchanged branch is one request.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from cachetools import LRUCache

from service.adapters.forge_api.errors import TooLargeError
from service.adapters.forge_api.http import HttpClient, Reply
from service.adapters.git.transport import HEADERS, REFS, read_redirect
from service.adapters.smart_http.errors import (
    PackTooLargeError,
    TooManyObjectsError,
    UnsuitableError,
    translate_status,
)
from service.adapters.smart_http.packs import PackedObject, PackLimits, unpack
from service.adapters.smart_http.pkt_lines import (
    Advertisement,
    RefListing,
    read_advertisement,
    read_packfile,
    read_refs,
    write_fetch,
    write_ls_refs,
)
from service.adapters.smart_http.places import (
    SMALL_OF_HOST,
    HostPlaces,
    PackPlaces,
)
from service.domain.repository import BlobId, CommitSha, Ref
from service.errors import RemoteRefusedError, TransientError
from service.ports.time import Clock

__all__ = ["SmartHttpClient"]

MAX_MOVES: Final = 4
"""Redirects in a row; a renamed and transferred repository has two."""
REMEMBERED: Final = timedelta(minutes=10)
"""How long a server is taken to be able to do what it said."""
SMALL: Final = 4
"""What part of the deadline of one request all those may take that look up refs: their
answers are small, and a server that trickles them keeps an evaluation waiting."""
LARGE_FOR: Final = timedelta(hours=1)
"""How long a repository whose trees exceeded the limits is left to git at once."""
MOST_KNOWN: Final = 10_000
"""Repositories of which this is remembered."""

MAX_ADVERTISEMENT: Final = 1024 * 1024
"""Bytes. In version 2 it has no refs, and under a kilobyte."""
MAX_REFS: Final = 16 * 1024 * 1024
"""Bytes: a hundred thousand refs that begin with the name of one."""
MAX_TREES: Final = 8 * 1024 * 1024
"""Bytes of a pack of trees. Those of Linux, with 6,000 directories, are 3 MB; the
largest public repositories have 100 MB, which belong on a disk."""
TREE_LIMITS: Final = PackLimits(objects=50_000, inflated=32 * 1024 * 1024)

_TYPE: Final = "application/x-git-upload-pack"
_POST: Final = {
    **HEADERS,
    "Content-Type": f"{_TYPE}-request",
    "Accept": f"{_TYPE}-result",
}
_TREES: Final = (b"deepen 1", b"filter blob:none")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    """Where a repository is, after redirects, and what its server can do."""

    url: str
    advertisement: Advertisement
    known_until: datetime


# One for a remote. It holds no connections of its own: the HTTP client has the pool,
# and checks every address and redirect by the egress policy.
class SmartHttpClient:
    """Read refs and objects of repositories over smart HTTP, without credentials.

    Args:
        http: Carries the requests.
        clock: Gives the time.
    """

    def __init__(self, *, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._endpoints: LRUCache[str, _Endpoint] = LRUCache(maxsize=MOST_KNOWN)
        self._large: LRUCache[str, datetime] = LRUCache(maxsize=MOST_KNOWN)
        self._places = PackPlaces()
        self._small = HostPlaces(SMALL_OF_HOST)

    async def list_refs(self, url: str, refs: Collection[Ref]) -> RefListing:
        """List refs of a repository; others that begin with their names may be there.

        Raises:
            RemoteRefusedError: The repository does not exist, or may not be read.
            UnsuitableError: Git's command line has to do it.
            TransientError: The server did not answer.
        """
        operation = f"look up a ref of {url}"
        async with self._in_time(url, operation):
            endpoint = await self._endpoint(url, operation)
            if not endpoint.advertisement.is_listing:
                raise UnsuitableError(f"{url} does not speak git's protocol version 2")
            body = write_ls_refs(refs, advertisement=endpoint.advertisement)
            try:
                answer = await self._post(url, body, MAX_REFS, operation)
            except TooLargeError as exc:
                raise UnsuitableError(f"cannot {operation}: too many begin so") from exc
        return await asyncio.to_thread(read_refs, answer)

    async def fetch_trees(
        self, url: str, commit: CommitSha
    ) -> Mapping[BlobId, PackedObject]:
        """Fetch a commit and all its directories, without files and history.

        Raises:
            RemoteRefusedError: The repository or the commit does not exist.
            UnsuitableError: Git's command line has to do it.
            TransientError: The server did not answer.
        """
        until = self._large.get(url)
        if until is not None and self._clock.now() < until:
            raise UnsuitableError(f"{url} has more directories than are held here")
        try:
            return await self._fetch(
                url, [commit], _TREES, max_bytes=MAX_TREES, limits=TREE_LIMITS
            )
        except (TooLargeError, PackTooLargeError, TooManyObjectsError) as exc:
            # The next commit has about as many: they are not downloaded in vain again.
            self._large[url] = self._clock.now() + LARGE_FOR
            raise UnsuitableError(f"cannot hold the trees of {url}: {exc}") from exc

    async def fetch_blobs(
        self, url: str, oids: Collection[BlobId], *, limit: int
    ) -> Mapping[BlobId, PackedObject] | None:
        """Fetch files by their ids; None when they have more than `limit` bytes.

        Raises:
            RemoteRefusedError: The repository or a file does not exist.
            UnsuitableError: Git's command line has to do it.
            TransientError: The server did not answer.
        """
        # Content that does not compress makes a pack slightly larger than itself.
        max_bytes = limit + limit // 64 + 64 * 1024
        limits = PackLimits(objects=len(oids), inflated=limit)
        try:
            return await self._fetch(url, oids, (), max_bytes=max_bytes, limits=limits)
        except (TooLargeError, PackTooLargeError):
            return None

    async def _fetch(
        self,
        url: str,
        ids: Collection[str],
        options: Collection[bytes],
        *,
        max_bytes: int,
        limits: PackLimits,
    ) -> Mapping[BlobId, PackedObject]:
        operation = f"fetch {', '.join(oid[:12] for oid in list(ids)[:3])} of {url}"
        endpoint = self._known(url)
        if endpoint is None:
            async with self._in_time(url, operation):
                endpoint = await self._endpoint(url, operation)
        if not endpoint.advertisement.is_fetching:
            raise UnsuitableError(f"{url} does not serve commits without their files")
        body = write_fetch(ids, options=options, advertisement=endpoint.advertisement)
        async with self._places.place(endpoint.url):
            answer = await self._post(url, body, max_bytes, operation)
            # Hashing and inflating megabytes would hold up every other request.
            try:
                return await asyncio.to_thread(_unpack_answer, answer, limits)
            except RemoteRefusedError as exc:
                raise RemoteRefusedError(f"cannot {operation}: {exc}") from exc

    @asynccontextmanager
    async def _in_time(self, url: str, operation: str) -> AsyncIterator[None]:
        """Hold a place for a few small answers, and limit what they take together.

        Raises:
            BusyError: There was no place.
            TransientError: They took longer.
        """
        within = self._http.deadline / SMALL
        # The time begins with the place: it is the server that is given up, and not
        # who stood behind others of ours.
        async with self._small.place(url):
            try:
                async with asyncio.timeout(within.total_seconds()):
                    yield
            except TimeoutError as exc:
                raise TransientError(
                    f"cannot {operation}: no answer in {within}"
                ) from exc

    async def _post(
        self, url: str, body: bytes, max_bytes: int, operation: str
    ) -> bytes:
        endpoint = await self._endpoint(url, operation)
        reply = await self._send(endpoint, body, max_bytes)
        if HTTPStatus.MULTIPLE_CHOICES <= reply.status <= HTTPStatus.NOT_FOUND:
            # It may have moved since the server was asked where it is.
            self._endpoints.pop(url, None)
            endpoint = await self._endpoint(url, operation)
            reply = await self._send(endpoint, body, max_bytes)
        _check(reply, f"{_TYPE}-result", operation)
        return reply.body

    async def _send(self, endpoint: _Endpoint, body: bytes, max_bytes: int) -> Reply:
        return await self._http.request(
            "POST",
            f"{endpoint.url}/git-upload-pack",
            headers=_POST,
            body=body,
            max_bytes=max_bytes,
            follow=False,
        )

    async def _endpoint(self, url: str, operation: str) -> _Endpoint:
        known = self._known(url)
        if known is None:
            known = await self._discover(url, operation)
            self._endpoints[url] = known
        return known

    def _known(self, url: str) -> _Endpoint | None:
        known = self._endpoints.get(url)
        is_known = known is not None and self._clock.now() < known.known_until
        return known if is_known else None

    async def _discover(self, url: str, operation: str) -> _Endpoint:
        target = url
        # One redirect at a time: each target is a host that somebody else named, and
        # passes the egress policy anew. Only this first request may be redirected.
        for _ in range(MAX_MOVES):
            reply = await self._request_refs(target)
            if not _is_redirect(reply):
                break
            location = reply.headers.get("location", "")
            target = read_redirect(target, reply.status, location)
        else:
            raise RemoteRefusedError(f"{target}: more than {MAX_MOVES} redirects")
        _check(reply, f"{_TYPE}-advertisement", operation)
        return _Endpoint(
            url=target,
            advertisement=await asyncio.to_thread(read_advertisement, reply.body),
            known_until=self._clock.now() + REMEMBERED,
        )

    async def _request_refs(self, url: str) -> Reply:
        try:
            return await self._http.request(
                "GET",
                f"{url}{REFS}",
                headers=HEADERS,
                max_bytes=MAX_ADVERTISEMENT,
                follow=False,
            )
        except TooLargeError as exc:
            raise UnsuitableError(f"{url} lists all refs at once") from exc


def _is_redirect(reply: Reply) -> bool:
    return HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST


def _check(reply: Reply, content_type: str, operation: str) -> None:
    """Check that an answer is one of git's.

    Raises:
        ServiceError: It is not, or the request was refused.
    """
    if reply.status != HTTPStatus.OK:
        raise translate_status(reply.status, operation)
    if reply.headers.get("content-type") != content_type:
        raise UnsuitableError(f"cannot {operation}: the answer is not of smart HTTP")


def _unpack_answer(answer: bytes, limits: PackLimits) -> Mapping[BlobId, PackedObject]:
    return unpack(read_packfile(answer), limits)
