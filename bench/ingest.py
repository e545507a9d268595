"""What a delivery costs: `make bench`, or ten minutes more with `--long`.

Five subjects take turns, round after round, since the machine has other work too:

    tracked            a push that somebody follows: 202 once the broker has confirmed
    baseline, publish  a bare handler: verify, parse, one confirmed publish
    one ref            every push is of one ref of one repository: they share messages;
                       at the peak a closed loop of 32 connections
    untracked          a push that nobody follows: 202 with the reason
    baseline, verify   a bare handler: verify, parse

With `--waiting 100000` tracked pushes and those of one ref are measured once more, at
their peak and at half of what it was before, with so many messages in the queue that
nobody consumes.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.load import Plan, Result
from bench.report import Figures, Run, machine, peak_of, report, start_report
from bench.servers import RELAUNCH, Server, processor_seconds, running
from bench.stage import (
    BASELINE,
    KEY,
    Subject,
    a_database,
    fill,
    purge,
    subjects,
    wait_in_queue,
)
from bench.startup import measured_start
from tests.support.broker import own_broker

__all__ = ["USUAL", "main", "parsed", "peaks_of"]

ROUNDS: Final = 7
SECONDS: Final = 3.0
WARM_UP: Final = 0.5
OVERLOAD: Final = 12_000.0
"""Requests per second, more than anything here can answer."""
LONG_SECONDS: Final = 600.0
PURGE_EVERY: Final = 15.0
USUAL: Final = "postgresql://postgres@127.0.0.1:5432/postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Servers that run, and the broker behind them."""

    amqp: str
    broker: int
    """Its process."""
    servers: Mapping[str, Server]
    waiting: int = 0
    """Messages in the queue of pushes that stay there."""

    def run(self, subject: Subject, *, rate: float, seconds: float, seed: int) -> Run:
        """Send one load to one subject; what it costs is counted meanwhile."""
        server = self.servers[subject.server]
        plan = Plan(
            port=server.port,
            rate=rate,
            seconds=seconds,
            warm_up=WARM_UP,
            seed=seed,
            requests=subject.requests,
            connections=subject.connections,
        )
        before = [processor_seconds(number) for number in (server.pid, self.broker)]
        memory: list[tuple[float, float]] = []
        result = _load(plan, meanwhile=self._watching(server, memory))
        after = [processor_seconds(number) for number in (server.pid, self.broker)]
        if not self.waiting:
            asyncio.run(purge(self.amqp))
        return Run(
            subject=subject.name,
            result=result,
            cost=after[0] - before[0],
            broker_cost=after[1] - before[1],
            memory=memory,
        )

    def _watching(
        self, server: Server, memory: list[tuple[float, float]]
    ) -> Callable[[], None]:
        began = purged = time.monotonic()

        def watch() -> None:
            nonlocal purged
            now = time.monotonic()
            memory.append((now - began, server.resident()))
            if now - purged >= PURGE_EVERY and not self.waiting:
                asyncio.run(purge(self.amqp))
                purged = now

        return watch


def _load(plan: Plan, *, meanwhile: Callable[[], None]) -> Result:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(plan.to_json())
        process.stdin.close()
        while process.poll() is None:
            meanwhile()
            time.sleep(0.5)
        assert process.stdout is not None
        said = process.stdout.read()
    if process.returncode:
        raise RuntimeError("the load generator failed")
    return Result(**json.loads(said))


@contextmanager
def _bench(folder: Path, postgresql: str) -> Iterator[Bench]:
    with own_broker(folder) as broker, _database(postgresql) as database:
        settings = {
            "RELAUNCH_BUS": broker.url,
            "RELAUNCH_DATABASE": database,
            "RELAUNCH_DATA": str(folder / "data"),
            "RELAUNCH_LISTEN": "127.0.0.1:0",
            "RELAUNCH_LOG_FORMAT": "json",
            "RELAUNCH_SECRET_KEY": KEY,
            "RELAUNCH_TOKEN": "of the benchmark",
        }
        asyncio.run(fill(database))
        baselines = ("-m", "bench.baselines", broker.url, BASELINE)
        print(start_report(measured_start(settings, folder)))
        with (
            running(RELAUNCH, settings, folder / "relaunch.log") as ours,
            running(baselines, {}, folder / "baselines.log") as theirs,
        ):
            servers = {"relaunch": ours, "baselines": theirs}
            yield Bench(
                amqp=broker.url,
                broker=int((folder / "pid").read_text()),
                servers=servers,
            )


@contextmanager
def _database(server: str) -> Iterator[str]:
    """Give a database of one's own, from blocking code."""
    with asyncio.Runner() as runner:
        database = a_database(server)
        url = runner.run(database.__aenter__())
        try:
            yield url
        finally:
            runner.run(database.__aexit__(None, None, None))


def peaks_of(options: argparse.Namespace) -> Figures:
    """Measure the peaks alone; with messages waiting where options say so."""
    with (
        tempfile.TemporaryDirectory(prefix="relaunch-bench-") as folder,
        _bench(Path(folder), options.postgresql) as bench,
    ):
        chosen = [one for one in subjects() if one.name.startswith(options.only)]
        rates = {subject.name: OVERLOAD for subject in chosen}
        figures = _peaks("", _rounds(bench, chosen, rates, options.rounds))
        if options.waiting:
            asyncio.run(wait_in_queue(bench.amqp, options.waiting))
            deep = replace(bench, waiting=options.waiting)
            behind = f", {options.waiting} messages waiting"
            figures |= _peaks(behind, _rounds(deep, chosen, rates, options.rounds))
            asyncio.run(purge(bench.amqp))
        return figures


def _peaks(how: str, runs: Sequence[Run]) -> dict[str, str]:
    names = dict.fromkeys(run.subject for run in runs)
    return {f"{name}{how}": f"{peak_of(name, runs):.0f} per s" for name in names}


def _measure(bench: Bench, options: argparse.Namespace) -> None:
    """Measure everything at its peak, then everything at half of that."""
    chosen = [
        subject for subject in subjects() if subject.name.startswith(options.only)
    ]
    peaks = _rounds(
        bench, chosen, {subject.name: OVERLOAD for subject in chosen}, options.rounds
    )
    print(report("At the peak", peaks))
    half = {subject.name: peak_of(subject.name, peaks) / 2 for subject in chosen}
    print(report("At half the peak", _rounds(bench, chosen, half, options.rounds)))
    if options.waiting:
        _measure_waiting(bench, chosen, half, options)
    if options.long:
        tracked = chosen[0]
        rate = half[tracked.name]
        run = bench.run(tracked, rate=rate, seconds=LONG_SECONDS, seed=999)
        print(report("Ten minutes at half the peak", [run]))


def _measure_waiting(
    bench: Bench,
    chosen: Sequence[Subject],
    half: Mapping[str, float],
    options: argparse.Namespace,
) -> None:
    """Measure what publishes once more, with messages that nobody consumes."""
    asyncio.run(wait_in_queue(bench.amqp, options.waiting))
    deep = replace(bench, waiting=options.waiting)
    ours = [subject for subject in chosen if subject.name in {"tracked", "one ref"}]
    peaks = {subject.name: OVERLOAD for subject in ours}
    for place, rates in (("the peak", peaks), ("the same half of the peak", half)):
        title = f"At {place}, {options.waiting} messages waiting"
        print(report(title, _rounds(deep, ours, rates, options.rounds)))
    asyncio.run(purge(bench.amqp))


def _rounds(
    bench: Bench, chosen: Sequence[Subject], rates: Mapping[str, float], rounds: int
) -> Sequence[Run]:
    """Take turns, shortly and often: the machine's own speed comes and goes."""
    return [
        bench.run(subject, rate=rates[subject.name], seconds=SECONDS, seed=turn)
        for turn in range(1, rounds + 1)
        for subject in chosen
    ]


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options; of the command line where none are given."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--long", action="store_true", help="ten minutes more")
    parser.add_argument("--waiting", type=int, default=0, help="messages in the queue")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="part of a subject's name")
    parser.add_argument(
        "--postgresql",
        default=os.environ.get("RELAUNCH_TEST_POSTGRESQL", USUAL),  # noqa: TID251 - no settings tree
        help="a server where a database may be made",
    )
    return parser.parse_args(arguments)


def main() -> None:
    """Run the bench; print what was measured."""
    options = parsed()
    print(machine())
    with (
        tempfile.TemporaryDirectory(prefix="relaunch-bench-") as folder,
        _bench(Path(folder), options.postgresql) as bench,
    ):
        _measure(bench, options)


if __name__ == "__main__":
    main()
