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
from service.ports.sandbox import Task, TooCostlyError, WorkBudget

__all__ = ["BUDGETS", "ForkingSandbox"]

log = structlog.get_logger(__name__)

BUDGETS: Final[Mapping[Task, WorkBudget]] = {
    # Real ones take hundredths of a second; 64 KiB of strange YAML takes two.
    Task.DEFINITION: WorkBudget(cpu=5, memory=512 << 20, niceness=5),
    # 24 MB of `[],[],…` take 2 s and close to a gigabyte.
    Task.DELIVERY: WorkBudget(cpu=6, memory=2 << 30),
}

_LONGEST: Final = 64 << 20
"""Bytes of an answer; no child sends more."""
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
        if self._server is not None:
            self._server.end()
            self._server = None

    @asynccontextmanager
    async def begin(self, task: Task) -> AsyncIterator["_Conversation"]:
        """Implement the port."""
        budget = self._budgets[task]
        # Two channels: the child owns the first and may close or misuse it, while the
        # server alone writes how the child ended to the second.
        ours, theirs = socket.socketpair()
        status, status_end = socket.socketpair()
        with closing(status):
            try:
                with closing(theirs), closing(status_end):
                    self._hand_over(write_header(task, budget), [theirs, status_end])
                status.settimeout(0)
                reader, writer = await asyncio.open_connection(sock=ours)
            except BaseException:
                ours.close()
                raise
            try:
                yield _Conversation(reader, writer, status, budget)
            finally:
                # A child that waits sees the end; one that is busy is bounded anyway.
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

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
                raise RuntimeError(f"a reader gave an answer of {size} bytes")
            answer = await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError) as exc:
            raise await self._end() from exc
        if kind == FAULT:
            raise RuntimeError(f"a reader failed: {answer.decode()}")
        return answer

    async def _end(self) -> Exception:
        """Translate the exit of a child into an error."""
        how = await self._how_ended()
        code = None if how is None else os.waitstatus_to_exitcode(how)
        if code in _COSTLY:
            return TooCostlyError(f"it takes more than {self._budget} to read")
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


def _code() -> str:
    """Where our code is, and our libraries: the child's own ways are not asked."""
    return os.pathsep.join(os.path.abspath(text) for text in sys.path if text)  # noqa: PTH100
