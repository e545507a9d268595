"""Start, supervise and stop one worker process."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Final, Protocol, Self

import structlog

import service
from service.adapters.local.folders import Folders
from service.adapters.local.job import (
    Job,
    Result,
    WorkerExit,
    WorkerMessage,
    parse_message,
)
from service.adapters.local.lines import LineCutter, printable
from service.adapters.local.resource_monitor import end_descendants
from service.adapters.processes import (
    PIPE,
    STDOUT,
    ChildProcess,
    open_stream,
    start_process,
)
from service.domain.building.build import BuildId
from service.domain.building.failure import Failure, FailureClass
from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["LogWriter", "WorkerProcess"]

log = structlog.get_logger(__name__)

_BATCH_TIME: Final = 0.2
"""Seconds that a line may wait for others; people do not notice it."""
_CHUNK: Final = 256 * 1024
"""Bytes of one read, and of the largest batch."""
MAX_MESSAGE: Final = 16 * 1024 * 1024
"""Bytes of a worker's message; a result with the most packages that are listed
(`MOST_PACKAGES`), each of the longest name and version, has nine million."""
_MAX_LINE: Final = 4000
_WORKER_PHASE: Final = "worker"
"""The phase of lines that are no messages of a worker."""
_MAX_WORKER_OUTPUT: Final = 64 * 1024
"""Bytes kept of a worker's standard output, where a broken one prints a traceback."""
_LAST_LINES: Final = timedelta(seconds=1)
"""For what is left of the log of a worker that was stopped."""
_GRACE: Final = timedelta(seconds=5)
"""From SIGTERM to SIGKILL; a worker that works ends at once."""


class LogWriter(Protocol):
    """Stores the logs of builds."""

    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        """Store lines of a phase, in order."""
        ...


class WorkerProcess:
    """A worker process, from its start to its end.

    The builder makes one for each running build; it does not survive a restart, and
    the worker ends with it.
    """

    def __init__(
        self,
        *,
        job: Job,
        process: ChildProcess,
        logs: LogWriter,
        clock: Clock,
    ) -> None:
        self._job = job
        self._process = process
        self._logs = logs
        self._clock = clock
        self._messages = asyncio.StreamReader()
        self._pipe: asyncio.BaseTransport | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()
        self.is_late = False
        self.is_cancelled = False
        self.result: Result | None = None
        """The worker's last message."""
        self.settled = asyncio.Event()
        """Set by the builder, when the build's folders are in their final state."""

    @classmethod
    async def start(cls, *, job: Job, logs: LogWriter, clock: Clock) -> Self:
        """Start the worker of a job, whose folders exist.

        Raises:
            TransientError: The process could not be started.
        """
        reading, writing = socket.socketpair()
        try:
            process = await _start(job, writing.fileno())
        except OSError as exc:
            reading.close()
            raise TransientError(f"no process for build {job.build_id}: {exc}") from exc
        finally:
            writing.close()
        run = cls(job=job, process=process, logs=logs, clock=clock)
        stream = await open_stream(reading)
        run._messages, run._pipe = stream.reader, stream.transport
        await run._send_job()
        return run

    async def wait(self, deadline: timedelta) -> int:
        """Store the log until the process ends; return its exit status."""
        try:
            async with asyncio.TaskGroup() as group:
                timer = group.create_task(self._stop_at(deadline))
                readers = (self._keep_output(), self._read_messages())
                self._readers = [group.create_task(reader) for reader in readers]
                await asyncio.wait(self._readers)
                code = await self._process.wait()
                timer.cancel()
        finally:
            self._signal(signal.SIGKILL)
            # What was not read to its end stays open: a reader was cancelled.
            if self._pipe is not None:
                self._pipe.close()
            self._ended.set()
        return code

    async def stop(self) -> None:
        """Stop the process and everything it started; return when they are gone."""
        self.is_cancelled = True
        await self._stop()

    async def _stop_at(self, deadline: timedelta) -> None:
        await self._clock.sleep(deadline)
        self.is_late = True
        await self._stop()

    async def _stop(self) -> None:
        # A worker that has no signal handler yet ends when its input is closed.
        self._signal(signal.SIGTERM)
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE.total_seconds()):
                await self._process.wait()
        except TimeoutError:
            # It did not get its turn. Daemons that it adopted are in no group of ours,
            # and nobody finds them once it is gone.
            await asyncio.to_thread(end_descendants, self._process.pid)
        self._signal(signal.SIGKILL)
        # Whoever stores the log may be away, and would be waited for. A leader has to
        # stop what it runs before another one leads.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_LINES.total_seconds()):
                await self._ended.wait()
        for reader in self._readers:
            reader.cancel()
        await self._ended.wait()

    def _signal(self, which: signal.Signals) -> None:
        # Safe against a reused id: the group's id stays taken until its leader is
        # waited for, and afterwards as long as it has members.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, which)

    async def _send_job(self) -> None:
        """Send the job; the pipe stays open, and its end means that we are gone."""
        assert self._process.stdin is not None
        # That of a worker that ended already takes none; see `git.command.feed`.
        if self._process.stdin.is_closing():
            return
        self._process.stdin.write(self._job.model_dump_json().encode() + b"\n")
        with suppress(ConnectionError):
            await self._process.stdin.drain()

    async def _read_messages(self) -> None:
        """Handle the worker's messages until it closes its pipe."""
        cutter = LineCutter(most=MAX_MESSAGE)
        async for chunk in _chunks(self._messages):
            await self._handle_lines(cutter.feed(chunk))
        await self._handle_lines(cutter.finish())

    async def _handle_lines(self, lines: Sequence[bytes]) -> None:
        messages = []
        for line in lines:
            message = parse_message(line)
            if isinstance(message, WorkerExit):
                self.result = message.result
            else:
                messages.append(
                    message
                    or WorkerMessage(
                        phase=_WORKER_PHASE, text=printable(line[:_MAX_LINE])
                    )
                )
        await self._append_log(messages)

    async def _keep_output(self) -> None:
        """Store what arrives on standard output: a traceback, or forged messages."""
        assert self._process.stdout is not None
        cutter, left = LineCutter(most=_MAX_LINE), _MAX_WORKER_OUTPUT
        async for chunk in _chunks(self._process.stdout):
            if left > 0:
                await self._append_worker_output(cutter.feed(chunk[:left]))
            left -= len(chunk)
        await self._append_worker_output(cutter.finish())

    async def _append_worker_output(self, lines: Sequence[bytes]) -> None:
        await self._append_log(
            [
                WorkerMessage(phase=_WORKER_PHASE, text=printable(message))
                for message in lines
            ]
        )

    async def _append_log(self, messages: Sequence[WorkerMessage]) -> None:
        build = BuildId(self._job.build_id)
        try:
            for phase, lines in groupby(messages, key=lambda message: message.phase):
                await self._logs.append(
                    build, phase, [message.text for message in lines]
                )
        except Exception as exc:  # noqa: BLE001 - a build is worth more than its log
            log.warning(
                "build log lost", build=build, lines=len(messages), error=str(exc)
            )


async def _start(job: Job, writing: int) -> ChildProcess:
    folder = Folders(root=job.root).build(job.build_id)
    command = (sys.executable, "-m", "service.adapters.local.worker.main", str(writing))
    process = await start_process(
        *command,
        cwd=folder,
        # Where our code is, whether installed or not; builds do not get this.
        env={**job.environment, "PYTHONPATH": _home_of_code()},
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        pass_fds=(writing,),
        start_new_session=True,
    )
    (folder / "group").write_text(str(process.pid))
    return process


async def _chunks(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the chunks of a stream, merged over a short time."""
    while chunk := await stream.read(_CHUNK):
        with suppress(TimeoutError):
            async with asyncio.timeout(_BATCH_TIME):
                while len(chunk) < _CHUNK and (extra := await stream.read(_CHUNK)):
                    chunk += extra
        yield chunk


def _home_of_code() -> str:
    return str(Path(service.__file__).parent.parent)


def explain_exit(run: WorkerProcess, code: int, *, deadline: timedelta) -> Failure:
    """Explain why a worker ended without a result."""
    if run.is_late:
        minutes = deadline.total_seconds() / 60
        return Failure(
            kind=FailureClass.DEADLINE,
            message=f"the build took longer than {minutes:g} minutes and was stopped",
            hint="ask for fewer packages, or for packages that need no compiling",
        )
    if code in {-9, 137}:
        return Failure(
            kind=FailureClass.OUT_OF_MEMORY,
            message="the build was killed by the system; most likely the memory "
            "ran out",
        )
    return Failure(
        kind=FailureClass.INTERNAL,
        message=f"the build's process ended with status {code} and left no result",
        hint="see its log; if relaunch was updated meanwhile, restart the service",
    )
