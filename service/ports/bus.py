"""The bus: events to every role that asked for them, at least once."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from service.wire import Event

__all__ = ["Bus", "DeadLetter", "Message", "Place", "Role"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A consumer's part: its queue's name and what is routed there."""

    name: str
    events: tuple[str, ...]
    """Event names, such as `push.received.v1`."""


class Message(Protocol):
    """One event for one role, until it is settled. Settled twice is an error."""

    @property
    def body(self) -> bytes:
        """The event as it came; not yet decoded."""
        ...

    @property
    def attempt(self) -> int:
        """1 for the first delivery of this message to the role."""
        ...

    async def ack(self) -> None:
        """Say that the effect is durable; the message is gone."""
        ...

    async def retry(self, *, after: timedelta, error: str) -> None:
        """Ask for the message again, not before `after` has passed."""
        ...

    async def bury(self, *, error: str) -> None:
        """Put the message among the role's dead letters, with the reason."""
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
class Place:
    """Where a follower stands: between two events."""

    after: str = ""
    """The id of the event before, to go on from here; empty where the bus has none."""
    has_missed: bool
    """Whether events may have passed unseen until here."""


class Bus(Protocol):
    """Carries events to every role that asked for them, at least once each."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Return once every event is durable for every role that wants it.

        An event published again under the same id may be carried again.

        Raises:
            TransientError: The bus did not confirm; some may have been taken.
        """
        ...

    def messages(self, role: Role, *, prefetch: int) -> AsyncGenerator[Message, None]:
        """Yield the role's messages for ever, at most `prefetch` unsettled at once.

        Messages of a consumer that died unsettled come back, to any consumer of the
        role. Closing the iterator gives unsettled messages back.
        """
        ...

    def follow(self, after: str | None = None) -> AsyncIterator[Event | Place]:
        """Yield a place, then every event from there on.

        Another place follows wherever events were missed: by a slow follower, or
        because the bus was away.

        Args:
            after: The id of the last event the follower was given. A bus that cannot
                go back there begins now, with a place that says so.
        """
        ...

    async def ping(self) -> None:
        """Return when the bus answers.

        Raises:
            TransientError: It does not.
        """
        ...

    async def dead(self, role: str | None = None) -> Sequence[DeadLetter]:
        """Return the dead letters, oldest first."""
        ...

    async def requeue(self, letter: str) -> None:
        """Give a dead letter to its role again, with its attempts counted anew.

        Raises:
            NotFoundError: There is no such dead letter.
        """
        ...

    async def drop(self, letter: str) -> None:
        """Forget a dead letter.

        Raises:
            NotFoundError: There is no such dead letter.
        """
        ...
