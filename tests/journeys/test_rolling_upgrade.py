"""Processes of the version before and of this one, side by side under deliveries.

What docs/upgrade.md promises: `relaunch migrate` while the old ones work, then one
process after the other, in any order; nothing that was accepted is lost, and nobody is
refused.
"""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from consumers.subscriptions import ROLES
from service.adapters.rabbitmq.settings import Broker
from tests.support.broker import broker_url, swept
from tests.support.cluster import SHARED
from tests.support.courses import Course, a_bare_course
from tests.support.databases import postgresql_schema
from tests.support.delivery_stream import DeliveryStream, delivering
from tests.support.service import Service
from tests.support.version_before import OldService, source_before

pytestmark = [
    pytest.mark.outage,
    pytest.mark.postgresql,
    pytest.mark.rabbitmq,
    pytest.mark.xdist_group("outages"),
    pytest.mark.timeout(180),
]

START = 40.0
SETTLED = 60.0
SOME = 20
"""Deliveries: enough to be under way in every state of a message."""


@dataclass(kw_only=True)
class Versions:
    """One process of each role and version, over one database and one broker."""

    old_receiver: OldService
    old_consumer: OldService
    receiver: Service
    consumer: Service
    course: Course

    def migrate(self) -> None:
        subprocess.run(
            [sys.executable, "-m", "service.cli", "migrate"],
            env=self.consumer.environment,
            check=True,
            capture_output=True,
        )

    def evaluated(self, deliveries: list[str]) -> list[str]:
        """Return those that an evaluation covers, by what this version explains."""
        return [
            delivery
            for delivery in deliveries
            if self.receiver.api("GET", f"/explanations?of={delivery}")["evaluations"]
        ]

    def expect_nothing_lost(self, stream: DeliveryStream) -> None:
        assert stream.cut == []
        waiting = list(stream.accepted)

        def is_settled() -> bool:
            done = set(self.evaluated(waiting))
            waiting[:] = [delivery for delivery in waiting if delivery not in done]
            return not waiting

        self.receiver.until(is_settled, "an evaluation of every delivery", SETTLED)
        assert self.receiver.api("GET", "/dead_letters") == []


def started(*processes: Service) -> None:
    for process in processes:
        process.launch()
    for process in processes:
        process.until(process.answers, "an answer", START)


@pytest.fixture
async def versions(tmp_path: Path) -> AsyncIterator[Versions]:
    async with side_by_side(tmp_path) as versions:
        yield versions


@asynccontextmanager
async def side_by_side(tmp_path: Path, **settings: str) -> AsyncIterator[Versions]:
    """The version before at work, and this one installed beside it."""
    source = source_before(tmp_path / "before")
    broker = Broker(url=broker_url())
    # Empty: the tables are made by the version before, as they were then.
    async with postgresql_schema() as database, swept(broker, *ROLES) as names:
        given = SHARED | {
            "RELAUNCH_DATABASE": database,
            "RELAUNCH_BUS": broker.url,
            "RELAUNCH_AMQP_PREFIX": names.prefix,
            **settings,
        }
        data = tmp_path / "data"
        old_receiver = OldService(
            tmp_path / "receiver-old", source=source, role="receive", **given
        )
        old_consumer = OldService(data, source=source, role="consume", **given)
        receiver = Service(tmp_path / "receiver", role="receive", **given)
        consumer = Service(data, role="consume", name="new", **given)
        try:
            started(old_receiver, old_consumer)
            yield Versions(
                old_receiver=old_receiver,
                old_consumer=old_consumer,
                receiver=receiver,
                consumer=consumer,
                course=a_bare_course(old_receiver, tmp_path),
            )
        finally:
            for process in (old_receiver, old_consumer, receiver, consumer):
                process.kill()


def test_consumers_first_an_old_receiver_beside_a_new_consumer(
    versions: Versions,
) -> None:
    with delivering(versions.course, [versions.old_receiver]) as stream:
        stream.until_more(SOME)
        versions.migrate()
        # Both of the version before go on over the new tables.
        stream.until_more(SOME)
        started(versions.consumer)
        stream.until_more(SOME)
        assert versions.old_consumer.stop(within=30) == 0
        stream.until_more(SOME)
        started(versions.receiver)
        stream.receivers.insert(0, versions.receiver)
        stream.until_more(SOME)
        assert versions.old_receiver.stop(within=30) == 0
        stream.until_more(SOME)

    versions.expect_nothing_lost(stream)


def test_receivers_first_a_new_receiver_beside_an_old_consumer(
    versions: Versions,
) -> None:
    with delivering(versions.course, [versions.old_receiver]) as stream:
        stream.until_more(SOME)
        versions.migrate()
        started(versions.receiver)
        stream.receivers.insert(0, versions.receiver)
        stream.until_more(SOME)
        assert versions.old_receiver.stop(within=30) == 0
        stream.until_more(SOME)
        started(versions.consumer)
        stream.until_more(SOME)
        assert versions.old_consumer.stop(within=30) == 0
        stream.until_more(SOME)

    versions.expect_nothing_lost(stream)
