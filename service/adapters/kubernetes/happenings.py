"""What a cluster warns of, asked for only while something waits for its start.

Listed now and then, by one question for all that waits, and not watched: a watch would
bring every event of every pod of the namespace for as long as we run, and a question
for each object would have the server read all events each time.
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

__all__ = ["Happenings"]

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(seconds=4)
"""How old an answer may be; whoever asks does so every five seconds."""
MOST_PAGES: Final = 20
"""Of warnings, which are forgotten after an hour; 10,000 fill some megabytes."""


class Happenings:
    """The warnings of our namespace, by the object that they are about.

    Args:
        cluster: Who is asked.
        clock: Tells when to ask again.
    """

    def __init__(self, *, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._known: Mapping[str, Sequence[Json]] = {}
        self._asked_at: datetime | None = None
        self._turn = asyncio.Lock()

    async def about(self, *objects: Json | None) -> Sequence[Json]:
        """Return what is warned of about objects; what was known, when nobody tells."""
        async with self._turn:
            now = self._clock.now()
            if self._asked_at is None or now - self._asked_at >= EVERY:
                await self._ask()
                self._asked_at = self._clock.now()
        uids = [it["metadata"]["uid"] for it in objects if it is not None]
        return [event for uid in uids for event in self._known.get(uid, ())]

    async def _ask(self) -> None:
        found: defaultdict[str, list[Json]] = defaultdict(list)
        try:
            for event in await self._warnings():
                found[(event.get("involvedObject") or {}).get("uid") or ""].append(
                    event
                )
        except ServiceError as exc:
            # Reading events is a right of its own: builds go on without.
            log.warning("events unknown", error=str(exc))
            return
        self._known = dict(found)

    async def _warnings(self) -> Sequence[Json]:
        """Return what was warned of in the last hour; of very much, not all."""
        found: list[Json] = []
        rest = ""
        for _ in range(MOST_PAGES):
            page = await self._cluster.page(
                Resource.EVENT, fields="type=Warning", after=rest
            )
            found += page.items
            rest = page.rest
            if not rest:
                break
        return found
