"""The bus, over RabbitMQ."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Self

from aio_pika.abc import AbstractConnection

from service.adapters.rabbitmq.broker import Broker
from service.adapters.rabbitmq.cloudevents import to_amqp
from service.adapters.rabbitmq.consumer import Consumer
from service.adapters.rabbitmq.dead_letters import DeadLetters
from service.adapters.rabbitmq.failures import translated
from service.adapters.rabbitmq.follower import followed
from service.adapters.rabbitmq.link import Link, opened
from service.adapters.rabbitmq.publisher import Publisher
from service.adapters.rabbitmq.sender import Parcel
from service.adapters.rabbitmq.topology import Topology
from service.errors import PermanentError, TransientError
from service.ports.bus import DeadLetter, Message, Place, Role
from service.ports.time import Clock
from service.wire import Event

__all__ = ["RabbitBus"]


class RabbitBus:
    """Carries events over exchanges and quorum queues.

    Publishing and consuming have a connection each: a broker that is short of memory
    or disk stops reading from those that publish, and acknowledgements must not wait
    for that. The second is opened when it is first needed; a receiver never does.

    Args:
        broker: Where, and how.
        roles: Every role there is, also those that other processes consume for: their
            queues are what makes a published event durable.
        clock: For the instants that dead letters carry.
    """

    def __init__(self, *, broker: Broker, roles: Sequence[Role], clock: Clock) -> None:
        self._broker = broker
        self._topology = Topology.of(broker, tuple(roles))
        self._wanted = self._topology.wanted
        self._publishing = Link(broker=broker, prepare=self._prepare)
        self._consuming = Link(broker=broker, prepare=self._prepare)
        self._consumes = asyncio.Event()
        self._publisher = Publisher(link=self._publishing, within=broker.confirm_within)
        self._consumer = Consumer(
            link=self._consuming, publisher=self._publisher, clock=clock
        )
        self._dead = DeadLetters(link=self._consuming, publisher=self._publisher)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, broker: Broker, *, roles: Sequence[Role], clock: Clock
    ) -> AsyncIterator[Self]:
        """Open the bus for the length of a block.

        A broker that cannot be reached now is no error: publishing fails until it can.

        Raises:
            PermanentError: The broker refuses us, or its queues are not as they have
                to be.
        """
        bus = cls(broker=broker, roles=roles, clock=clock)
        await bus._publishing.begin()
        failed: BaseException | None = None
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bus._run())
            try:
                yield bus
            except BaseException as exc:  # noqa: BLE001 - raised again, not in a group
                failed = exc
            running.cancel()
        await bus._publishing.end()
        await bus._consuming.end()
        if failed is not None:
            raise failed

    async def publish(self, events: Sequence[Event]) -> None:
        await self._publisher.send([self._parcel(event) for event in events])

    async def messages(
        self, role: Role, *, prefetch: int
    ) -> AsyncGenerator[Message, None]:
        if role not in self._topology.roles:
            raise PermanentError(f"the bus was opened without the role {role.name}")
        self._consumes.set()
        messages = self._consumer.messages(
            role, topology=self._topology, prefetch=prefetch
        )
        async with aclosing(messages):
            async for message in messages:
                yield message

    async def follow(
        self, after: str | None = None
    ) -> AsyncGenerator[Event | Place, None]:
        self._consumes.set()
        events = followed(
            self._consuming,
            exchange=self._topology.events,
            dead_letters=self._topology.dead_letters,
            # An exchange keeps nothing: there is no way back.
            has_missed=after is not None,
        )
        async with aclosing(events):
            async for event in events:
                yield event

    async def ping(self) -> None:
        session = self._publishing.session()
        within = self._broker.confirm_within.total_seconds()
        with translated("asking the broker"):
            async with asyncio.timeout(within), opened(session) as channel:
                await channel.get_exchange(self._topology.events)

    async def dead(self, role: str | None = None) -> Sequence[DeadLetter]:
        await self._consume()
        return await self._dead.list(self._topology, role)

    async def requeue(self, letter: str) -> None:
        await self._consume()
        await self._dead.requeue(self._topology, letter)

    async def drop(self, letter: str) -> None:
        await self._consume()
        await self._dead.drop(self._topology, letter)

    def _parcel(self, event: Event) -> Parcel:
        properties, body = to_amqp(event)
        return Parcel(
            id=event.id,
            exchange=self._topology.events,
            key=event.name,
            properties=properties,
            body=body,
            # An event that none of our roles consumes may well find no queue; one that
            # finds none although a role wants it would be lost.
            mandatory=event.name in self._wanted,
        )

    async def _consume(self) -> None:
        """Have a connection for consuming.

        Raises:
            TransientError: There is none in time.
        """
        self._consumes.set()
        within = self._broker.connect_within.total_seconds()
        try:
            async with asyncio.timeout(within):
                await self._consuming.connected()
        except TimeoutError as exc:
            raise TransientError("no connection to the broker") from exc

    async def _prepare(self, connection: AbstractConnection) -> None:
        await self._topology.prepare(connection, declare=self._broker.declare)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publishing.run())
            await self._consumes.wait()
            group.create_task(self._consuming.run())
