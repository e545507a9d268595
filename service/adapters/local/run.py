"""One worker process, from the builder's side."""

import asyncio
import os
import signal
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
from service.adapters.local.job import Ended, Job, Result, Said, heard
from service.adapters.local.lines import LineCutter, printable
from service.domain.build import BuildId
from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["Logs", "Run"]

log = structlog.get_logger(__name__)

_BATCH_TIME: Final = 0.2
"""Seconds that a line may wait for others: what a person takes for at once."""
_CHUNK: Final = 256 * 1024
"""Bytes that are read at once, and the longest batch."""
_MAX_TOLD: Final = 64 * 1024
"""Bytes of a line; what workers tell is shorter."""
_MAX_LINE: Final = 4000
_UNTOLD: Final = "worker"
"""The phase of lines that are no worker's word."""
_MAX_UNTOLD: Final = 64 * 1024
"""Bytes of a worker's plain output that are kept: the traceback of a broken one."""
_GRACE: Final = timedelta(seconds=5)
"""From SIGTERM to SIGKILL; the worker obeys the first at once."""


class Logs(Protocol):
    """Takes what builds say."""

    async def append(self, build: BuildId, phase: str, lines: Sequence[str]) -> None:
        """Keep some lines of a phase, in order."""
        ...


class Run:
    """A worker process: started, listened to, stopped."""

    def __init__(
        self, *, job: Job, process: asyncio.subprocess.Process, logs: Logs, clock: Clock
    ) -> None:
        self._job = job
        self._process = process
        self._logs = logs
        self._clock = clock
        self._told = asyncio.StreamReader()
        self._ended = asyncio.Event()
        self.is_late = False
        self.is_unwanted = False
        self.result: Result | None = None
        """What the worker told at its end."""
        self.settled = asyncio.Event()
        """Set by the builder, once the build's folders are as they shall be."""

    @classmethod
    async def begin(cls, *, job: Job, logs: Logs, clock: Clock) -> Self:
        """Start the worker of a job, whose folders are there already.

        Raises:
            TransientError: The process could not be started.
        """
        reading, writing = os.pipe()
        try:
            process = await _start(job, writing)
        except OSError as exc:
            os.close(reading)
            raise TransientError(f"no process for build {job.build_id}: {exc}") from exc
        finally:
            os.close(writing)
        run = cls(job=job, process=process, logs=logs, clock=clock)
        run._told = await _open_reader(reading)
        await run._give_job()
        return run

    async def see_through(self, deadline: timedelta) -> int:
        """Carry the log until the process ends; return its exit status."""
        try:
            async with asyncio.TaskGroup() as group:
                timer = group.create_task(self._stop_at(deadline))
                output = group.create_task(self._keep_output())
                await self._listen()
                await output
                code = await self._process.wait()
                timer.cancel()
        finally:
            self._signal(signal.SIGKILL)
            self._ended.set()
        return code

    async def stop(self) -> None:
        """End the process and all it started; return when they are gone."""
        self.is_unwanted = True
        await self._stop()

    async def _stop_at(self, deadline: timedelta) -> None:
        await self._clock.sleep(deadline)
        self.is_late = True
        await self._stop()

    async def _stop(self) -> None:
        # A worker that is only beginning reads the end of its input.
        self._signal(signal.SIGTERM)
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE.total_seconds()):
                await self._ended.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._ended.wait()

    def _signal(self, which: signal.Signals) -> None:
        # The group's number is not reused while its leader is not waited for, and
        # nothing is sent afterwards unless members of the group are left.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, which)

    async def _give_job(self) -> None:
        """Send the job; the pipe stays open, and its end tells that we are gone."""
        assert self._process.stdin is not None
        self._process.stdin.write(self._job.model_dump_json().encode() + b"\n")
        with suppress(ConnectionError):
            await self._process.stdin.drain()

    async def _listen(self) -> None:
        """Carry what the worker tells, until it closes its pipe."""
        cutter = LineCutter(most=_MAX_TOLD)
        async for chunk in _chunks(self._told):
            await self._take(cutter.feed(chunk))
        await self._take(cutter.finish())

    async def _take(self, lines: Sequence[bytes]) -> None:
        said = []
        for line in lines:
            told = heard(line)
            if isinstance(told, Ended):
                self.result = told.result
            else:
                said.append(told or Said(phase=_UNTOLD, text=printable(line)))
        await self._keep(said)

    async def _keep_output(self) -> None:
        """Keep what comes by no worker's word: a traceback, or somebody's mischief."""
        assert self._process.stdout is not None
        cutter, left = LineCutter(most=_MAX_LINE), _MAX_UNTOLD
        async for chunk in _chunks(self._process.stdout):
            if left > 0:
                await self._keep_untold(cutter.feed(chunk[:left]))
            left -= len(chunk)
        await self._keep_untold(cutter.finish())

    async def _keep_untold(self, lines: Sequence[bytes]) -> None:
        await self._keep([Said(phase=_UNTOLD, text=printable(it)) for it in lines])

    async def _keep(self, said: Sequence[Said]) -> None:
        build = BuildId(self._job.build_id)
        try:
            for phase, lines in groupby(said, key=lambda it: it.phase):
                await self._logs.append(build, phase, [it.text for it in lines])
        except Exception as exc:  # noqa: BLE001 - a build is worth more than its log
            log.warning("build log lost", build=build, lines=len(said), error=str(exc))


async def _start(job: Job, writing: int) -> asyncio.subprocess.Process:
    folder = Folders(root=job.root).build(job.build_id)
    command = (sys.executable, "-m", "service.adapters.local.worker", str(writing))
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        # Where our code is, whether installed or not; builds do not get this.
        env={**job.environment, "PYTHONPATH": _home_of_code()},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        pass_fds=(writing,),
        start_new_session=True,
    )
    (folder / "group").write_text(str(process.pid))
    return process


async def _open_reader(pipe: int) -> asyncio.StreamReader:
    """Read a pipe until whoever writes to it is gone."""
    reader = asyncio.StreamReader()
    file = os.fdopen(pipe, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), file
    )
    return reader


async def _chunks(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield what comes in a short while, together."""
    while chunk := await stream.read(_CHUNK):
        with suppress(TimeoutError):
            async with asyncio.timeout(_BATCH_TIME):
                while len(chunk) < _CHUNK and (more := await stream.read(_CHUNK)):
                    chunk += more
        yield chunk


def _home_of_code() -> str:
    return str(Path(service.__file__).parent.parent)
