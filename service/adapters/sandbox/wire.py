"""The protocol between client, fork server and children.

For every task, the client sends a header and two descriptors over the control socket:
one for framed messages with the child, and one over which the server reports how the
child ended. The end of the control socket ends the server.
"""

import struct
from typing import Final

from service.ports.sandbox import Task, WorkBudget

__all__ = [
    "FAULT",
    "FRAME",
    "HEADER_SIZE",
    "MESSAGE",
    "OUT_OF_MEMORY",
    "STATUS",
    "read_header",
    "write_header",
]

_HEADER: Final = struct.Struct("!BIQB")
_TASKS: Final = tuple(Task)
HEADER_SIZE: Final = _HEADER.size

FRAME: Final = struct.Struct("!BI")
"""A kind and a length; that many bytes follow."""
MESSAGE: Final = 0
FAULT: Final = 1
"""A bug: where it is, without a word of what was read."""

STATUS: Final = struct.Struct("!i")
"""As `wait` gives it."""
OUT_OF_MEMORY: Final = 3
"""The exit code of a child that needs more memory, or stack, than it may have."""


def write_header(task: Task, budget: WorkBudget) -> bytes:
    """Write which task begins, and what it may cost."""
    return _HEADER.pack(_TASKS.index(task), budget.cpu, budget.memory, budget.niceness)


def read_header(raw: bytes) -> tuple[Task, WorkBudget]:
    """Read which task begins, and what it may cost."""
    place, cpu, memory, niceness = _HEADER.unpack(raw)
    return _TASKS[place], WorkBudget(cpu=cpu, memory=memory, niceness=niceness)
