"""What lies between a 202 and a build, and between a build and its launchers.

    calm      one push a second, each of another repository: 202 to the build's start
    crowd     sixty repositories at once
    running   the calm case beside builds that are under way
    course    one source with thousands of launchers, and another source beside it

One consumer in this process with every loop of `relaunch consume`, a PostgreSQL, a
RabbitMQ; the forge and the builder are stand-ins that answer in a fixed time
(`bench/remotes.py`). A push counts from the moment its event was confirmed.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Mapping,
    MutableSequence,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg
from pydantic import SecretStr

from bench.ingest import USUAL
from bench.loop import run
from bench.remotes import BenchBuilder, BenchRemote
from bench.report import Figures, machine, print_figures
from bench.stage import KEY, a_database
from consumers.loops.leader import Leader
from consumers.loops.supervisor import supervise
from service.app.engines import Engines, open_engines
from service.app.loops import BusSide
from service.app.roles.relaying import relay
from service.domain.building.build import EnvironmentId
from service.domain.launcher import Launcher, LauncherId, UpdatePolicy
from service.domain.repository import Repository
from service.domain.source import Revision, Source, SourceId
from service.events.envelope import Event
from service.events.models import PushReceived, RepositoryData
from service.logs import configure
from service.settings import Settings
from service.settings.building import BuildSettings
from service.settings.serving import LogSettings
from tests.support.broker import own_broker

__all__ = ["ANSWERS_IN", "PARTS", "Road", "consumer_settings", "main", "parsed"]

ANSWERS_IN: Final = 0.01
"""Seconds for one answer of the forge: on loopback."""
STARTS_IN: Final = 0.035
"""Seconds for one Job: a small API server takes 28 a second, one after the other."""
BUILD_TAKES: Final = 1.0
ENDLESS: Final = 10_000.0
PATIENCE: Final = 400.0
LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""New sources are evaluated once more; these are old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """A service whose forge and builder are the bench's."""

    engines: Engines
    remote: BenchRemote
    builder: BenchBuilder
    database: str

    async def follow(self, path: str, *, project: str) -> Source:
        """Add a source with one launcher."""
        clock, ids = self.engines.clock, self.engines.ids
        url = f"https://bench.test/{path}"
        repository = Repository(host="bench.test", path=path, url=url)
        source = Source(
            id=SourceId(ids.new()),
            repository=repository,
            revision=Revision.from_text("refs/heads/main"),
            context_dir="",
            created_at=LONG_AGO,
        )
        launcher = Launcher(
            id=LauncherId(ids.new()),
            project_id=project,
            name="notebooks",
            environment_id=EnvironmentId(ids.new()),
            source_id=source.id,
            builder="python",
            frontend="none",
            platform="linux/amd64",
            policy=UpdatePolicy.AUTOMATIC,
            created_at=clock.now(),
        )
        async with self.engines.store.transaction() as tx:
            await tx.sources.find_or_add(source)
            await tx.launchers.add(launcher)
        return source

    async def push(self, source: Source) -> float:
        """Change the definition of a source; return the moment of its 202."""
        self.remote.push(source.repository.path)
        return await self.announce(source)

    async def announce(self, source: Source) -> float:
        """Have a push be on the bus, whatever it changed; return that moment."""
        now = self.engines.clock.now()
        data = PushReceived(
            repository=RepositoryData.of(source.repository),
            ref="refs/heads/main",
            default_branch="main",
            trigger="push",
            delivery_id=self.engines.ids.new(),
            hook_id="bench",
            received_at=now,
        )
        event = Event.of(data, id=self.engines.ids.new(), time=now)
        await self.engines.bus.publish([event])
        return time.monotonic()

    async def until_started(self, source: Source, since: float) -> float:
        """Return how long after a moment the source's build was started."""
        async with asyncio.timeout(PATIENCE):
            while self.builder.started.get(source.repository.url, 0.0) < since:  # noqa: ASYNC110 - a look costs nothing
                await asyncio.sleep(0.005)
        return self.builder.started[source.repository.url] - since

    async def settle(self, sources: Sequence[Source]) -> None:
        """Give each source its first image."""
        since = time.monotonic()
        for source in sources:
            await self.push(source)
        for source in sources:
            await self.until_started(source, since)
        await self.until_moved()

    async def until_moved(self, source: Source | None = None) -> None:
        """Wait until every launcher (of a source) starts from the image it wants."""
        of_source = f" AND source_id = '{source.id}'" if source else ""
        await self._until_none(
            f"(image_key IS NULL OR image_key <> wanted_key){of_source}"
        )

    async def until_planned(self, source: Source, generation: int) -> None:
        """Wait until every launcher of a source knows what it wants."""
        await self._until_none(
            f"source_id = '{source.id}' AND wanted_generation <= {generation}"
        )

    async def _until_none(self, condition: str) -> None:
        query = f"SELECT count(*) FROM launchers WHERE {condition}"  # noqa: S608 - our ids
        connection = await asyncpg.connect(self.database)
        try:
            async with asyncio.timeout(PATIENCE):
                while await connection.fetchval(query):  # noqa: ASYNC110 - a database's
                    await asyncio.sleep(0.05)
        finally:
            await connection.close()

    async def multiply(self, source: Source, count: int) -> int:
        """Copy the launcher of a source; return the generation that they have."""
        connection = await asyncpg.connect(self.database)
        try:
            names = [
                row["column_name"]
                for row in await connection.fetch(
                    "SELECT column_name FROM information_schema.columns"
                    " WHERE table_name = 'launchers'"
                )
            ]
            fresh = {
                "id": "id || lpad(n::text, 6, '0')",
                "environment_id": "environment_id || lpad(n::text, 6, '0')",
                "name": "name || n",
            }
            chosen = ", ".join(fresh.get(name, name) for name in names)
            await connection.execute(
                f"INSERT INTO launchers ({', '.join(names)}) SELECT {chosen}"  # noqa: S608 - our columns
                f" FROM launchers, generate_series(1, {count - 1}) AS n"
                f" WHERE source_id = '{source.id}'"
            )
            await connection.execute("ANALYZE")
            found: int = await connection.fetchval(
                "SELECT max(generation) FROM launchers"
            )
            return found
        finally:
            await connection.close()


async def calm(options: argparse.Namespace) -> Figures:
    """Push to one repository after the other."""
    async with a_road(options, takes=BUILD_TAKES) as road:
        sources = await _followed(road, options.pushes)
        await asyncio.sleep(3)
        return {"202 to build, one a second": _shares(await _in_turn(road, sources))}


async def crowd(options: argparse.Namespace) -> Figures:
    """Push to all repositories at once."""
    async with a_road(options, takes=BUILD_TAKES) as road:
        sources = await _followed(road, options.pushes)
        await asyncio.sleep(3)
        sent = [(source, await road.push(source)) for source in sources]
        waits = [await road.until_started(source, at) for source, at in sent]
        moments = sorted(road.builder.started.values())
        rate = (len(moments) - 1) / (moments[-1] - moments[0])
        return {
            "202 to build, all at once": _shares(waits),
            "builds started per second, all at once": f"{rate:.1f}",
        }


async def running(options: argparse.Namespace) -> Figures:
    """Push to one repository after the other while hundreds of builds run."""
    async with a_road(options, takes=BUILD_TAKES) as road:
        sources = await _followed(road, 20)
        busy = [
            await road.follow(f"busy/{number}", project=f"busy-{number}")
            for number in range(options.running)
        ]
        road.builder.takes = ENDLESS
        since = time.monotonic()
        for source in busy:
            await road.push(source)
        for source in busy:
            await road.until_started(source, since)
        took = time.monotonic() - since
        await asyncio.sleep(3)
        before = time.process_time()
        await asyncio.sleep(10)
        share = (time.process_time() - before) / 10
        waits = await _in_turn(road, sources)
        return {
            "many builds started": f"{len(busy)} in {took:.1f} s",
            "202 to build beside many": _shares(waits),
            "processor while many builds run": f"{share:.1%} for {len(busy)}",
        }


async def course(options: argparse.Namespace) -> Figures:
    """Push to a source that thousands of launchers follow."""
    async with a_road(options, takes=BUILD_TAKES) as road:
        (source, *others) = await _followed(road, 61)
        generation = await road.multiply(source, options.launchers)
        await asyncio.sleep(3)
        waits: list[float] = []
        async with asyncio.TaskGroup() as group:
            beside = group.create_task(_beside(road, others, waits))
            pushed = await road.push(source)
            started = await road.until_started(source, pushed)
            await road.until_planned(source, generation)
            planned = time.monotonic() - pushed
            await road.until_moved(source)
            moved = time.monotonic() - pushed
            beside.cancel()
        return {
            "one source, many launchers": f"{options.launchers}: build started"
            f" {started:.1f} s, all planned {planned:.1f} s, all moved {moved:.1f} s"
            f" (build {BUILD_TAKES} s)",
            "another source's push meanwhile": _shares(waits),
        }


async def _beside(
    road: Road, others: Sequence[Source], waits: MutableSequence[float]
) -> None:
    for source in others:
        since = await road.push(source)
        waits.append(await road.until_started(source, since))
        await asyncio.sleep(max(0.0, 0.5 - waits[-1]))


async def _in_turn(road: Road, sources: Sequence[Source]) -> Sequence[float]:
    waits = []
    for source in sources:
        waits.append(await road.until_started(source, await road.push(source)))
        await asyncio.sleep(max(0.0, 1.0 - waits[-1]))
    return waits


async def _followed(road: Road, count: int) -> Sequence[Source]:
    sources = [
        await road.follow(f"owner/{number}", project=f"project-{number}")
        for number in range(count)
    ]
    await road.settle(sources)
    return sources


@asynccontextmanager
async def a_road(options: argparse.Namespace, *, takes: float) -> AsyncIterator[Road]:
    """Run a consumer that leads, over a database and a broker of its own."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = await asyncio.to_thread(stack.enter_context, own_broker(folder))
        database = await stack.enter_async_context(a_database(options.postgresql))
        settings = consumer_settings(folder, database, broker.url)
        engines = await stack.enter_async_context(open_engines(settings))
        remote = BenchRemote(answers_in=ANSWERS_IN)
        engines = replace(engines, remote=remote, anonymous_remote=remote)
        builder = BenchBuilder(clock=engines.clock, starts_in=STARTS_IN, takes=takes)
        side = BusSide(settings, engines, builder=builder)
        leader = Leader(
            store=engines.store,
            clock=engines.clock,
            owner="bench",
            resource=builder,
            loops=side.leading(),
        )
        loops = [relay(engines), *side.shared(), leader.run]
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for loop in loops:
            task = group.create_task(supervise(loop, clock=engines.clock))
            stack.callback(task.cancel)
        yield Road(engines=engines, remote=remote, builder=builder, database=database)


def consumer_settings(folder: Path, database: str, broker: str) -> Settings:
    """Return the settings of a consumer without caps."""
    return Settings(
        data=folder / "data",
        database=SecretStr(database),
        bus=SecretStr(broker),
        secret_key=SecretStr(KEY),
        token=SecretStr("of the benchmark"),
        log=LogSettings(level="error"),
        build=BuildSettings(max_concurrent=1000, max_per_project=1000),
    )


def _shares(seconds: Sequence[float]) -> str:
    values = sorted(seconds)
    if not values:
        return "none"
    median, late = (values[int(len(values) * share)] for share in (0.5, 0.99))
    return (
        f"p50 {median:.3f} s, p99 {late:.3f} s, max {values[-1]:.3f} s, n {len(values)}"
    )


PARTS: Final[
    Mapping[str, Callable[[argparse.Namespace], Coroutine[None, None, Figures]]]
] = {
    "calm": calm,
    "crowd": crowd,
    "running": running,
    "course": course,
}


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options; of the command line where none are given."""
    parser = argparse.ArgumentParser(prog="make bench-road", description=__doc__)
    parser.add_argument("--only", default="", choices=["", *PARTS])
    parser.add_argument("--pushes", type=int, default=60, help="of each kind")
    parser.add_argument("--running", type=int, default=500, help="builds under way")
    parser.add_argument("--launchers", type=int, default=2000, help="of the course")
    parser.add_argument(
        "--postgresql",
        default=os.environ.get("RELAUNCH_TEST_POSTGRESQL", USUAL),  # noqa: TID251 - no settings tree
        help="a server where a database may be made",
    )
    return parser.parse_args(arguments)


def main() -> None:
    """Run the bench; print what was measured."""
    options = parsed()
    configure(LogSettings(level="error"), stream=sys.stderr)
    for name, measure in PARTS.items():
        if options.only in {"", name}:
            print(machine())
            print_figures(run(measure(options)))


if __name__ == "__main__":
    main()
