"""A child of the fork server: it reads one thing, within limits that the kernel keeps.

Too much processor time ends it by a signal, too much memory by an error that it does
not outlive, the end of its parent by `SIGKILL`; none of them needs its consent. When
the machine itself runs out of memory, the kernel takes it first.
"""

import ctypes
import os
import resource
import select
import signal
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn, Protocol

from service.adapters.sandbox.wire import FAULT, FRAME, MESSAGE, OUT_OF_MEMORY
from service.ports.sandbox import WorkBudget

__all__ = ["Reader", "die_with_parent", "run_child"]

_PR_SET_PDEATHSIG: Final = 1
"""https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html"""
_CONVERSATION: Final = 3


class Reader(Protocol):
    """Reads what strangers wrote."""

    def prepare(self) -> None:
        """Make ready what the first conversation of a process would have to."""
        ...

    def converse(self, first: bytes) -> Generator[bytes, bytes, None]:
        """Take the first message; yield an answer, and be sent the next message."""
        ...


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends, where it can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run_child(
    reader: Reader, budget: WorkBudget, conversation: int, *, parent: int
) -> NoReturn:
    """Hold one conversation in this process, which was just forked, and end it."""
    code = 1
    try:
        die_with_parent()
        # The parent may have died between fork and prctl; the signal for that would
        # never come.
        if os.getppid() != parent:
            os._exit(code)
        _keep_only(conversation)
        _limit(budget)
        # Pages are shared with the server until they are written to; copying those that
        # a reading writes to takes longer than reading a short file. A child that was
        # forked ahead of its task has the time.
        if not select.select([_CONVERSATION], [], [], 0)[0]:
            reader.prepare()
        code = _hold(reader)
    finally:
        os._exit(code)


def _keep_only(conversation: int) -> None:
    """Close what belongs to the server, its other children and its client."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(conversation, _CONVERSATION)
    # Descriptors of other children would keep their conversations open after their
    # client left.
    os.closerange(_CONVERSATION + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    # What a library prints when it panics may quote the stranger's text, line ends and
    # all, and the service's log stands there.
    os.dup2(nothing, 2)
    os.close(nothing)


def _limit(budget: WorkBudget) -> None:
    # The soft limit sends SIGXCPU, by which the server knows why; the hard one kills.
    resource.setrlimit(resource.RLIMIT_CPU, (budget.cpu, budget.cpu + 2))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        # Address space counts what was inherited from the server as well, so the budget
        # is on top of it.
        most = pages * resource.getpagesize() + budget.memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(budget.niceness)


def _hold(reader: Reader) -> int:
    try:
        with os.fdopen(_CONVERSATION, "r+b", buffering=0) as raw:
            _talk(reader, raw.fileno())
    # By exit code and not by a message: writing one may need the memory that is not
    # there.
    except (MemoryError, RecursionError):
        return OUT_OF_MEMORY
    except (EOFError, ConnectionError):
        pass  # nobody wants to know any more
    return 0


def _talk(reader: Reader, channel: int) -> None:
    try:
        talk = reader.converse(_receive(channel))
        answer = next(talk)
        while True:
            _send(channel, MESSAGE, answer)
            answer = talk.send(_receive(channel))
    except StopIteration:
        return
    except (MemoryError, RecursionError, EOFError, ConnectionError):
        raise
    # A panic of the solver's library is no `Exception`.
    except BaseException as exc:  # noqa: BLE001 - sent to the client, which logs it
        _send(channel, FAULT, _locate_error(exc).encode())


def _locate_error(exc: BaseException) -> str:
    """Return where an exception was raised."""
    # Not its message, which may quote the definition of a stranger.
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "nowhere"
    if trace is not None:
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return f"{type(exc).__name__} at {where}"


def _send(channel: int, kind: int, payload: bytes) -> None:
    rest = memoryview(FRAME.pack(kind, len(payload)) + payload)
    while rest:
        rest = rest[os.write(channel, rest) :]


def _receive(channel: int) -> bytes:
    _, size = FRAME.unpack(_exactly(channel, FRAME.size))
    return _exactly(channel, size)


def _exactly(channel: int, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        chunk = os.read(channel, size - len(received))
        if not chunk:
            raise EOFError
        received += chunk
    return bytes(received)
