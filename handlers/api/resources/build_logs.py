"""A build's log, line by line while it grows."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from handlers.api.schemas.builds import LogLineResponse, WaitingResponse
from handlers.api.schemas.renku.builds import status_of
from handlers.sse import Stream
from service.domain.building.build import Rebuild, RebuildId
from service.ports.store import Store, Transaction
from service.ports.time import Clock

__all__ = ["follow_log"]

WHY_EVERY: Final = timedelta(seconds=1)
"""Between two questions what a build waits for."""
PAUSE: Final = timedelta(seconds=0.3)
"""Between two reads of new lines: live for a person, and cheap for the store."""


Why = Callable[[Transaction, Rebuild], Awaitable[WaitingResponse | None]]


async def follow_log(
    stream: Stream,
    rebuild_id: RebuildId,
    *,
    store: Store,
    clock: Clock,
    after: int,
    why: Why,
) -> None:
    """Send every line after a place until the rebuild is final, then `end`.

    And `waiting` whenever what it waits for is another thing than before.

    Args:
        stream: Where to.
        rebuild_id: Whose log.
        store: Holds it.
        clock: Gives the time.
        after: The place.
        why: Explains what a rebuild waits for.
    """
    sent: WaitingResponse | None = None
    requested_at: datetime | None = None
    while stream.is_open:
        # The state first: a build writes its last line before it ends.
        async with store.reading() as tx:
            rebuild = await tx.rebuilds.get(rebuild_id)
            now, before = clock.now(), sent
            if requested_at is None or now - requested_at >= WHY_EVERY:
                requested_at, sent = now, await why(tx, rebuild)
        if sent is not None and sent != before:
            await stream.send("waiting", sent.model_dump_json(exclude_none=True))
        after = await _send_lines(stream, rebuild, store, after)
        if rebuild.state.is_final:
            await stream.send("end", _ending(rebuild))
            return
        await stream.keep_alive()
        await clock.sleep(PAUSE)


async def _send_lines(
    stream: Stream, rebuild: Rebuild, store: Store, after: int
) -> int:
    if rebuild.build_id is None:
        return after
    while True:
        async with store.reading() as tx:
            lines = await tx.logs.read(rebuild.build_id, after=after)
        if not lines:
            return after
        for line in lines:
            sent = LogLineResponse(phase=line.phase, text=line.text)
            await stream.send("line", sent.model_dump_json(), id_=str(line.seq))
        after = lines[-1].seq


def _ending(rebuild: Rebuild) -> str:
    return json.dumps(
        {"status": status_of(rebuild.state), "state": rebuild.state.value}
    )
