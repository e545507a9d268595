"""The settings of an operator reach the broker."""

import aio_pika
import pytest
from yarl import URL

from service.adapters.clock import SystemClock
from service.adapters.rabbitmq.settings import Broker
from service.app.amqp import open_rabbitmq
from service.errors import PermanentError
from service.settings import Settings
from tests.adapters.rabbitmq.conftest import EVALUATE, WATCH, a_push
from tests.support.broker import OwnBroker

pytestmark = [
    pytest.mark.rabbitmq,
    # The broker of one's own starts once for all tests that need it.
    pytest.mark.timeout(150, func_only=True),
]

ROLES = [EVALUATE, WATCH]


def settings(url: str, **amqp: object) -> Settings:
    return Settings.model_validate({"bus": url, "amqp": amqp})


async def test_certificates_vhost_and_prefix_are_those_of_the_settings(
    own: OwnBroker, mortal: Broker
) -> None:
    files = own.certificates
    asked = settings(
        own.tls_url,
        prefix=mortal.prefix,
        ca_file=files.ca,
        cert_file=files.client,
        key_file=files.client_key,
    )

    async with open_rabbitmq(asked, roles=ROLES, clock=SystemClock()) as bus:
        await bus.publish([a_push()])

    connection = await aio_pika.connect(own.url)
    async with connection, connection.channel() as channel:
        queue = await channel.get_queue(f"{mortal.prefix}.evaluate")
    assert queue.declaration_result.message_count == 1


async def test_nothing_is_made_where_operators_make_it(broker: Broker) -> None:
    asked = settings(broker.url, prefix=broker.prefix, declare=False)

    with pytest.raises(PermanentError, match=rf"no exchange '{broker.prefix}\.events'"):
        async with open_rabbitmq(asked, roles=ROLES, clock=SystemClock()):
            pass

    connection = await aio_pika.connect(str(URL(broker.url)))
    async with connection:
        for name in (f"{broker.prefix}.evaluate", f"{broker.prefix}.retry.1s"):
            channel = await connection.channel()
            with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
                await channel.get_queue(name)
