"""The service's side of the sandbox."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from types import TracebackType
from typing import Final, Self

import structlog

from service.adapters.sandbox.server import MODULE
from service.adapters.sandbox.wire import (
    FAULT,
    FRAME,
    MESSAGE,
    OUT_OF_MEMORY,
    STATUS,
    write_header,
)
from service.domain.building.tools import DEFAULT_TOOLS, Tools
from service.errors import TransientError
from service.ports.sandbox import (
    ReaderFaultError,
    Task,
    TooCostlyError,
    WorkBudget,
)

__all__ = ["BUDGETS", "ForkingSandbox"]

log = structlog.get_logger(__name__)

BUDGETS: Final[Mapping[Task, WorkBudget]] = {
    # Real ones take hundredths of a second; 64 KiB of strange YAML takes two.
    Task.DEFINITION: WorkBudget(cpu=5, memory=512 << 20, niceness=5),
    # 24 MB of `[],[],…` take 2 s and close to a gigabyte.
    Task.DELIVERY: WorkBudget(cpu=6, memory=2 << 30),
}

_AHEAD: Final = frozenset({Task.DEFINITION})
"""Tasks of which one child is kept ready: each begins with nothing read, but forking it
and copying its pages takes several times as long as reading a file of two lines."""

_REST: Final = 0.25
"""Seconds after a task until a child is made ready: what it was for comes first."""

_LONGEST: Final = 64 << 20
"""Bytes of an answer; no child sends more."""
_LONGEST_FAULT: Final = 1000
_LAST_WORDS: Final = 5.0
"""Seconds; the server reports at once how a child ended."""


# One per process. The fork server is started by the first task and again when it died;
# a task that was under way then is transient and read again.
class ForkingSandbox:
    """Reads in children of a fork server, which is started when first needed.

    Args:
        tools: What will build the definitions that are read.
        budgets: What each task may cost.
    """

    def __init__(
        self,
        *,
        tools: Tools = DEFAULT_TOOLS,
        budgets: Mapping[Task, WorkBudget] = BUDGETS,
    ) -> None:
        self.tools = tools
        self._budgets = budgets
        self._server: _Server | None = None
        self._ready: dict[Task, _Child] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server and all that its children do; the next task starts another."""
        while self._ready:
            self._ready.popitem()[1].close()
        if self._server is not None:
            self._server.end()
            self._server = None

    @asynccontextmanager
    async def begin(self, task: Task) -> AsyncIterator["_Conversation"]:
        """Implement the port."""
        with closing(self._take_ready(task) or self._fork(task)) as child:
            reader, writer = await asyncio.open_connection(sock=child.channel)
            try:
                yield _Conversation(reader, writer, child.status, self._budgets[task])
            finally:
                # A child that waits sees the end; one that is busy is bounded anyway.
                writer.close()
                asyncio.get_running_loop().call_later(_REST, self._keep_ready, task)
                with suppress(OSError):
                    await writer.wait_closed()

    def _take_ready(self, task: Task) -> "_Child | None":
        child = self._ready.pop(task, None)
        if child is None or child.is_there:
            return child
        child.close()
        return None

    def _keep_ready(self, task: Task) -> None:
        # Not after `close`, which would start the server again for nobody.
        if task in _AHEAD and task not in self._ready and self._server is not None:
            with suppress(TransientError):
                self._ready[task] = self._fork(task)

    def _fork(self, task: Task) -> "_Child":
        # Two channels: the child owns the first and may close or misuse it, while the
        # server alone writes how the child ended to the second.
        ours, theirs = socket.socketpair()
        status, status_end = socket.socketpair()
        child = _Child(ours, status)
        try:
            with closing(theirs), closing(status_end):
                header = write_header(task, self._budgets[task])
                self._hand_over(header, [theirs, status_end])
        except BaseException:
            child.close()
            raise
        return child

    def _hand_over(self, header: bytes, sockets: list[socket.socket]) -> None:
        # Twice: a server that was killed is noticed only when something is sent to it.
        for is_last in (False, True):
            try:
                if self._server is None or not self._server.is_there:
                    self.close()
                    self._server = _Server()
                self._server.hand_over(header, sockets)
            except OSError as exc:
                if is_last or isinstance(exc, BlockingIOError):
                    raise TransientError(f"no process to read in: {exc}") from exc
                self.close()
            else:
                return


class _Child:
    """Our ends of the channels of one child."""

    def __init__(self, channel: socket.socket, status: socket.socket) -> None:
        self.channel = channel
        self.status = status
        channel.settimeout(0)
        status.settimeout(0)

    @property
    def is_there(self) -> bool:
        # It says nothing before it is asked; its end is all that there can be to read.
        try:
            self.channel.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        self.channel.close()
        self.status.close()


class _Server:
    """The fork server's process."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._control.settimeout(0)
        with closing(theirs):
            # Here and not in a thread: the server ends with the thread that began it.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-W", "ignore", "-m", MODULE],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                # Nothing of a stranger's repository is imported, and no secret is seen.
                cwd="/",
                env={"PYTHONPATH": _code()},
                start_new_session=True,
            )

    @property
    def is_there(self) -> bool:
        return self._process.poll() is None

    def hand_over(self, header: bytes, sockets: list[socket.socket]) -> None:
        socket.send_fds(self._control, [header], [sock.fileno() for sock in sockets])

    def end(self) -> None:
        self._control.close()
        self._process.kill()
        self._process.wait()


class _Conversation:
    """Implement the port `Conversation` with one child."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        status: socket.socket,
        budget: WorkBudget,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._status = status
        self._budget = budget

    async def ask(self, message: bytes) -> bytes:
        """Implement the port."""
        try:
            self._writer.write(FRAME.pack(MESSAGE, len(message)) + message)
            await self._writer.drain()
            kind, size = FRAME.unpack(await self._reader.readexactly(FRAME.size))
            # The child has run on hostile input and is not trusted: a length of its
            # making must not reserve memory here.
            if size > _LONGEST:
                raise ReaderFaultError(f"a reader gave an answer of {size} bytes")
            answer = await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError) as exc:
            raise await self._end() from exc
        if kind == FAULT:
            # Neither is what it says of itself: its place is a short line of ours.
            why = answer[:_LONGEST_FAULT].decode(errors="replace")
            raise ReaderFaultError(f"a reader failed: {why}")
        return answer

    async def _end(self) -> Exception:
        """Translate the exit of a child into an error."""
        how = await self._how_ended()
        code = None if how is None else os.waitstatus_to_exitcode(how)
        if code in _COSTLY:
            return TooCostlyError(f"it takes more than {self._budget} to read")
        if crash := _CRASHES.get(code or 0):
            return ReaderFaultError(f"a reader ended by {crash.name}")
        log.error("sandbox broke", code=code)
        return TransientError("the process that reads was ended by somebody else")

    async def _how_ended(self) -> int | None:
        """Return the child's status; None when even the server is gone."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_LAST_WORDS):
                raw = await loop.sock_recv(self._status, STATUS.size)
        except (TimeoutError, ConnectionError):
            return None
        how: tuple[int] | tuple[None] = (
            STATUS.unpack(raw) if len(raw) == STATUS.size else (None,)
        )
        return how[0]


_COSTLY: Final = frozenset({OUT_OF_MEMORY, -signal.SIGXCPU, -signal.SIGSEGV})
"""Of time, of memory, of the stack."""

_CRASHES: Final = {
    -crash: crash
    for crash in (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
}
"""Signals that a process sends itself: no parser that somebody else ended."""


def _code() -> str:
    """Where our code is, and our libraries: the child's own ways are not asked."""
    return os.pathsep.join(os.path.abspath(text) for text in sys.path if text)  # noqa: PTH100
