"""What a delivery costs between the sockets: `python -m bench.hot`.

Requests go straight into the server's protocol and answers out of it, one at a time, in
one process: no kernel, no other processes, everything warm. The least processor time of
many short turns is steady to a few per cent where `make bench` is to a third, so two
versions of the code are compared by this. The service's clock stands still: what is
remembered is read again every two seconds, and one record of each repository is written
every second, which on a busy machine falls into every turn. It says nothing of how many
deliveries a machine can take.
"""

import argparse
import asyncio
import gc
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import uvloop
from aiohttp import web

from bench.baselines import verifying
from bench.load import wire
from bench.stage import KEY, Subject, fill, subjects
from handlers.route import Surface
from handlers.server import open_server
from service.adapters.clock import SystemClock
from service.app.engines import open_engines
from service.app.http import http_side
from service.domain.building.build import EnvironmentId
from service.domain.definition import Kind
from service.domain.findings import Finding
from service.domain.hook import Secret
from service.settings import Settings

__all__ = ["main"]

TURNS: Final = 300
REQUESTS: Final = 100
"""In a turn."""
SUBJECTS: Final = ("untracked", "baseline, verify")


class Sink(asyncio.Transport):
    """Counts answers."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = 0

    def write(self, data: object) -> None:
        """Take an answer whole."""
        del data
        self.answers += 1

    def writelines(self, list_of_data: object) -> None:
        """Take an answer in pieces."""
        del list_of_data
        self.answers += 1

    def is_closing(self) -> bool:
        """Never."""
        return False

    def pause_reading(self) -> None:
        """Nothing more comes in any case."""

    def resume_reading(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True, kw_only=True)
class Road:
    """One subject's way through a server."""

    protocol: asyncio.Protocol
    sink: Sink
    wires: Sequence[tuple[bytes, bytes]]
    sent: int = 0

    async def turn(self) -> float:
        """Send some requests one after the other; return the microseconds of each."""
        began = time.process_time()
        for _ in range(REQUESTS):
            before, after = self.wires[self.sent % len(self.wires)]
            self.sent += 1
            # Never the same twice, or it would be answered as a duplicate.
            self.protocol.data_received(before + b"%036x" % self.sent + after)
            while self.sink.answers < self.sent:  # noqa: ASYNC110 - the loop's own turns
                await asyncio.sleep(0)
        return (time.process_time() - began) / REQUESTS * 1e6


class _StandingClock(SystemClock):
    """Gives the moment when the bench began, at the cost of the true one."""

    def __init__(self) -> None:
        self._began = super().now()

    def now(self) -> datetime:
        """Return the same moment at every call."""
        super().now()
        return self._began


async def _road(stack: AsyncExitStack, app: web.Application, subject: Subject) -> Road:
    server = await stack.enter_async_context(
        open_server(app, sockets=(), shutdown_seconds=5)
    )
    protocol, sink = server(), Sink()
    protocol.connection_made(sink)
    road = Road(
        protocol=protocol,
        sink=sink,
        wires=[wire(request) for request in subject.requests],
    )
    # A connection without a request is closed after a while; and hooks are read here.
    await road.turn()
    return road


class _Nobody:
    """Builds nothing here."""

    def identity(self, *, frontend: str) -> str:
        """Say so."""
        return f"nobody, {frontend}"

    def pull_secret(self, reference: str) -> str:
        del reference
        return ""

    def scope(self, project: str, environment: EnvironmentId) -> str:
        """Share everything."""
        del project, environment
        return ""

    def builds_for(self, platform: str) -> bool:
        """Build for everything, as nothing is built."""
        return bool(platform)

    def provides(self, frontend: str) -> bool:
        """Provide everything, as nothing is built."""
        return bool(frontend)

    def bases(self) -> Collection[str]:
        """Stand on nothing."""
        return ()

    def pin_bases(self, digests: Mapping[str, str]) -> None:
        """Stand on nothing."""
        del digests

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        """Remark nothing."""
        del kind
        return ()


@asynccontextmanager
async def _roads(folder: Path) -> AsyncIterator[Mapping[str, Road]]:
    database = f"sqlite:///{folder / 'db'}"
    await fill(database)
    settings = Settings(data=folder, database=database, secret_key=KEY)
    known = {subject.name: subject for subject in subjects()}
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_engines(settings))
        engines = replace(opened, clock=_StandingClock())
        side = http_side(
            settings,
            engines,
            builder=_Nobody(),
            token=Secret("of the benchmark"),
            parts=(Surface.RECEIVE, Surface.API),
        )
        apps = (side.application, verifying())
        yield {
            name: await _road(stack, app, known[name])
            for name, app in zip(SUBJECTS, apps, strict=True)
        }


async def _measure(turns: int) -> Mapping[str, float]:
    with TemporaryDirectory(prefix="relaunch-hot-") as folder:
        async with _roads(Path(folder)) as roads:
            gc.collect()
            gc.freeze()
            seen: dict[str, list[float]] = {name: [] for name in roads}
            for _ in range(turns):
                for name, road in roads.items():
                    seen[name].append(await road.turn())
    return {name: min(values) for name, values in seen.items()}


def main() -> None:
    """Measure, and print the least of the turns."""
    parser = argparse.ArgumentParser(prog="python -m bench.hot", description=__doc__)
    parser.add_argument("--turns", type=int, default=TURNS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        least = runner.run(_measure(parser.parse_args().turns))
    for name, microseconds in least.items():
        print(f"{name:20s}{microseconds:8.1f} µs")
    ours, theirs = (least[name] for name in SUBJECTS)
    print(f"{' / '.join(SUBJECTS)}: {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
