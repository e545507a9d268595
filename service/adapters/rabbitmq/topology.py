"""The exchanges and queues: what is declared, or checked, at every connection.

    publisher ─▶ «relaunch.events» ─ event name ─▶ relaunch.<role>      ─▶ consumer
                                                       ▲        │ too often given back
    consumer ─ retry ─▶ «relaunch.retry» ─▶ relaunch.retry.<delay>      │
                                                │ its time has come     ▼
                                          «relaunch.again»        «relaunch.dlx»
    consumer ─ bury ──────────────────────────────────▶ relaunch.<role>.dead

All queues are quorum queues (https://www.rabbitmq.com/docs/quorum-queues), and a
message moves between them at least once. The delays are shared by all roles: the
routing key `<role>.<delay>` finds the delay on the way in and the role on the way back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import ChannelAccessRefused

from service.adapters.rabbitmq.errors import translate_errors
from service.adapters.rabbitmq.settings import Broker
from service.errors import PermanentError
from service.ports.bus import Role

__all__ = ["QueueDeclaration", "Topology"]

NO_LIMIT: Final = 2**31 - 1
"""Reading dead letters gives them back, which counts; RabbitMQ 4 would drop them at
its default limit, and RabbitMQ 3 does not know -1 for "no limit"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDeclaration:
    """A queue as it has to be."""

    name: str
    arguments: Mapping[str, str | int | bool] = field(default_factory=dict)
    bindings: tuple[tuple[str, str], ...] = ()
    """Exchange and routing key."""


# One per bus, a value. Names and arguments are a contract between versions: a queue
# cannot be redeclared with other arguments (PRECONDITION_FAILED), so each change needs
# a new name and `previous_names`.
@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The names, and what stands behind them."""

    prefix: str
    roles: tuple[Role, ...]
    delays: tuple[timedelta, ...]
    delivery_limit: int

    @classmethod
    def of(cls, broker: Broker, roles: tuple[Role, ...]) -> Self:
        """Return the topology that roles need."""
        return cls(
            prefix=broker.prefix,
            roles=roles,
            delays=tuple(sorted(broker.delays)),
            delivery_limit=broker.delivery_limit,
        )

    @property
    def events(self) -> str:
        """The exchange that every event is published to."""
        return f"{self.prefix}.events"

    @property
    def dead_letters(self) -> str:
        """The exchange in front of the dead queues; the routing key is the role."""
        return f"{self.prefix}.dlx"

    @property
    def retries(self) -> str:
        """The exchange in front of the delays."""
        return f"{self.prefix}.retry"

    @property
    def returns(self) -> str:
        """The exchange behind the delays."""
        return f"{self.prefix}.again"

    @property
    def wanted(self) -> frozenset[str]:
        """Names of the events that some role consumes."""
        return frozenset(event for role in self.roles for event in role.events)

    def queue(self, role: str) -> str:
        """Name a role's queue."""
        return f"{self.prefix}.{role}"

    def dead_queue(self, role: str) -> str:
        """Name the queue of a role's dead letters."""
        return f"{self.prefix}.{role}.dead"

    def delay_key(self, role: str, after: timedelta) -> str:
        """Return where to wait: the shortest delay of at least `after`, or the longest.

        Never none at all: a message that fails at once would come back at once.
        """
        fitting = (delay for delay in self.delays if delay >= after)
        return f"{role}.{_label(next(fitting, self.delays[-1]))}"

    def exchanges(self) -> tuple[str, ...]:
        """Return every exchange; all are durable topics."""
        return (self.events, self.dead_letters, self.retries, self.returns)

    def queues(self) -> tuple[QueueDeclaration, ...]:
        """Return every queue."""
        ours = (queue for role in self.roles for queue in self._of_role(role))
        return (*ours, *(self._of_delay(delay) for delay in self.delays))

    def _of_role(self, role: Role) -> tuple[QueueDeclaration, QueueDeclaration]:
        # What an earlier version sent to wait comes back under the earlier name.
        names = (role.name, *role.previous_names)
        return (
            QueueDeclaration(
                name=self.queue(role.name),
                arguments={
                    "x-queue-type": "quorum",
                    "x-delivery-limit": self.delivery_limit,
                    "x-dead-letter-exchange": self.dead_letters,
                    "x-dead-letter-routing-key": role.name,
                    **AT_LEAST_ONCE,
                },
                bindings=(
                    *((self.events, event) for event in role.events),
                    *((self.returns, f"{name}.*") for name in names),
                ),
            ),
            QueueDeclaration(
                name=self.dead_queue(role.name),
                arguments={
                    "x-queue-type": "quorum",
                    "x-delivery-limit": NO_LIMIT,
                    # Two readers at the same time would each see a part.
                    "x-single-active-consumer": True,
                },
                bindings=tuple((self.dead_letters, name) for name in names),
            ),
        )

    def _of_delay(self, delay: timedelta) -> QueueDeclaration:
        return QueueDeclaration(
            name=f"{self.retries}.{_label(delay)}",
            arguments={
                "x-queue-type": "quorum",
                "x-message-ttl": round(delay.total_seconds() * 1000),
                "x-dead-letter-exchange": self.returns,
                **AT_LEAST_ONCE,
            },
            bindings=((self.retries, f"*.{_label(delay)}"),),
        )

    async def prepare(
        self,
        connection: AbstractConnection,
        *,
        declare: bool,
        answered: Callable[[], None] = lambda: None,
    ) -> None:
        """See to it that everything is there, as it has to be.

        Args:
            connection: Where to look.
            declare: Make what is missing.
            answered: Called at each answer of the broker.

        Raises:
            PermanentError: Something is missing or other than expected; the message
                names it and the argument.
            TransientError: The broker went away.
        """
        if declare:
            with translate_errors("declaring exchanges and queues"):
                async with connection.channel(publisher_confirms=False) as channel:
                    await self._declare(channel, answered)
            return
        for exchange in self.exchanges():
            await _check_exchange(connection, exchange)
            answered()
        for queue in self.queues():
            await _check_queue(connection, queue)
            answered()

    async def _declare(
        self, channel: AbstractChannel, answered: Callable[[], None]
    ) -> None:
        for exchange in self.exchanges():
            await _declare_exchange(channel, exchange)
            answered()
        for queue in self.queues():
            declared = await channel.declare_queue(
                queue.name, durable=True, arguments=dict(queue.arguments)
            )
            answered()
            for exchange, key in queue.bindings:
                await declared.bind(exchange, key)
                answered()


AT_LEAST_ONCE: Final = {
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}
"""Without these a message can be lost on its way to another queue:
https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering"""


async def _check_exchange(connection: AbstractConnection, name: str) -> None:
    with translate_errors("checking exchanges"):
        async with connection.channel(publisher_confirms=False) as channel:
            await _declare_exchange(channel, name, passive=True)


async def _declare_exchange(
    channel: AbstractChannel, name: str, *, passive: bool = False
) -> None:
    await channel.declare_exchange(
        name, ExchangeType.TOPIC, durable=True, passive=passive
    )


async def _check_queue(connection: AbstractConnection, queue: QueueDeclaration) -> None:
    """Look for the queue, then compare: a passive declaration compares nothing.

    Declaring what is there changes nothing, but takes a permission that whoever
    creates the queues for us may keep from us.
    """
    with translate_errors("checking queues"):
        # A channel for each check: the broker closes a channel on the first failed one,
        # and the next check would fail for that reason.
        async with connection.channel(publisher_confirms=False) as channel:
            await channel.declare_queue(queue.name, durable=True, passive=True)
    try:
        with translate_errors("checking queues"):
            async with connection.channel(publisher_confirms=False) as channel:
                await channel.declare_queue(
                    queue.name, durable=True, arguments=dict(queue.arguments)
                )
    except PermanentError as exc:
        # Without the permission to configure, the comparison is left to whoever made
        # the queues; a mismatch that we could see is still an error.
        if not isinstance(exc.__cause__, ChannelAccessRefused):
            raise


def _label(delay: timedelta) -> str:
    """Name a delay without a dot, which would be two words to a topic exchange."""
    milliseconds = round(delay.total_seconds() * 1000)
    if milliseconds % 1000:
        return f"{milliseconds}ms"
    return f"{milliseconds // 1000}s"
