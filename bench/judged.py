"""How many pushes consumers judge, and what more processes bring.

Every push is of another repository whose definition is what it was, so that an
evaluation is all that follows it. The forge answers in a fixed time
(`bench/remotes.py`), PostgreSQL and RabbitMQ are real, and each consumer is a process
of its own with the loops that `relaunch consume` has beside the leader's. For each
number of processes as many pushes are published; the rate counts from the first verdict
to the last, and so does the processor time of the consumers.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import asyncpg

from bench.ingest import USUAL
from bench.remotes import BenchBuilder, BenchRemote
from bench.report import machine
from bench.road import ANSWERS_IN, Road, consumer_settings
from bench.servers import processor_seconds
from bench.stage import a_database
from consumers.loops.supervisor import supervise
from service.app.engines import Engines, open_engines
from service.app.loops import BusSide
from service.domain.source import Source
from service.logs import configure
from service.settings import Settings
from service.settings.forges import EvaluationSettings
from service.settings.serving import LogSettings
from tests.support.broker import own_broker

__all__ = ["main"]

PUSHES: Final = 500
MOST_PROCESSES: Final = 4
PATIENCE: Final = 300.0


def main() -> None:
    """Measure with one process, then with more; print a line for each."""
    parser = argparse.ArgumentParser(prog="make bench-judged", description=__doc__)
    parser.add_argument("--pushes", type=int, default=PUSHES, help="of each number")
    parser.add_argument("--processes", type=int, default=MOST_PROCESSES, help="at most")
    parser.add_argument(
        "--postgresql",
        default=os.environ.get("RELAUNCH_TEST_POSTGRESQL", USUAL),  # noqa: TID251 - no settings tree
        help="a server where a database may be made",
    )
    # The consumers are this program, too.
    parser.add_argument("--consume", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    configure(LogSettings(level="error"), stream=sys.stderr)
    if options.consume:
        asyncio.run(_consume(*options.consume))
        return
    print(machine())
    asyncio.run(_measure(options))


async def _measure(options: argparse.Namespace) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = await asyncio.to_thread(stack.enter_context, own_broker(folder))
        async with a_database(options.postgresql) as database:
            place = (str(folder), database, broker.url)
            async with _engines(*place) as engines:
                road = Road(
                    engines=engines,
                    remote=BenchRemote(answers_in=ANSWERS_IN),
                    builder=BenchBuilder(clock=engines.clock, starts_in=0, takes=0),
                    database=database,
                )
                sources = [
                    await road.follow(f"owner/{number}", project=f"project-{number}")
                    for number in range(options.pushes)
                ]
                async with _consumers(1, place):
                    await _judge(road, sources)
                alone = 0.0
                for count in range(1, options.processes + 1):
                    async with _consumers(count, place) as pids:
                        rate, cost = await _judged_rate(road, sources, pids)
                    alone = alone or rate
                    print(
                        f"pushes judged per second, {count} consumers: {rate:.0f}"
                        f" ({rate / alone:.2f} times one; {1000 * cost:.1f} ms of"
                        " their processor each)",
                        flush=True,
                    )


async def _judged_rate(
    road: Road, sources: Sequence[Source], pids: Sequence[int]
) -> tuple[float, float]:
    before = sum(map(processor_seconds, pids))
    first, last = await _judge(road, sources)
    cost = sum(map(processor_seconds, pids)) - before
    return (len(sources) - 1) / (last - first), cost / len(sources)


async def _judge(road: Road, sources: Sequence[Source]) -> tuple[float, float]:
    """Push to every source; return when the first and the last was judged."""
    connection = await asyncpg.connect(road.database)
    query = "SELECT coalesce(sum(generation), 0) FROM sources"
    try:
        until = int(await connection.fetchval(query)) + len(sources)
        before, first = until - len(sources), 0.0
        # What is published together leaves together: the rate is that of the verdicts.
        async with asyncio.TaskGroup() as group:
            for source in sources:
                group.create_task(road.announce(source))
        async with asyncio.timeout(PATIENCE):
            while (seen := int(await connection.fetchval(query))) < until:
                first = first or (time.monotonic() if seen > before else 0.0)
                await asyncio.sleep(0.02)
        return first, time.monotonic()
    finally:
        await connection.close()


@asynccontextmanager
async def _consumers(count: int, place: Sequence[str]) -> AsyncIterator[Sequence[int]]:
    """Run consumers; give their process ids."""
    command = [sys.executable, "-m", "bench.judged", "--consume", *place]
    running = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            await process.stdout.readline()  # it says so when it consumes
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            await process.wait()


@asynccontextmanager
async def _engines(folder: str, database: str, broker: str) -> AsyncIterator[Engines]:
    async with open_engines(_settings(folder, database, broker)) as engines:
        remote = BenchRemote(answers_in=ANSWERS_IN)
        yield replace(engines, remote=remote, anonymous_remote=remote)


def _settings(folder: str, database: str, broker: str) -> Settings:
    settings = consumer_settings(Path(folder), database, broker)
    # Each is pushed to in every round, and nobody is to wait for more pushes.
    evaluation = EvaluationSettings(debounce=timedelta(milliseconds=1))
    return settings.model_copy(update={"evaluation": evaluation})


async def _consume(folder: str, database: str, broker: str) -> None:
    """Consume until terminated."""
    settings = _settings(folder, database, broker)
    async with _engines(folder, database, broker) as engines:
        builder = BenchBuilder(clock=engines.clock, starts_in=0, takes=0)
        side = BusSide(settings, engines, builder=builder)
        async with asyncio.TaskGroup() as group:
            for loop in side.shared():
                group.create_task(supervise(loop, clock=engines.clock))
            print("consumes", flush=True)


if __name__ == "__main__":
    main()
