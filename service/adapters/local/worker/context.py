"""The context of a build in its worker: folders, tools and the log."""

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import uv

from service.adapters.local.errors import StepFailedError, StoppedError
from service.adapters.local.isolation.confine import (
    Area,
    confine,
    foreign_area,
    own_area,
)
from service.adapters.local.isolation.probe import NOT_ISOLATED
from service.adapters.local.job import Job
from service.adapters.local.lines import LineCutter
from service.adapters.local.resource_monitor import (
    ResourceMonitor,
    end_descendants,
    too_large,
)
from service.adapters.local.worker.environment import build_variables
from service.adapters.local.worker.transcript import MAX_LINE, Transcript

__all__ = ["BuildContext"]

LineWriter: TypeAlias = Callable[[Sequence[bytes]], None]
"""Receives the lines that a tool prints."""

_CHUNK: Final = 64 * 1024
_WROTE_TOO_MUCH: Final = frozenset({-signal.SIGXFSZ, 128 + signal.SIGXFSZ})


class BuildContext:
    """The job, its folders, and methods to run tools in them.

    A worker makes one for its only build and passes it to every step.
    """

    def __init__(self, *, job: Job, transcript: Transcript) -> None:
        self.job = job
        self.transcript = transcript
        self.folders = job.folders
        self.scratch = self.folders.build(job.build_id)
        self.environment_folder = self.folders.environment(job.build_id)
        self.own = own_area(job)
        self.foreign = foreign_area(job)
        self.variables: Mapping[str, str] = build_variables(job, self.foreign)
        self.notes: list[str] = []
        self.definition_files: dict[str, str] = {}
        """Definition files, by path, to find the line that a message refers to."""
        self.kept: tuple[str, ...] | None = None
        """The paths that remain of the commit; None when all of them do."""
        self.holds_code = True
        """Whether an installed project may point into the working tree."""

    @property
    def source(self) -> Path:
        """The working tree; `pip install -e .` points at it."""
        return self.environment_folder / "source"

    @property
    def env(self) -> Path:
        return self.environment_folder / "env"

    @property
    def python(self) -> Path:
        return self.env / "bin" / "python"

    @property
    def context(self) -> Path:
        return self.source / self.job.context_dir

    @property
    def definition(self) -> Path:
        return self.source / self.job.path

    def log(self, text: str) -> None:
        self.transcript.log(text)

    def note(self, text: str) -> None:
        """Write a line to the log, and to the notes of the image's manifest."""
        self.notes.append(text)
        self.log(text)

    def uv(self, *arguments: str) -> list[str]:
        """Return a command of the uv that is installed with this service."""
        return [uv.find_uv_bin(), *arguments]

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
        silent: bool = False,
        seconds: float | None = None,
    ) -> None:
        """Run a tool that may run code of the repository, and log its output.

        Args:
            argv: The command.
            cwd: Its working directory; None for its home.
            variables: Additional environment variables.
            silent: Discard its output.
            seconds: How long it may take; None for as long as the build.

        Raises:
            StepFailedError: It did not end with 0.
            StoppedError: It exceeded a limit.
        """
        write_lines = _discard_lines if silent else self.transcript.log_output
        cwd = cwd or self.foreign.home
        self._run(
            argv, self.foreign, cwd, variables or {}, write_lines, seconds=seconds
        )

    def run_own(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
        silent: bool = False,
    ) -> None:
        """Run a tool that runs no code of the repository, and log its output.

        Args:
            argv: The command.
            cwd: Its working directory; None for its home.
            variables: Additional environment variables.
            silent: Discard its output.

        Raises:
            StepFailedError: It did not end with 0.
            StoppedError: It exceeded a limit.
        """
        write_lines = _discard_lines if silent else self.transcript.log_output
        self._run(argv, self.own, cwd or self.own.home, variables or {}, write_lines)

    def run_git(self, argv: Sequence[str], variables: Mapping[str, str]) -> None:
        """Run git in the working tree.

        Raises:
            StepFailedError: It did not end with 0.
            StoppedError: It exceeded a limit.
        """
        # Outside the sandbox, which hides the `file://` repositories of this machine.
        # `clone.py` makes sure that git runs no code of the repository.
        job = self.job.model_copy(update={"isolation": NOT_ISOLATED})
        prefix = confine(job, self.own, variables)
        write_lines = self.transcript.log_output
        self._run_monitored([*prefix, *argv], self.source, variables, write_lines)

    def _run(
        self,
        argv: Sequence[str],
        area: Area,
        cwd: Path,
        extra: Mapping[str, str],
        write_lines: LineWriter,
        *,
        seconds: float | None = None,
    ) -> None:
        variables = {**build_variables(self.job, area), **extra}
        prefix = confine(self.job, area, variables)
        self._run_monitored(
            [*prefix, *argv], cwd, variables, write_lines, seconds=seconds
        )

    def _run_monitored(
        self,
        argv: Sequence[str],
        cwd: Path,
        variables: Mapping[str, str],
        write_lines: LineWriter,
        *,
        seconds: float | None = None,
    ) -> None:
        process = subprocess.Popen(  # noqa: S603 - tools of ours, arguments as a list
            argv,
            cwd=cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Unbuffered: a build that prints a line a minute should be seen printing
            # it.
            bufsize=0,
        )
        folders = (self.environment_folder, self.scratch)
        with process, ResourceMonitor(self.job, folders, process, seconds) as monitor:
            _forward_output(process, write_lines)
            code = process.wait()
        # Also after success: a process that outlives its command could still write to
        # the environment while it is hashed.
        end_descendants()
        if monitor.error is not None:
            raise monitor.error
        if code in _WROTE_TOO_MUCH:
            raise StoppedError(*too_large(self.job)[:2], hint=too_large(self.job)[2])
        if code:
            raise StepFailedError(code)


def _forward_output(process: subprocess.Popen[bytes], write_lines: LineWriter) -> None:
    assert process.stdout is not None
    cutter = LineCutter(most=MAX_LINE)
    while chunk := process.stdout.read(_CHUNK):
        write_lines(cutter.feed(chunk))
    write_lines(cutter.finish())


def _discard_lines(lines: Sequence[bytes]) -> None:
    del lines
