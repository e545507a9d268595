"""What lists and look-ups cost among 200,000 launchers: `python -m bench.lists`.

Two databases of the bench's own are filled by SQL, a small one and a large one. A
receiver over each answers pages of launchers over HTTP, one at a time: the first page,
pages behind a cursor and pages by number, anywhere in the list. Its memory is read
after that. The look-up of a push is timed in this process, with the query that a
receiver sends.
"""

import argparse
import asyncio
import http.client
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import asyncpg

from bench.report import machine
from bench.servers import RELAUNCH, Server, running
from bench.stage import KEY, a_database
from service.adapters.store import SqlStore, open_database
from service.adapters.store.hot_queries import HOT_QUERIES, Run
from service.domain.hook import Secret
from service.domain.repository import Repository
from tests.support.filling import Size, fill_large, repository_path

__all__ = ["main"]

USUAL: Final = "postgresql://root@127.0.0.1:5432/postgres"
TOKEN: Final = "of the benchmark"  # noqa: S105 - a name
LARGE: Final = Size()
SMALL: Final = Size(launchers=20, sources=20, hooks=20, unfinished=2, behind=2)
PATH: Final = "/api/relaunch/session_launchers?per_page=20"
TIMES: Final = 300
LOOK_UPS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one database showed."""

    pages: dict[str, Sequence[float]]
    """Milliseconds by kind of page."""
    look_ups: Sequence[float]
    queries: dict[str, float]
    """The median milliseconds of every hot query."""
    memory: float
    """Resident MB of the receiver, after all pages."""


def main() -> None:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    parser.add_argument(
        "--postgresql",
        default=os.environ.get("RELAUNCH_TEST_POSTGRESQL", USUAL),  # noqa: TID251 - no settings tree
    )
    options = parser.parse_args()
    print(machine())
    small = asyncio.run(_measure(options.postgresql, SMALL))
    large = asyncio.run(_measure(options.postgresql, LARGE))
    print(f"load after: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    for name, took in large.pages.items():
        print(_line(name, took))
    print(_line("look-up of a push", large.look_ups))
    growth = 100 * (large.memory / small.memory - 1)
    print(
        f"receiver: {large.memory:.0f} MB; with {SMALL.launchers} launchers"
        f" {small.memory:.0f} MB ({growth:+.0f} %)"
    )
    for name, median in large.queries.items():
        print(f"  {name:44}{median:8.1f} ms; small {small.queries[name]:.1f}")


async def _measure(server: str, size: Size) -> Seen:
    async with (
        a_database(server) as url,
        open_database(url, keys=[Secret(KEY)]) as database,
    ):
        async with database.writing() as connection:
            await fill_large(connection, size)
        await _vacuum(url)
        store = SqlStore(database)
        look_ups = [
            await _timed(partial(_look_up, store, number))
            for number in _numbers(LOOK_UPS, size.sources)
        ]
        queries = {
            name: sorted([await _query(store, run) for _ in range(5)])[2]
            for name, run in HOT_QUERIES.items()
        }
        pages, memory = await asyncio.to_thread(_ask_pages, url, size)
    return Seen(pages=pages, look_ups=look_ups, queries=queries, memory=memory)


async def _vacuum(url: str) -> None:
    """Leave the tables as autovacuum does, which index-only scans rely on."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _look_up(store: SqlStore, number: int) -> None:
    url = f"https://github.com/{repository_path(number)}.git"
    async with store.reading(is_single=True) as tx:
        found = await tx.sources.of_repositories([Repository.from_url(url)])
    if len(found) != 1:
        raise RuntimeError(f"{len(found)} sources of {url}; expected 1")


async def _query(store: SqlStore, run: Run) -> float:
    async with store.reading() as tx:
        return await _timed(lambda: run(tx))


async def _timed(step: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await step()
    return (time.perf_counter() - began) * 1000


def _numbers(count: int, most: int) -> Sequence[int]:
    chosen = random.Random(1)  # noqa: S311 - the same in every run
    return [chosen.randint(1, most) for _ in range(count)]


def _ask_pages(database: str, size: Size) -> tuple[dict[str, Sequence[float]], float]:
    with TemporaryDirectory() as folder:
        settings = {
            "RELAUNCH_DATABASE": database,
            "RELAUNCH_DATA": str(Path(folder) / "data"),
            "RELAUNCH_LISTEN": "127.0.0.1:0",
            "RELAUNCH_LOG_FORMAT": "json",
            "RELAUNCH_SECRET_KEY": KEY,
            "RELAUNCH_TOKEN": TOKEN,
        }
        with running(RELAUNCH, settings, Path(folder) / "relaunch.log") as server:
            client = _Client(server)
            cursor = client.get(PATH)[1]
            pages = -(-size.launchers // 20)
            kinds = {
                "first page": [PATH] * TIMES,
                "page by number, anywhere": [
                    f"{PATH}&page={number}" for number in _numbers(TIMES, pages)
                ],
            }
            for paths in kinds.values():
                client.get(paths[0])
            found: dict[str, Sequence[float]] = {
                name: [client.get(path)[0] for path in paths]
                for name, paths in kinds.items()
            }
            found["page behind a cursor"] = client.walk(cursor)
            return found, server.resident()


class _Client:
    """One connection to a receiver, one request at a time."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)

    def get(self, path: str) -> tuple[float, str]:
        """Return the milliseconds of an answer, and the cursor of the next page."""
        began = time.perf_counter()
        self._connection.request(
            "GET", path, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        answer = self._connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return took, answer.headers.get("next-cursor", "")

    def walk(self, cursor: str) -> Sequence[float]:
        """Follow the cursors."""
        found: list[float] = []
        while cursor and len(found) < TIMES:
            took, cursor = self.get(f"{PATH}&after={cursor}")
            found.append(took)
        return found


def _line(name: str, took: Sequence[float]) -> str:
    ordered = sorted(took)
    at = {share: ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99)}
    return (
        f"{name:28} p50 {at[0.5]:6.1f}  p99 {at[0.99]:6.1f} ms  ({len(ordered)} times)"
    )


if __name__ == "__main__":
    main()
