"""A build's log, line by line while it grows."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from handlers.shapes.builds import WaitingTold, status_of
from handlers.streams import Stream
from service.domain.build import Rebuild, RebuildId
from service.ports.store import Store, Transaction
from service.ports.time import Clock

__all__ = ["follow_log"]

WHY_EVERY: Final = timedelta(seconds=1)
"""Between two questions what a build waits for."""
PAUSE: Final = timedelta(seconds=0.3)
"""Between two looks for new lines: live for a person, and cheap for the store."""


Why = Callable[[Transaction, Rebuild], Awaitable[WaitingTold | None]]


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
        clock: Tells the time.
        after: The place.
        why: Says what a rebuild waits for.
    """
    told: WaitingTold | None = None
    asked_at: datetime | None = None
    while stream.is_open:
        # The state first: a build says its last line before it ends.
        async with store.reading() as tx:
            rebuild = await tx.rebuilds.get(rebuild_id)
            now, before = clock.now(), told
            if asked_at is None or now - asked_at >= WHY_EVERY:
                asked_at, told = now, await why(tx, rebuild)
        if told is not None and told != before:
            await stream.send("waiting", told.model_dump_json(exclude_none=True))
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
            data = json.dumps({"phase": line.phase, "text": line.text})
            await stream.send("line", data, id_=str(line.seq))
        after = lines[-1].seq


def _ending(rebuild: Rebuild) -> str:
    return json.dumps(
        {"status": status_of(rebuild.state), "state": rebuild.state.value}
    )
