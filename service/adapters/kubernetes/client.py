"""The API of one namespace: JSON in, JSON out, errors translated.

Responses are not converted into the library's models: those take ten times the memory
of the text, and rename every field of Kubernetes' API reference.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final, Self

from aiohttp import ClientResponse, ClientTimeout
from kubernetes_asyncio.client import ApiClient, BatchV1Api, CoreV1Api

from service.adapters.kubernetes.connection import ApiConnection, open_api
from service.adapters.kubernetes.errors import failure, translate_errors

__all__ = ["ApiConnection", "Cluster", "Json", "ListPage", "Resource"]

Json = Mapping[str, Any]
"""An object of Kubernetes' API reference."""

ANSWER: Final = timedelta(seconds=15)
"""The time limit of a call; a list of 500 Jobs takes a tenth of a second."""
LOG: Final = timedelta(minutes=2)
"""The time limit of reading a whole log: 10 MiB at most, with pauses."""
CONNECT: Final = timedelta(seconds=5)
PAGE: Final = 500
"""Objects in one response, as in kubectl."""


class Resource(Enum):
    """A resource that is listed or watched."""

    JOB = "jobs"
    POD = "pods"
    EVENT = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """One page of a list."""

    items: tuple[Json, ...]
    version: str
    """The resource version to watch from."""
    rest: str
    """The `continue` token of the next page; empty on the last one."""


Call = Callable[..., Awaitable[object]]
"""A method of the library. With `_preload_content=False` it returns the raw response,
which its annotations do not reflect."""


# One per builder that is open, so one in the leader. It keeps nothing but the
# connections; all waiting and retrying is its callers'.
class Cluster:
    """The API calls that builds need.

    Every call raises:
        NotFoundError: The object does not exist.
        ConflictError: Its name is in use.
        ExpiredError: The resource version or the page token is too old.
        ApiRefusedError: Permissions or a quota do not allow it.
        TransientError: The API server did not answer, or limits the request rate.
        PermanentError: The request is invalid.
    """

    def __init__(self, *, api: ApiClient, namespace: str) -> None:
        self._namespace = namespace
        self._served: tuple[datetime, float] | None = None
        self._batch = BatchV1Api(api)
        self._core = CoreV1Api(api)
        self._list: Mapping[Resource, Call] = {
            Resource.JOB: self._batch.list_namespaced_job,
            Resource.POD: self._core.list_namespaced_pod,
            Resource.EVENT: self._core.list_namespaced_event,
        }

    @classmethod
    @asynccontextmanager
    async def connect(cls, connection: ApiConnection) -> AsyncIterator[Self]:
        """Read the configuration; the first call connects.

        Raises:
            PermanentError: The configuration cannot be read.
        """
        async with open_api(connection) as api:
            yield cls(api=api, namespace=connection.namespace)

    def now(self) -> datetime | None:
        """Return the time by the cluster's clock; None before its first response.

        Timestamps of Jobs and pods are the cluster's. Compared with the clock of a node
        that is ten minutes ahead, a Job would be given up as soon as it is created.
        """
        if self._served is None:
            return None
        date, received_at = self._served
        return date + timedelta(seconds=time.monotonic() - received_at)

    async def create_job(self, manifest: Json) -> Json:
        """Create a Job; return it as the server stored it."""
        call = self._batch.create_namespaced_job
        name = manifest["metadata"]["name"]
        return await self._request(f"creating Job {name}", call, body=manifest)

    async def read_job(self, name: str) -> Json:
        """Return a Job."""
        call = self._batch.read_namespaced_job
        return await self._request(f"reading Job {name}", call, name=name)

    async def delete_job(self, name: str) -> None:
        """Delete a Job; its pods end within their grace period."""
        await self._request(
            f"deleting Job {name}",
            self._batch.delete_namespaced_job,
            name=name,
            # The API's default for Jobs of batch/v1 is to orphan their pods, which
            # would run on and push an image that nobody asked for.
            propagation_policy="Background",
        )

    async def delete_pod(self, name: str) -> None:
        """Delete a pod; it ends within its grace period."""
        call = self._core.delete_namespaced_pod
        await self._request(f"deleting pod {name}", call, name=name)

    async def page(
        self,
        resource: Resource,
        *,
        selector: str = "",
        fields: str = "",
        after: str = "",
    ) -> ListPage:
        """List one page of the objects that label and field selectors match."""
        answer = await self._request(
            f"listing {resource.value}",
            self._list[resource],
            label_selector=selector,
            field_selector=fields,
            # An unlimited list makes the API server build the whole response in memory;
            # with pages it reads from etcd in portions.
            limit=PAGE,
            **({"_continue": after} if after else {}),
        )
        metadata = answer["metadata"]
        return ListPage(
            items=tuple(answer["items"]),
            version=metadata.get("resourceVersion", ""),
            rest=metadata.get("continue", ""),
        )

    async def list(self, resource: Resource, *, selector: str) -> "list[Json]":
        """List all objects that a selector matches; meant for few."""
        page = await self.page(resource, selector=selector)
        items = [*page.items]
        while page.rest:
            page = await self.page(resource, selector=selector, after=page.rest)
            items += page.items
        return items

    async def events(self, name: str) -> Json:
        """List the events of an object."""
        return await self._request(
            f"listing events of {name}",
            self._core.list_namespaced_event,
            field_selector=f"involvedObject.name={name}",
            limit=PAGE,
        )

    async def watch(
        self, resource: Resource, *, selector: str, since: str, length: timedelta
    ) -> AsyncGenerator[bytes, None]:
        """Yield each change after a resource version, as a line of JSON."""
        doing = f"watching {resource.value}"
        chunks = self._stream(
            doing,
            self._list[resource],
            # Longer than the server's limit: a watch should end without an error.
            deadline=length + ANSWER,
            label_selector=selector,
            watch=True,
            resource_version=since,
            allow_watch_bookmarks=True,
            timeout_seconds=int(length.total_seconds()),
        )
        async with aclosing(chunks):
            partial = b""
            async for chunk in chunks:
                # One event may arrive in several chunks and one chunk may hold many.
                # The last piece is incomplete until its line end comes.
                *lines, partial = (partial + chunk).split(b"\n")
                for line in lines:
                    yield line

    def log(
        self, pod: str, container: str, **how: object
    ) -> AsyncGenerator[bytes, None]:
        """Yield the log of a container, in chunks of any size.

        Args:
            pod: The pod of the container.
            container: A container that runs or ran.
            how: `follow`, `tail_lines`, `timestamps` or `limit_bytes`.
        """
        return self._stream(
            f"reading the log of {pod}/{container}",
            self._core.read_namespaced_pod_log,
            # A followed log lasts as long as its container, and a silent build is no
            # broken connection.
            deadline=None if how.get("follow") else LOG,
            name=pod,
            container=container,
            **how,
        )

    async def _request(self, doing: str, call: Call, **how: object) -> Json:
        async with self._open_response(doing, call, ANSWER, how) as answer:
            with translate_errors(doing):
                read: Json = await answer.json(content_type=None)
                return read

    async def _stream(
        self, doing: str, call: Call, *, deadline: timedelta | None, **how: object
    ) -> AsyncGenerator[bytes, None]:
        async with self._open_response(doing, call, deadline, how) as answer:
            while True:
                with translate_errors(doing):
                    chunk = await answer.content.readany()
                if not chunk:
                    return
                yield chunk

    @asynccontextmanager
    async def _open_response(
        self,
        doing: str,
        call: Call,
        deadline: timedelta | None,
        how: Mapping[str, object],
    ) -> AsyncIterator[ClientResponse]:
        """Send a request; yield its response when that is a success."""
        with translate_errors(doing):
            answer = await self._send(call, _timeout(deadline), how)
        with suppress(KeyError, ValueError):  # a proxy may omit or mangle it
            date = parsedate_to_datetime(answer.headers["Date"])
            self._served = date, time.monotonic()
        try:
            if answer.status >= 300:  # noqa: PLR2004 - RFC 9110 §15
                with translate_errors(doing):
                    raise failure(answer.status, await answer.read(), doing=doing)
            yield answer
        finally:
            # Closed and not released: the rest of a watch or a log is still being sent,
            # and a released connection would read it as the next answer.
            answer.close()

    async def _send(
        self, call: Call, limit: ClientTimeout, how: Mapping[str, object]
    ) -> ClientResponse:
        answer = await call(
            namespace=self._namespace,
            _preload_content=False,
            _request_timeout=limit,
            **how,
        )
        assert isinstance(answer, ClientResponse)
        return answer


def _timeout(total: timedelta | None) -> ClientTimeout:
    return ClientTimeout(
        total=total.total_seconds() if total else None,
        sock_connect=CONNECT.total_seconds(),
    )
