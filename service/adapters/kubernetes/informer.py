"""An informer: a local cache of our Jobs or pods, kept current by list and watch.

List, then watch from the list's resource version
(https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
The cache may be stale for a while, never inconsistent: events hold whole objects.
"""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from service.adapters.kubernetes.client import Cluster, Json, Resource
from service.adapters.kubernetes.errors import ExpiredError, failure, translate_errors
from service.adapters.kubernetes.informer_cache import trim
from service.adapters.kubernetes.manifests.names import BUILD
from service.adapters.retry import with_retries
from service.errors import ServiceError, TransientError
from service.ports.time import Clock

__all__ = ["Informer"]

log = structlog.get_logger(__name__)

WATCH: Final = timedelta(seconds=120)
"""The length of a watch, and so the time after which a dead connection is noticed."""
RELIST: Final = timedelta(minutes=10)
"""How often all objects are listed again, in case a watch lost an event."""
RETRY_DELAY: Final = timedelta(seconds=5)
FIRST_LIST: Final = timedelta(seconds=10)
"""How long callers wait for the first list; that of 5,000 Jobs takes 2 s."""


@dataclass(frozen=True, slots=True)
class _CachedObject:
    build: str
    text: bytes
    """JSON: objects are rarely read, and take several times the memory when parsed."""


class Informer:
    """The cached objects of one resource, indexed by the label of their build.

    The builder creates two, for Jobs and for pods, and runs each as a task. The cache
    survives lost connections; after a restart it is listed anew.

    Args:
        cluster: The cluster to list and watch.
        resource: The resource to cache.
        selector: The label selector of the objects.
        clock: Decides when to list again.
        on_change: Called with the build label of each changed object.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        resource: Resource,
        selector: str,
        clock: Clock,
        on_change: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._resource = resource
        self._selector = selector
        self._clock = clock
        self._on_change = on_change
        self._cache: dict[str, _CachedObject] = {}
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self._version = ""
        self._list_at: datetime | None = None
        self._listed = asyncio.Event()
        self._tombstones: set[str] = set()
        self._log = log.bind(resource=resource.value)

    async def run(self) -> None:
        """Keep the cache current until cancelled."""
        while True:
            try:
                await with_retries(
                    self.list_and_watch, on=ServiceError, failed=self._log_failure
                )
            # Not left to the task group of the builder: an exception there ends the
            # builder, and with it the observation of every build.
            except Exception:  # noqa: BLE001 - and logged, by a bound logger
                # A bug, or an object of unexpected shape. One of them must not stop the
                # observation of all builds: list again and go on.
                self._log.exception("watch failed")
                self._list_at = None
                await self._clock.sleep(RETRY_DELAY)

    async def list_and_watch(self) -> None:
        """Watch once, after a list when one is due.

        Raises:
            ServiceError: The connection failed; the cache stays as it is.
        """
        try:
            # A watch that ended by its time limit goes on from its last version. Only
            # RELIST, or a version that expired, costs a list of everything.
            if self._list_at is None or self._clock.now() >= self._list_at:
                await self._list()
            await self._watch()
        except ExpiredError:
            # The server has compacted the events after our version: only a list helps.
            self._list_at = None
            raise

    async def wait_listed(self) -> None:
        """Wait for the first list.

        Raises:
            TransientError: It takes longer than `FIRST_LIST`.
        """
        try:
            async with asyncio.timeout(FIRST_LIST.total_seconds()):
                await self._listed.wait()
        except TimeoutError:
            raise TransientError(
                f"the cluster's {self._resource.value} could not be listed yet"
            ) from None

    def objects_of(self, build: str) -> Sequence[Json]:
        """Return the objects of a build, by its label."""
        return [
            json.loads(self._cache[name].text) for name in self._names.get(build, ())
        ]

    def builds(self) -> Sequence[str]:
        """Return the labels of all builds with an object."""
        return [name for name in self._names if name]

    def all_objects(self) -> Sequence[Json]:
        """Return the objects of all builds."""
        return [item for build in self.builds() for item in self.objects_of(build)]

    def add(self, item: Json) -> None:
        """Add an object that was read elsewhere, unless its name is cached already."""
        # The cached one may be newer: a read is not ordered with the watch.
        if item["metadata"]["name"] not in self._cache:
            self._keep(item)

    def tombstone(self, item: Json) -> None:
        """Remove a deleted object, and ignore events of it that still arrive."""
        # By uid: a new object of the same name is another one, and is kept.
        # A deletion that we made is known before the watch reports it. An event from
        # before the deletion would otherwise bring the object back, and the build would
        # seem to run.
        self._tombstones.add(item["metadata"]["uid"])
        self._drop(item["metadata"]["name"])

    def _drop(self, name: str) -> None:
        kept = self._cache.pop(name, None)
        if kept is None:
            return
        self._names[kept.build].discard(name)
        if not self._names[kept.build]:
            del self._names[kept.build]
        # Also for a removal: whoever follows the Job must learn that it is gone.
        self._on_change(kept.build)

    async def _list(self) -> None:
        # Only what was cached before the first page may be dropped: objects that are
        # added while the pages are read are in no page. For the same reason tombstones
        # that are set meanwhile stay until the next list.
        before, old_tombstones = set(self._cache), set(self._tombstones)
        page = await self._cluster.page(self._resource, selector=self._selector)
        # Kept page by page: builds of the first page can be observed before a long list
        # is complete.
        seen = self._keep_all(page.items)
        while page.rest:
            page = await self._cluster.page(
                self._resource, selector=self._selector, after=page.rest
            )
            seen |= self._keep_all(page.items)
        for name in before - seen:
            self._drop(name)
        self._tombstones -= old_tombstones
        # The version of the last page; all pages of one list share it, by the
        # `continue` token.
        self._version = page.version
        self._list_at = self._clock.now() + RELIST * _jitter()
        self._listed.set()

    async def _watch(self) -> None:
        lines = self._cluster.watch(
            self._resource,
            selector=self._selector,
            since=self._version,
            length=WATCH * _jitter(),
        )
        async with aclosing(lines):
            async for line in lines:
                with translate_errors("reading a watch"):
                    event = json.loads(line)
                self._handle(event)

    def _handle(self, event: dict[str, Any]) -> None:
        item = event["object"]
        match event["type"]:
            # A watch answers 200 and reports an expired version as an event:
            # https://kubernetes.io/docs/reference/using-api/api-concepts/#410-gone-responses
            case "ERROR":
                doing = f"watching {self._resource.value}"
                raise failure(item.get("code", 0), json.dumps(item), doing=doing)
            case "DELETED":
                self._drop(item["metadata"]["name"])
            case "ADDED" | "MODIFIED":
                self._keep(item)
            case _:
                pass  # a bookmark: it only moves the version on
        self._version = item["metadata"]["resourceVersion"]

    def _keep_all(self, items: Sequence[Json]) -> set[str]:
        for item in items:
            self._keep(item)
        return {item["metadata"]["name"] for item in items}

    def _keep(self, item: Json) -> None:
        name = item["metadata"]["name"]
        if item["metadata"]["uid"] in self._tombstones:
            return
        build = item["metadata"].get("labels", {}).get(BUILD, "")
        text = trim(self._resource, item)
        before = self._cache.get(name)
        # Many updates change only fields that are trimmed away: nobody is notified.
        if before is not None and before.text == text:
            return
        self._cache[name] = _CachedObject(build, text)
        self._names[build].add(name)
        self._on_change(build)

    def _log_failure(self, message: str) -> None:
        self._log.warning("watch broke", error=message)


def _jitter() -> float:
    """Spread the ends of watches that were started at the same time."""
    return random.uniform(0.8, 1.2)  # noqa: S311 - nobody gains by guessing it
