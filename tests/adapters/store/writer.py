"""A process that commits for ever and says what it has committed; it gets killed."""

import asyncio
import sys

from service.adapters.clock import SystemClock
from service.adapters.embedded_bus.bus import TableBus
from service.adapters.store import SqlStore, open_database
from service.domain.building.build import BuildId
from service.domain.hook import Secret
from service.events.envelope import Event
from service.ports.bus import Role
from tests.support.databases import TEST_KEY
from tests.support.values import a_rebuild

WRITTEN = Role(name="written", events=("written.v1",))
BUILD = BuildId("build-1")


async def write(url: str) -> None:
    async with open_database(url, keys=[Secret(TEST_KEY)]) as database:
        store, clock = SqlStore(database), SystemClock()
        bus = TableBus(database, roles=[WRITTEN], clock=clock)
        number = 0
        while True:
            number += 1
            name = f"{sys.argv[2]}-{number}"
            event = Event(
                id=name, type="dev.relaunch.written.v1", time=clock.now(), data={}
            )
            async with store.transaction("lock") as tx:
                await tx.rebuilds.add(a_rebuild(id=name))
                await tx.logs.append(BUILD, "build", [name])
            await bus.publish([event])
            print(name, flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))
