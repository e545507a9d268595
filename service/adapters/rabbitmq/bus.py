"""The event bus on RabbitMQ."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Self

from aio_pika.abc import AbstractConnection

from service.adapters.rabbitmq.connection import BrokerConnection, open_connection
from service.adapters.rabbitmq.consumer import Consumer
from service.adapters.rabbitmq.dead_letters import DeadLetters
from service.adapters.rabbitmq.errors import translate_errors
from service.adapters.rabbitmq.event_tail import tail_events
from service.adapters.rabbitmq.messages.cloudevents import to_amqp
from service.adapters.rabbitmq.previous_queues import PreviousQueues
from service.adapters.rabbitmq.publisher import Publisher
from service.adapters.rabbitmq.sender import OutgoingMessage
from service.adapters.rabbitmq.settings import COUNT_WITHIN, Broker
from service.adapters.rabbitmq.topology import Topology
from service.errors import PermanentError, TransientError
from service.events.envelope import Event
from service.ports.bus import DeadLetter, Message, QueueDepth, Role, StreamPosition
from service.ports.time import Clock

__all__ = ["RabbitBus"]


class RabbitBus:
    """Publish and consume events with exchanges and quorum queues.

    One per process. Publishing and consuming have a connection each: a broker that is
    short of memory or disk stops reading from publishers, which must not delay
    acknowledgements. The second is opened at its first use, never by a receiver.

    Args:
        broker: The addresses and options of the broker.
        roles: All roles, also those of other processes: their queues make a published
            event durable.
        clock: Gives the times in dead letters.
    """

    def __init__(self, *, broker: Broker, roles: Sequence[Role], clock: Clock) -> None:
        self._broker = broker
        self._topology = Topology.of(broker, tuple(roles))
        self._wanted = self._topology.wanted
        self._publishing = BrokerConnection(broker=broker, prepare=self._prepare)
        self._consuming = BrokerConnection(broker=broker, prepare=self._prepare)
        self._consumes = asyncio.Event()
        self._publisher = Publisher(
            connection=self._publishing, within=broker.confirm_within
        )
        self._consumer = Consumer(
            link=self._consuming,
            publisher=self._publisher,
            clock=clock,
            silence=broker.silence,
        )
        self._dead_letters = DeadLetters(
            link=self._consuming, publisher=self._publisher
        )
        self._previous = PreviousQueues(
            link=self._consuming,
            publisher=self._publisher,
            topology=self._topology,
            may_delete=broker.declare,
        )

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
        # Only this connection fails the start, and only for what an operator has to
        # correct. Receivers must start while the broker is away, since the outbox takes
        # what they get.
        await bus._publishing.begin()
        # Carried out of the group by hand: callers tell errors by their class, and the
        # group would wrap them.
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
        await self._publisher.send([self._to_message(event) for event in events])

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

    async def tail(
        self, after: str | None = None
    ) -> AsyncGenerator[Event | StreamPosition, None]:
        self._consumes.set()
        events = tail_events(
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
        with translate_errors("asking the broker"):
            async with asyncio.timeout(within), open_connection(session) as channel:
                await channel.get_exchange(self._topology.events)

    async def depths(self) -> Sequence[QueueDepth]:
        session = self._publishing.session()
        within = max(self._broker.confirm_within, COUNT_WITHIN).total_seconds()
        found = []
        with translate_errors("counting messages"):
            async with asyncio.timeout(within), open_connection(session) as channel:
                for role in self._topology.roles:
                    waiting, dead = [
                        await channel.declare_queue(name, durable=True, passive=True)
                        for name in (
                            self._topology.queue(role.name),
                            self._topology.dead_queue(role.name),
                        )
                    ]
                    found.append(
                        QueueDepth(
                            role=role.name,
                            waiting=waiting.declaration_result.message_count or 0,
                            dead=dead.declaration_result.message_count or 0,
                            consumers=waiting.declaration_result.consumer_count or 0,
                        )
                    )
        return found

    async def dead_letters(self, role: str | None = None) -> Sequence[DeadLetter]:
        await self._consume()
        return await self._dead_letters.list(self._topology, role)

    async def requeue(self, letter: str) -> None:
        await self._consume()
        await self._dead_letters.requeue(self._topology, letter)

    async def drop(self, letter: str) -> None:
        await self._consume()
        await self._dead_letters.drop(self._topology, letter)

    def _to_message(self, event: Event) -> OutgoingMessage:
        properties, body = to_amqp(event)
        return OutgoingMessage(
            id=event.id,
            exchange=self._topology.events,
            key=event.name,
            properties=properties,
            body=body,
            # An event that no role consumes may be unroutable; one that a role wants
            # would be lost without an error.
            mandatory=event.name in self._wanted,
        )

    async def _consume(self) -> None:
        """Wait for the consuming connection.

        Raises:
            TransientError: It is not open in time.
        """
        self._consumes.set()
        within = self._broker.connect_within.total_seconds()
        try:
            async with asyncio.timeout(within):
                await self._consuming.connected()
        except TimeoutError as exc:
            raise TransientError("no connection to the broker") from exc

    async def _prepare(
        self, connection: AbstractConnection, answered: Callable[[], None]
    ) -> None:
        await self._topology.prepare(
            connection, declare=self._broker.declare, answered=answered
        )

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publishing.run())
            # The second connection is opened when somebody consumes: receivers are
            # many, and brokers limit connections.
            await self._consumes.wait()
            group.create_task(self._consuming.run())
            group.create_task(self._previous.run())
