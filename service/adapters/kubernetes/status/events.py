"""Warning events, listed only while a build waits for its start.

One periodic list serves all waiting builds. A watch would deliver every event of every
pod of the namespace all the time, and a list for each object would make the server read
all events each time.
https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.adapters.kubernetes.client import Cluster, Json, Resource
from service.errors import ServiceError
from service.ports.time import Clock

__all__ = ["WarningEvents"]

log = structlog.get_logger(__name__)

MAX_AGE: Final = timedelta(seconds=4)
"""The maximum age of the list; callers ask every five seconds."""
MOST_PAGES: Final = 20
"""Pages of warnings, which expire after an hour; 10,000 fill a few megabytes."""


class WarningEvents:
    """The warning events of the namespace, by the uid of their object.

    The builder has one, which all attempts share.

    Args:
        cluster: The cluster to list events from.
        clock: Decides when to list again.
    """

    def __init__(self, *, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._known: Mapping[str, Sequence[Json]] = {}
        self._listed_at: datetime | None = None
        # Attempts that ask at the same time wait for one list instead of making
        # several.
        self._lock = asyncio.Lock()

    async def about(self, *objects: Json | None) -> Sequence[Json]:
        """Return the warnings about objects; the previous ones when the list fails."""
        async with self._lock:
            now = self._clock.now()
            if self._listed_at is None or now - self._listed_at >= MAX_AGE:
                await self._refresh()
                # Also after a failure: without the right to read events each waiting
                # build would ask again, every second.
                self._listed_at = self._clock.now()
        uids = [
            object_["metadata"]["uid"] for object_ in objects if object_ is not None
        ]
        return [event for uid in uids for event in self._known.get(uid, ())]

    async def _refresh(self) -> None:
        by_uid: defaultdict[str, list[Json]] = defaultdict(list)
        try:
            for event in await self._list_warnings():
                uid = (event.get("involvedObject") or {}).get("uid") or ""
                by_uid[uid].append(event)
        except ServiceError as exc:
            # Reading events is a separate permission; builds work without it.
            log.warning("events unknown", error=str(exc))
            return
        self._known = dict(by_uid)

    async def _list_warnings(self) -> Sequence[Json]:
        """List the warnings that the server still has, up to `MOST_PAGES`."""
        warnings: list[Json] = []
        rest = ""
        for _ in range(MOST_PAGES):
            page = await self._cluster.page(
                Resource.EVENT, fields="type=Warning", after=rest
            )
            warnings += page.items
            rest = page.rest
            if not rest:
                break
        return warnings
