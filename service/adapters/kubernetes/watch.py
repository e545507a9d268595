"""A copy of what the API server knows of us, kept up to date.

List, then watch from there; what a watch misses, the next list brings
(https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
Its states may be old for a while, never wrong: events are whole objects.
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
from service.adapters.kubernetes.failures import ExpiredError, failure, translated
from service.adapters.kubernetes.names import BUILD
from service.adapters.kubernetes.trim import trimmed
from service.adapters.retry import patiently
from service.errors import ServiceError, TransientError
from service.ports.time import Clock

__all__ = ["Mirror"]

log = structlog.get_logger(__name__)

WATCH: Final = timedelta(seconds=120)
"""How long a watch lasts: also how long one may be dead without anybody noticing."""
RELIST: Final = timedelta(minutes=10)
"""How often everything is listed again, in case a watch lost something."""
AFTER_FAULT: Final = timedelta(seconds=5)
FIRST_LIST: Final = timedelta(seconds=10)
"""How long a question may wait for the first list; that of 5,000 Jobs takes 2 s."""


@dataclass(frozen=True, slots=True)
class _Kept:
    build: str
    text: bytes
    """As JSON: what is read seldom need not be ready to use."""


class Mirror:
    """Our objects of one resource, by the label of their build.

    Args:
        cluster: Where they are.
        resource: What to keep.
        selector: Which of them.
        clock: Tells when to list again.
        on_change: Told of each build of which something changed.
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
        self._kept: dict[str, _Kept] = {}
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self._version = ""
        self._list_at: datetime | None = None
        self._listed = asyncio.Event()
        self._buried: set[str] = set()
        self._log = log.bind(resource=resource.value)

    async def run(self) -> None:
        """Keep up until cancelled."""
        while True:
            try:
                await patiently(self.follow, on=ServiceError, failed=self._broke)
            except Exception:  # noqa: BLE001 - and logged, by a bound logger
                # A fault of ours, or an object that nobody expected: builds go on.
                self._log.exception("watch failed")
                self._list_at = None
                await self._clock.sleep(AFTER_FAULT)

    async def follow(self) -> None:
        """Watch once, after listing where that is due.

        Raises:
            ServiceError: The API server ended it; what is kept stays.
        """
        try:
            if self._list_at is None or self._clock.now() >= self._list_at:
                await self._list()
            await self._watch()
        except ExpiredError:
            self._list_at = None
            raise

    async def listed(self) -> None:
        """Return once everything was listed.

        Raises:
            TransientError: It was not yet, and does not seem to be soon.
        """
        try:
            async with asyncio.timeout(FIRST_LIST.total_seconds()):
                await self._listed.wait()
        except TimeoutError:
            raise TransientError(
                f"the cluster's {self._resource.value} could not be listed yet"
            ) from None

    def of(self, build: str) -> Sequence[Json]:
        """Return the objects with this label of a build."""
        return [json.loads(self._kept[it].text) for it in self._names.get(build, ())]

    def builds(self) -> Sequence[str]:
        """Return the labels of all builds of which there is something."""
        return [it for it in self._names if it]

    def everything(self) -> Sequence[Json]:
        """Return the objects of all builds."""
        return [found for build in self.builds() for found in self.of(build)]

    def put(self, found: Json) -> None:
        """Keep an object that was read elsewhere, unless it is known already."""
        if found["metadata"]["name"] not in self._kept:
            self._keep(found)

    def bury(self, found: Json) -> None:
        """Forget an object that was deleted, whatever older news of it still come."""
        self._buried.add(found["metadata"]["uid"])
        self._drop(found["metadata"]["name"])

    def _drop(self, name: str) -> None:
        kept = self._kept.pop(name, None)
        if kept is None:
            return
        self._names[kept.build].discard(name)
        if not self._names[kept.build]:
            del self._names[kept.build]
        self._on_change(kept.build)

    async def _list(self) -> None:
        before, buried = set(self._kept), set(self._buried)
        page = await self._cluster.page(self._resource, selector=self._selector)
        seen = self._take(page.items)
        while page.rest:
            page = await self._cluster.page(
                self._resource, selector=self._selector, after=page.rest
            )
            seen |= self._take(page.items)
        for name in before - seen:
            self._drop(name)
        self._buried -= buried
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
                with translated("reading a watch"):
                    event = json.loads(line)
                self._heed(event)

    def _heed(self, event: dict[str, Any]) -> None:
        found = event["object"]
        match event["type"]:
            case "ERROR":
                doing = f"watching {self._resource.value}"
                raise failure(found.get("code", 0), json.dumps(found), doing=doing)
            case "DELETED":
                self._drop(found["metadata"]["name"])
            case "ADDED" | "MODIFIED":
                self._keep(found)
            case _:
                pass  # a bookmark: nothing but a version
        self._version = found["metadata"]["resourceVersion"]

    def _take(self, items: Sequence[Json]) -> set[str]:
        for found in items:
            self._keep(found)
        return {found["metadata"]["name"] for found in items}

    def _keep(self, found: Json) -> None:
        name = found["metadata"]["name"]
        if found["metadata"]["uid"] in self._buried:
            return
        build = found["metadata"].get("labels", {}).get(BUILD, "")
        text = trimmed(self._resource, found)
        before = self._kept.get(name)
        if before is not None and before.text == text:
            return
        self._kept[name] = _Kept(build, text)
        self._names[build].add(name)
        self._on_change(build)

    def _broke(self, message: str) -> None:
        self._log.warning("watch broke", error=message)


def _jitter() -> float:
    """Keep watches that began together from ending together."""
    return random.uniform(0.8, 1.2)  # noqa: S311 - nobody gains by guessing it
