"""Several processes over one RabbitMQ and one PostgreSQL: names of a test's own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from consumers.subscriptions import ROLES
from service.adapters.rabbitmq.settings import Broker
from tests.support.broker import swept
from tests.support.databases import TEST_KEY, migrated_schema
from tests.support.service import Service

__all__ = ["SHARED", "Cluster", "a_cluster"]

SHARED: Final = {
    "RELAUNCH_SECRET_KEY": TEST_KEY,
    "RELAUNCH_TOKEN": "the token of every receiver",
    "RELAUNCH_EVALUATION_DEBOUNCE": "200ms",
    # Repositories of tests are folders of this machine.
    "RELAUNCH_REMOTE_ALLOW_FILES": "true",
    "RELAUNCH_BUILD_RETRY_AFTER": "100ms",
}
"""What all processes have in common, beside bus and database."""


@dataclass(kw_only=True)
class Cluster:
    """The processes of a service; receivers have folders of their own."""

    folder: Path
    variables: dict[str, str]
    processes: list[Service] = field(default_factory=list)

    def receiver(self, name: str, **variables: str) -> Service:
        data = self.folder / f"receiver-{name}"
        return self._add(Service(data, role="receive", **self.variables | variables))

    def consumer(self, name: str, **variables: str) -> Service:
        # The local builder is the machine's: who takes over finds its images.
        data = self.folder / "data"
        given = self.variables | variables
        return self._add(Service(data, role="consume", name=name, **given))

    def _add(self, service: Service) -> Service:
        self.processes.append(service)
        return service


@asynccontextmanager
async def a_cluster(
    folder: Path, *, bus: str | None, way: str = "", database: str = ""
) -> AsyncIterator[Cluster]:
    """Give processes a schema and queue names; kill them and sweep in the end.

    Args:
        folder: Where they keep things.
        bus: The broker's address; without one they share the tables of the database.
        way: Another address of the same broker that the processes are told.
        database: One with tables of ours and nothing else, instead of such a schema.
    """
    async with AsyncExitStack() as stack:
        database = database or await stack.enter_async_context(migrated_schema())
        variables = {"RELAUNCH_DATABASE": database}
        if bus is not None:
            names = await stack.enter_async_context(swept(Broker(url=bus), *ROLES))
            variables["RELAUNCH_BUS"] = way or bus
            variables["RELAUNCH_AMQP_PREFIX"] = names.prefix
        cluster = Cluster(folder=folder, variables=SHARED | variables)
        try:
            yield cluster
        finally:
            for process in cluster.processes:
                process.kill()
