"""One namespace of a cluster: JSON in, JSON out, and our errors.

Answers are not turned into the library's models: those take ten times the memory of
the text, and name every field another way than Kubernetes' own documentation.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final, Self

from aiohttp import ClientResponse, ClientTimeout
from kubernetes_asyncio.client import ApiClient, BatchV1Api, Configuration, CoreV1Api
from kubernetes_asyncio.config import load_incluster_config, load_kube_config

from service.adapters.kubernetes.closing import Farewells
from service.adapters.kubernetes.failures import failure, translated

__all__ = ["Cluster", "Connection", "Json", "Page", "Resource"]

Json = Mapping[str, Any]
"""An object as Kubernetes' API reference has it."""

ANSWER: Final = timedelta(seconds=15)
"""How long a call may take; a list of 500 Jobs takes a tenth of a second."""
LOG: Final = timedelta(minutes=2)
"""How long the whole log of a container may take: 10 MiB at most, with pauses."""
CONNECT: Final = timedelta(seconds=5)
PAGE: Final = 500
"""Objects in one answer, as kubectl asks for them."""
MOST_CONNECTIONS: Final = 1000
"""Every log that is followed holds one; waiting for a free one would stop all."""


class Resource(Enum):
    """What is listed and watched."""

    JOB = "jobs"
    POD = "pods"
    EVENT = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach the API server, and the namespace to work in."""

    namespace: str
    kubeconfig: Path | None = None
    """The service account of our own pod when None."""
    context: str | None = None
    """The file's current one when None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some objects of a list."""

    items: tuple[Json, ...]
    version: str
    """The resource version to watch from."""
    rest: str
    """Asks for the next page; empty on the last one."""


Call = Callable[..., Awaitable[object]]
"""A call of the library, which says what it would give if it were to read answers."""


class Cluster:
    """The calls that builds need.

    Every call raises:
        NotFoundError: There is no such thing.
        ConflictError: Its name is taken.
        ExpiredError: The resource version or the page is too old.
        RefusedError: Rights or quota do not allow it.
        TransientError: The API server did not answer, or asks to come back later.
        PermanentError: It will never take what was sent.
    """

    def __init__(self, *, api: ApiClient, namespace: str) -> None:
        self._namespace = namespace
        self._batch = BatchV1Api(api)
        self._core = CoreV1Api(api)
        self._list: Mapping[Resource, Call] = {
            Resource.JOB: self._batch.list_namespaced_job,
            Resource.POD: self._core.list_namespaced_pod,
            Resource.EVENT: self._core.list_namespaced_event,
        }

    @classmethod
    @asynccontextmanager
    async def connect(cls, connection: Connection) -> AsyncIterator[Self]:
        """Read how to connect; the first call does it.

        Raises:
            PermanentError: The configuration cannot be read.
        """
        configuration = Configuration()
        configuration.connection_pool_maxsize = MOST_CONNECTIONS
        with translated("reading the cluster's configuration"):
            if connection.kubeconfig is None:
                load_incluster_config(configuration)  # type: ignore[no-untyped-call]
            else:
                await load_kube_config(
                    config_file=str(connection.kubeconfig),
                    context=connection.context,
                    client_configuration=configuration,
                    persist_config=False,
                )
            api = ApiClient(configuration)
        farewells = _farewells(api)
        try:
            async with api:
                yield cls(api=api, namespace=connection.namespace)
        finally:
            await farewells.all_said()

    async def create_job(self, manifest: Json) -> Json:
        """Create a Job; return it as the server keeps it."""
        call = self._batch.create_namespaced_job
        name = manifest["metadata"]["name"]
        return await self._ask(f"creating Job {name}", call, body=manifest)

    async def read_job(self, name: str) -> Json:
        """Return a Job."""
        call = self._batch.read_namespaced_job
        return await self._ask(f"reading Job {name}", call, name=name)

    async def delete_job(self, name: str) -> None:
        """Delete a Job at once; its pods follow within their grace."""
        await self._ask(
            f"deleting Job {name}",
            self._batch.delete_namespaced_job,
            name=name,
            propagation_policy="Background",
        )

    async def delete_pod(self, name: str) -> None:
        """Delete a pod; it ends within its grace."""
        call = self._core.delete_namespaced_pod
        await self._ask(f"deleting pod {name}", call, name=name)

    async def page(
        self,
        resource: Resource,
        *,
        selector: str = "",
        fields: str = "",
        after: str = "",
    ) -> Page:
        """List what selectors of labels and fields select, a page after another."""
        answer = await self._ask(
            f"listing {resource.value}",
            self._list[resource],
            label_selector=selector,
            field_selector=fields,
            limit=PAGE,
            **({"_continue": after} if after else {}),
        )
        about = answer["metadata"]
        return Page(
            items=tuple(answer["items"]),
            version=about.get("resourceVersion", ""),
            rest=about.get("continue", ""),
        )

    async def list(self, resource: Resource, *, selector: str) -> "list[Json]":
        """Return all that a selector selects; for few things."""
        page = await self.page(resource, selector=selector)
        found = [*page.items]
        while page.rest:
            page = await self.page(resource, selector=selector, after=page.rest)
            found += page.items
        return found

    async def events(self, name: str) -> Json:
        """Return the list of events about an object."""
        return await self._ask(
            f"listing events of {name}",
            self._core.list_namespaced_event,
            field_selector=f"involvedObject.name={name}",
            limit=PAGE,
        )

    async def watch(
        self, resource: Resource, *, selector: str, since: str, length: timedelta
    ) -> AsyncGenerator[bytes, None]:
        """Say each change after a resource version, as a line of JSON."""
        doing = f"watching {resource.value}"
        chunks = self._stream(
            doing,
            self._list[resource],
            # Longer than the server's own time: it should be the one to end it.
            deadline=length + ANSWER,
            label_selector=selector,
            watch=True,
            resource_version=since,
            allow_watch_bookmarks=True,
            timeout_seconds=int(length.total_seconds()),
        )
        async with aclosing(chunks):
            begun = b""
            async for chunk in chunks:
                *lines, begun = (begun + chunk).split(b"\n")
                for line in lines:
                    yield line

    def log(
        self, pod: str, container: str, **how: object
    ) -> AsyncGenerator[bytes, None]:
        """Say what a container said, in pieces of any size.

        Args:
            pod: Whose container it is.
            container: One that runs or ran.
            how: `follow`, `tail_lines`, `timestamps` or `limit_bytes`.
        """
        return self._stream(
            f"reading the log of {pod}/{container}",
            self._core.read_namespaced_pod_log,
            deadline=None if how.get("follow") else LOG,
            name=pod,
            container=container,
            **how,
        )

    async def _ask(self, doing: str, call: Call, **how: object) -> Json:
        async with self._opened(doing, call, ANSWER, how) as answer:
            with translated(doing):
                read: Json = await answer.json(content_type=None)
                return read

    async def _stream(
        self, doing: str, call: Call, *, deadline: timedelta | None, **how: object
    ) -> AsyncGenerator[bytes, None]:
        async with self._opened(doing, call, deadline, how) as answer:
            while True:
                with translated(doing):
                    chunk = await answer.content.readany()
                if not chunk:
                    return
                yield chunk

    @asynccontextmanager
    async def _opened(
        self,
        doing: str,
        call: Call,
        deadline: timedelta | None,
        how: Mapping[str, object],
    ) -> AsyncIterator[ClientResponse]:
        """Ask, and give the answer if it is a good one."""
        with translated(doing):
            answer = await self._send(call, _timeout(deadline), how)
        try:
            if answer.status >= 300:  # noqa: PLR2004 - RFC 9110 §15
                with translated(doing):
                    raise failure(answer.status, await answer.read(), doing=doing)
            yield answer
        finally:
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


def _farewells(api: ApiClient) -> Farewells:
    connector = api.rest_client.pool_manager.connector
    assert connector is not None
    return Farewells(connector)


def _timeout(total: timedelta | None) -> ClientTimeout:
    return ClientTimeout(
        total=total.total_seconds() if total else None,
        sock_connect=CONNECT.total_seconds(),
    )
