"""One worker process, from the builder's side."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Final, Protocol, Self

import structlog
from pydantic import ValidationError

import service
from service.adapters.local.folders import Folders
from service.adapters.local.job import Job, Said
from service.domain.build import BuildId
from service.errors import ServiceError, TransientError
from service.ports.time import Clock

__all__ = ["Logs", "Run"]

log = structlog.get_logger(__name__)

_BATCH_TIME: Final = 0.2
"""Seconds that a line may wait for others: what a person takes for at once."""
_BATCH_SIZE: Final = 500
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
        self._ended = asyncio.Event()
        self.is_late = False
        self.is_unwanted = False
        self.settled = asyncio.Event()
        """Set by the builder, once the build's folders are as they shall be."""

    @classmethod
    async def begin(
        cls, *, job: Job, isolation: Sequence[str], logs: Logs, clock: Clock
    ) -> Self:
        """Start the worker of a job, whose folders are there already.

        Raises:
            TransientError: The process could not be started.
        """
        folder = Folders(root=job.root).build(job.build_id)
        command = (sys.executable, "-m", "service.adapters.local.worker")
        # Where our code is, whether installed or not; builds do not get this.
        variables = {**job.environment, "PYTHONPATH": _home_of_code()}
        try:
            process = await asyncio.create_subprocess_exec(
                *isolation,
                *command,
                cwd=folder,
                env=variables,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as exc:
            raise TransientError(f"no process for build {job.build_id}: {exc}") from exc
        (folder / "group").write_text(str(process.pid))
        run = cls(job=job, process=process, logs=logs, clock=clock)
        await run._give_job()
        return run

    async def see_through(self, deadline: timedelta) -> int:
        """Carry the log until the process ends; return its exit status."""
        try:
            async with asyncio.TaskGroup() as group:
                timer = group.create_task(self._stop_at(deadline))
                await self._carry_log()
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
        # A worker that is only beginning ignores the signal (as the first process of
        # its namespace it may), and then reads the end of its input.
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

    async def _carry_log(self) -> None:
        assert self._process.stdout is not None
        lines = self._process.stdout
        while line := await lines.readline():
            batch = [line]
            with suppress(TimeoutError):
                async with asyncio.timeout(_BATCH_TIME):
                    while len(batch) < _BATCH_SIZE and (line := await lines.readline()):
                        batch.append(line)
            await self._keep(batch)

    async def _keep(self, batch: Sequence[bytes]) -> None:
        said = [_read(line) for line in batch]
        build = BuildId(self._job.build_id)
        try:
            for phase, lines in groupby(said, key=lambda it: it.phase):
                await self._logs.append(build, phase, [it.text for it in lines])
        except ServiceError as exc:
            # A build is worth more than its log.
            log.warning("build log lost", build=build, lines=len(said), error=str(exc))


def _read(line: bytes) -> Said:
    """Read a line of the worker; what it did not say on purpose is a traceback."""
    try:
        return Said.model_validate_json(line)
    except ValidationError:
        return Said(phase="worker", text=line.decode("utf-8", "replace").rstrip())


def _home_of_code() -> str:
    return str(Path(service.__file__).parent.parent)
