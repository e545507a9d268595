"""Where strangers' content is read: it can cost nobody else time or memory."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from service.domain.tools import Tools
from service.errors import ServiceError

__all__ = ["Budget", "Conversation", "Sandbox", "Task", "TooCostlyError"]


class Task(Enum):
    """What is read."""

    DEFINITION = "definition"
    """The definition of an environment: `service.definitions.apart`."""
    DELIVERY = "delivery"
    """The body of a delivery: `service.forges.apart`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What reading may cost."""

    cpu: int
    """Seconds of processor time: not of a clock, so a busy machine judges alike."""
    memory: int
    """Bytes, beside what the interpreter has at the start."""
    niceness: int = 0
    """By how much others go first: nobody waits for a look as a forge does."""

    def __str__(self) -> str:
        return f"{self.cpu} s of processor time or {self.memory >> 20} MiB of memory"


class TooCostlyError(ServiceError):
    """Reading takes more than its budget, now and whenever it is tried again."""


class Conversation(Protocol):
    """One task under way."""

    async def ask(self, message: bytes) -> bytes:
        """Send a message, return the answer.

        Raises:
            TooCostlyError: The answer takes more than the budget; the task is over.
            TransientError: The sandbox broke; the task is over.
        """
        ...


class Sandbox(Protocol):
    """Reads under a budget that is enforced from outside."""

    @property
    def tools(self) -> Tools:
        """What will build the definitions that are read here."""
        ...

    def begin(self, task: Task) -> AbstractAsyncContextManager[Conversation]:
        """Begin a task; what is left of it after the block is ended.

        Raises:
            TransientError: The machine has no room for it now.
        """
        ...
