"""How many pushes consumers judge, and what more processes bring.

Every push is of another repository and brings a commit that leaves the definition as it
was, so that an evaluation is all that follows it. The forge answers in a fixed time
(`bench/remotes.py`), PostgreSQL and RabbitMQ are real, and each consumer is a process
of its own with every loop of `relaunch consume`. For each number of processes as many
pushes are published; the rate counts from the first verdict to the last. Beside it
stands the processor time of a push, which a busy machine leaves as it is: of the
consumers, of the processes that read definitions for them, of the database's
connections and of the broker.
"""

import argparse
import asyncio
import cProfile
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import asyncpg

from bench.ingest import USUAL
from bench.loop import run
from bench.remotes import BenchBuilder, BenchRemote
from bench.report import Figures, machine, print_figures
from bench.road import ANSWERS_IN, Road, consumer_settings
from bench.servers import processor_seconds
from bench.stage import a_database
from consumers.loops.leader import Leader
from service.app.engines import Engines, open_engines
from service.app.loops import BusSide
from service.app.process import until_stopped
from service.app.roles.relaying import relay
from service.domain.source import Source
from service.logs import configure
from service.settings import Settings
from service.settings.forges import EvaluationSettings
from service.settings.serving import LogSettings
from tests.support.broker import own_broker

__all__ = ["main", "measure", "parsed"]

PUSHES: Final = 500
MOST_PROCESSES: Final = 4
PATIENCE: Final = 300.0
SETTLED: Final = 2.0
"""Seconds in which a new leader has looked through everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the consumers work."""

    road: Road
    place: tuple[str, str, str]
    """The folder, the database and the broker, as the consumers are told."""
    sources: Sequence[Source]
    profile: str = ""


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options; of the command line where none are given."""
    parser = argparse.ArgumentParser(prog="make bench-judged", description=__doc__)
    parser.add_argument("--pushes", type=int, default=PUSHES, help="of each number")
    parser.add_argument("--processes", type=int, default=MOST_PROCESSES, help="at most")
    parser.add_argument("--profile", default="", help="file for a consumer's profile")
    parser.add_argument(
        "--postgresql",
        default=os.environ.get("RELAUNCH_TEST_POSTGRESQL", USUAL),  # noqa: TID251 - no settings tree
        help="a server where a database may be made",
    )
    # The consumers are this program, too.
    parser.add_argument("--consume", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main() -> None:
    """Measure with one process, then with more; print a line for each."""
    options = parsed()
    configure(LogSettings(level="error"), stream=sys.stderr)
    if options.consume:
        _profiled(options)
        return
    print(machine())
    print_figures(asyncio.run(measure(options)))


async def measure(options: argparse.Namespace) -> Figures:
    """Measure with one process, then with more."""
    figures: dict[str, str] = {}
    async with _stage(options) as stage:
        # They get their images first: what follows an unchanged definition is to be
        # that of a launcher that has what it wants.
        async with _consumers(1, stage):
            await _judge(stage)
            await stage.road.until_moved()
        alone = 0.0
        for count in range(1, options.processes + 1):
            async with _consumers(count, replace(stage, profile=options.profile)) as it:
                # What a process does for the first time is none of what a push costs:
                # most definitions were read by each of them once.
                for _ in range(count):
                    await _judge(stage)
                rate, costs = await _judged_rate(stage, it)
            alone = alone or rate
            shares = ", ".join(f"{who} {cost:.1f}" for who, cost in costs.items())
            figures[f"pushes judged per second, {count} consumers"] = (
                f"{rate:.0f} ({rate / alone:.2f} times one; ms of processor each:"
                f" {shares})"
            )
    return figures


@asynccontextmanager
async def _stage(options: argparse.Namespace) -> AsyncIterator[Stage]:
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
                yield Stage(road=road, place=place, sources=sources)


async def _judged_rate(
    stage: Stage, pids: Sequence[int]
) -> tuple[float, Mapping[str, float]]:
    """Return the verdicts a second, and what each cost whom, in milliseconds."""
    before = await _costs(stage, pids)
    first, last = await _judge(stage)
    after = await _costs(stage, pids)
    count = len(stage.sources)
    costs = {who: 1000 * (after[who] - before[who]) / count for who in after}
    return (count - 1) / (last - first), costs


async def _costs(stage: Stage, pids: Sequence[int]) -> Mapping[str, float]:
    connection = await asyncpg.connect(stage.road.database)
    try:
        found = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
    broker = int((Path(stage.place[0]) / "pid").read_text())
    return {
        "consumers": sum(map(processor_seconds, pids)),
        "readers": sum(map(_readers_seconds, pids)),
        "database": sum(processor_seconds(row["pid"]) for row in found),
        "broker": processor_seconds(broker),
    }


def _readers_seconds(pid: int) -> float:
    """Return what the children of a process have cost, with theirs that ended."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(processor_seconds(int(child), with_children=True) for child in children)


async def _judge(stage: Stage) -> tuple[float, float]:
    """Push to every source; return when the first and the last was judged."""
    connection = await asyncpg.connect(stage.road.database)
    query = "SELECT coalesce(sum(generation), 0) FROM sources"
    try:
        until = int(await connection.fetchval(query)) + len(stage.sources)
        before, first = until - len(stage.sources), 0.0
        # What is published together leaves together: the rate is that of the verdicts.
        async with asyncio.TaskGroup() as group:
            for source in stage.sources:
                group.create_task(stage.road.announce(source))
        async with asyncio.timeout(PATIENCE):
            while (seen := int(await connection.fetchval(query))) < until:
                first = first or (time.monotonic() if seen > before else 0.0)
                await asyncio.sleep(0.02)
        return first, time.monotonic()
    finally:
        await connection.close()


@asynccontextmanager
async def _consumers(count: int, stage: Stage) -> AsyncIterator[Sequence[int]]:
    """Run consumers; give their process ids."""
    command = [sys.executable, "-m", "bench.judged", "--consume", *stage.place]
    running = [
        await asyncio.create_subprocess_exec(
            *command,
            *(("--profile", f"{stage.profile}.{count}.{number}") * bool(stage.profile)),
            stdout=subprocess.PIPE,
        )
        for number in range(count)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            await process.stdout.readline()  # it says so when it consumes
        await asyncio.sleep(SETTLED)
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            await process.wait()


@asynccontextmanager
async def _engines(folder: str, database: str, broker: str) -> AsyncIterator[Engines]:
    async with open_engines(_settings(folder, database, broker)) as engines:
        remote = BenchRemote(answers_in=ANSWERS_IN, moves=True)
        yield replace(engines, remote=remote, anonymous_remote=remote)


def _settings(folder: str, database: str, broker: str) -> Settings:
    settings = consumer_settings(Path(folder), database, broker)
    # Each is pushed to in every round, and nobody is to wait for more pushes.
    evaluation = EvaluationSettings(debounce=timedelta(milliseconds=1))
    return settings.model_copy(update={"evaluation": evaluation})


def _profiled(options: argparse.Namespace) -> None:
    """Consume until terminated; write a profile where one is wanted."""
    consuming = _consume(*options.consume)
    if not options.profile:
        run(consuming)
        return
    with cProfile.Profile() as profile:
        run(consuming)
    profile.dump_stats(options.profile)


async def _consume(folder: str, database: str, broker: str) -> None:
    settings = _settings(folder, database, broker)
    async with _engines(folder, database, broker) as engines:
        builder = BenchBuilder(clock=engines.clock, starts_in=0, takes=0)
        side = BusSide(settings, engines, builder=builder)
        leader = Leader(
            store=engines.store,
            clock=engines.clock,
            owner=engines.ids.new(),
            resource=builder,
            loops=side.leading(),
        )
        loops = [relay(engines), *side.shared(), leader.run]
        await until_stopped(
            loops,
            clock=engines.clock,
            on_start=lambda: print("consumes", flush=True),
        )


if __name__ == "__main__":
    main()
