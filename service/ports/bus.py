"""The port of the message bus: at-least-once delivery to every subscribed role."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from service.events.envelope import Event

__all__ = ["Bus", "DeadLetter", "Message", "QueueDepth", "Role", "StreamPosition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A step that consumes events: the name of its queue and what is routed there."""

    name: str
    events: tuple[str, ...]
    """Event names, such as `push.received.v2`."""
    previous_names: tuple[str, ...] = ()
    """What earlier versions called the role: what waits under these names is the
    role's, too."""


class Message(Protocol):
    """One event for one role, until it is settled; settling it twice is an error."""

    @property
    def body(self) -> bytes:
        """The encoded event."""
        ...

    @property
    def attempt(self) -> int:
        """The number of the delivery of this message to the role, from 1."""
        ...

    async def ack(self) -> None:
        """Acknowledge the message, once its effect is durable."""
        ...

    async def retry(self, *, after: timedelta, error: str) -> None:
        """Have the message delivered again, not before `after` has passed."""
        ...

    async def dead_letter(self, *, error: str) -> None:
        """Move the message to the role's dead letters, with the reason."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that no consumer could handle."""

    id: str
    role: str
    event: bytes
    attempts: int
    error: str
    died_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How many messages of a role there are."""

    role: str
    waiting: int
    dead: int
    """Those that no consumer could handle."""
    consumers: int | None = None
    """The processes that consume them; None where the bus does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPosition:
    """The position of a reader in the stream of events: between two events."""

    after: str = ""
    """The id of the event before the position, to resume from; empty without one."""
    has_missed: bool
    """Whether events before the position may have been missed."""


class Bus(Protocol):
    """Delivers events to every role that subscribes to them, at least once each."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish events; return once each is durable for every subscribed role.

        An event that is published again under the same id may be delivered again.

        Raises:
            TransientError: The bus did not confirm; some events may have been accepted.
        """
        ...

    def messages(self, role: Role, *, prefetch: int) -> AsyncGenerator[Message, None]:
        """Consume a role's messages, with at most `prefetch` of them unsettled at once.

        Unsettled messages of a consumer that died are delivered again to any consumer
        of the role. Closing the iterator returns unsettled messages to the queue.
        """
        ...

    def tail(self, after: str | None = None) -> AsyncIterator[Event | StreamPosition]:
        """Yield a position, then every event after it.

        Another position follows wherever events were missed: by a slow reader, or
        because the bus was not reachable.

        Args:
            after: The id of the last event that the reader got. A bus that no longer
                has it starts with the next event, and `has_missed` is true.
        """
        ...

    async def ping(self) -> None:
        """Check that the bus answers.

        Raises:
            TransientError: The bus does not answer.
        """
        ...

    async def dead_letters(self, role: str | None = None) -> Sequence[DeadLetter]:
        """Return the dead letters, oldest first."""
        ...

    async def depths(self) -> Sequence[QueueDepth]:
        """Count the messages of each role.

        Raises:
            TransientError: The bus does not answer.
        """
        ...

    async def requeue(self, letter: str) -> None:
        """Return a dead letter to the queue of its role, with its attempts reset.

        Raises:
            NotFoundError: There is no such dead letter.
        """
        ...

    async def drop(self, letter: str) -> None:
        """Delete a dead letter.

        Raises:
            NotFoundError: There is no such dead letter.
        """
        ...
