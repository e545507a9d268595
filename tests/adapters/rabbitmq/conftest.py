"""Brokers for these tests."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from service.adapters.rabbitmq.settings import Broker
from service.events.envelope import Event
from service.events.models import PushReceived, RepositoryData
from service.ports.bus import Role
from tests.support.broker import OwnBroker, broker_url, own_broker, swept

EVALUATE = Role(name="evaluate", events=("push.received.v2",))
WATCH = Role(name="watch", events=("build.finished.v2",))


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    """Names of the test's own on the RabbitMQ that is there."""
    asked = Broker(
        url=broker_url(),
        delays=(timedelta(milliseconds=300), timedelta(seconds=2)),
        delivery_limit=2,
    )
    async with swept(asked, EVALUATE, WATCH) as broker:
        yield broker


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    """A broker that tests may stop, kill and pause."""
    with own_broker(tmp_path_factory.mktemp("rabbitmq")) as broker:
        yield broker


@pytest.fixture
async def mortal(own: OwnBroker) -> AsyncIterator[Broker]:
    """Names of the test's own on a broker that may go down."""
    asked = Broker(
        url=own.url,
        delays=(timedelta(milliseconds=300),),
        heartbeat=timedelta(seconds=1),
        connect_within=timedelta(seconds=2),
        confirm_within=timedelta(seconds=1),
    )
    async with swept(asked, EVALUATE, WATCH) as broker:
        yield broker


def a_push(number: int = 1, *, ref: str = "refs/heads/main") -> Event:
    at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    data = PushReceived(
        repository=RepositoryData(
            host="github.com", path="ada/pi", url="https://github.com/ada/pi"
        ),
        ref=ref,
        trigger="push",
        received_at=at,
    )
    return Event.of(data, id=f"01J{number:023d}", time=at)
