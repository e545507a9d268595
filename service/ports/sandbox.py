"""The port of the sandbox: untrusted content is parsed with limited time and memory."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from service.domain.building.tools import Tools
from service.errors import PermanentError, ServiceError

__all__ = [
    "Conversation",
    "ReaderFaultError",
    "Sandbox",
    "Task",
    "TooCostlyError",
    "WorkBudget",
]


class Task(Enum):
    """What is parsed."""

    DEFINITION = "definition"
    """The definition of an environment: `service.definitions.messages`."""
    DELIVERY = "delivery"
    """The body of a delivery: `service.forges.child_parser`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkBudget:
    """The limits of one task."""

    cpu: int
    """Seconds of CPU time: unlike wall-clock time, it does not depend on the load."""
    memory: int
    """Bytes, in addition to what the interpreter uses at the start."""
    niceness: int = 0
    """The `nice` value: an evaluation may wait, a forge's delivery may not."""

    def __str__(self) -> str:
        return f"{self.cpu} s of processor time or {self.memory >> 20} MiB of memory"


class TooCostlyError(ServiceError):
    """A task exceeded its budget, and would again."""


class ReaderFaultError(PermanentError):
    """A parser failed by a fault of ours, and would again; the message says where."""


class Conversation(Protocol):
    """One running task."""

    async def ask(self, message: bytes) -> bytes:
        """Send a message and return the answer.

        Raises:
            TooCostlyError: The budget is exceeded; the task is over.
            ReaderFaultError: The parser failed; the task is over.
            TransientError: The sandbox failed; the task is over.
        """
        ...


class Sandbox(Protocol):
    """Parses under a budget that is enforced from outside the parser."""

    @property
    def tools(self) -> Tools:
        """The versions of the tools that will build the definitions."""
        ...

    def begin(self, task: Task) -> AbstractAsyncContextManager[Conversation]:
        """Begin a task; the end of the block ends it.

        Raises:
            TransientError: The machine has no resources for it now.
        """
        ...
