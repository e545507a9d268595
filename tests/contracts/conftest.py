"""What the contract suites run over: one entry per implementation of a port."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

import pytest

from service.adapters.clock import SystemClock
from service.adapters.embedded_bus.bus import TableBus
from service.adapters.store import Database, SqlStore, open_database
from service.adapters.traced_bus import TracedBus
from service.events.trace import Span
from service.ports.bus import Bus, Role
from service.ports.store import Store
from tests.support.broker import rabbit_buses
from tests.support.databases import KEYS, migrated_schema, sqlite_database


class OpenBus(Protocol):
    """Opens buses over one broker: what one publishes, another consumes.

    Each stands for a process of its own; its consumers die with it.
    """

    def __call__(self, *roles: Role) -> AbstractAsyncContextManager[Bus]: ...


class OpenDatabase(Protocol):
    """Opens one database again; over PostgreSQL each is like another process."""

    def __call__(self) -> AbstractAsyncContextManager[Database]: ...


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[OpenDatabase]:
    """One process owns a file, so everybody shares the one `Database`."""
    async with sqlite_database(folder / "relaunch.db") as database:

        @asynccontextmanager
        async def again() -> AsyncIterator[Database]:
            yield database

        yield again


@asynccontextmanager
async def _postgresql(_folder: Path) -> AsyncIterator[OpenDatabase]:
    async with migrated_schema() as url:
        yield lambda: open_database(url, keys=KEYS)


@asynccontextmanager
async def _table_sqlite(folder: Path) -> AsyncIterator[OpenBus]:
    async with _sqlite(folder) as databases:
        yield _table_buses(databases)


@asynccontextmanager
async def _table_postgresql(folder: Path) -> AsyncIterator[OpenBus]:
    async with _postgresql(folder) as databases:
        yield _table_buses(databases)


def _table_buses(databases: OpenDatabase) -> OpenBus:
    @asynccontextmanager
    async def bus(*roles: Role) -> AsyncIterator[Bus]:
        async with databases() as database:
            yield TableBus(database, roles=roles, clock=SystemClock())

    return bus


DATABASES: Final[
    dict[str, Callable[[Path], AbstractAsyncContextManager[OpenDatabase]]]
] = {"sqlite": _sqlite, "postgresql": _postgresql}


@asynccontextmanager
async def _rabbitmq(_folder: Path) -> AsyncIterator[OpenBus]:
    async with rabbit_buses() as opened:
        yield opened


@asynccontextmanager
async def _traced(folder: Path) -> AsyncIterator[OpenBus]:
    async with _table_sqlite(folder) as opened:

        @asynccontextmanager
        async def bus(*roles: Role) -> AsyncIterator[Bus]:
            async with opened(*roles) as inner:
                yield TracedBus(inner, tracer=Spans(), clock=SystemClock())

        yield bus


class Spans:
    """A tracer that keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[Span] = []

    def record(self, spans: Iterable[Span]) -> None:
        self.kept += spans


BUSES: Final[dict[str, Callable[[Path], AbstractAsyncContextManager[OpenBus]]]] = {
    "table-sqlite": _table_sqlite,
    "table-postgresql": _table_postgresql,
    "rabbitmq": _rabbitmq,
    "traced": _traced,
}
"""To add a bus: an entry here and a `pytest.param` with its mark below."""


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
async def databases(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[OpenDatabase]:
    """One empty database, to open as often as a test likes."""
    async with DATABASES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
async def store(databases: OpenDatabase) -> AsyncIterator[Store]:
    """One empty store."""
    async with databases() as database:
        yield SqlStore(database)


@pytest.fixture(
    params=[
        "table-sqlite",
        "traced",
        pytest.param("table-postgresql", marks=pytest.mark.postgresql),
        pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
    ]
)
async def bus_factory(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[OpenBus]:
    """One empty broker, to open buses over: `async with bus_factory(ROLE) as bus`."""
    async with BUSES[request.param](tmp_path) as opened:
        yield opened
