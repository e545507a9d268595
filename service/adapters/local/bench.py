"""Where a worker does its work: runs tools, says what they say."""

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import uv

from service.adapters.local.confine import Area, confined, foreign_area, own_area
from service.adapters.local.failures import StepFailedError, StoppedError
from service.adapters.local.folders import Folders
from service.adapters.local.isolation import NOT_ISOLATED
from service.adapters.local.job import Job
from service.adapters.local.lines import LineCutter
from service.adapters.local.transcript import MAX_LINE, Transcript
from service.adapters.local.variables import build_variables
from service.adapters.local.watch import Watch, end_descendants, too_large

__all__ = ["Bench"]

Said: TypeAlias = Callable[[Sequence[bytes]], None]
"""Takes the lines of a tool."""

_CHUNK: Final = 64 * 1024
_WROTE_TOO_MUCH: Final = frozenset({-signal.SIGXFSZ, 128 + signal.SIGXFSZ})


class Bench:
    """The job, its folders, and a hand to run tools."""

    def __init__(self, *, job: Job, transcript: Transcript) -> None:
        self.job = job
        self.transcript = transcript
        self.folders = Folders(root=job.root)
        self.scratch = self.folders.build(job.build_id)
        self.place = self.folders.environment(job.build_id)
        self.own = own_area(job)
        self.foreign = foreign_area(job)
        self.variables: Mapping[str, str] = build_variables(job, self.foreign)
        self.notes: list[str] = []
        self.watched: dict[str, str] = {}
        """Definition files, by path, to find the line that a message is about."""
        self.kept: tuple[str, ...] | None = None
        """The paths that were left of the commit; None when all of it was."""
        self.holds_code = True
        """Whether what is installed may point into the working tree."""

    @property
    def source(self) -> Path:
        """The working tree; `pip install -e .` points at it."""
        return self.place / "source"

    @property
    def env(self) -> Path:
        return self.place / "env"

    @property
    def python(self) -> Path:
        return self.env / "bin" / "python"

    @property
    def context(self) -> Path:
        return self.source / self.job.context_dir

    @property
    def definition(self) -> Path:
        return self.source / self.job.path

    def say(self, text: str) -> None:
        self.transcript.say(text)

    def note(self, text: str) -> None:
        """Say something that the image's manifest keeps too."""
        self.notes.append(text)
        self.say(text)

    def uv(self, *arguments: str) -> list[str]:
        """Return a command of the uv that came with this service."""
        return [uv.find_uv_bin(), *arguments]

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Run a tool that may run code of the repository; say what it says.

        Raises:
            StepFailedError: It did not end with 0.
            StoppedError: It took more than it may.
        """
        said = self.transcript.say_all
        self._run(argv, self.foreign, cwd or self.foreign.home, variables or {}, said)

    def run_own(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
        silent: bool = False,
    ) -> None:
        """Run a tool that runs no code of the repository; say what it says.

        When it is silent, nothing of that is said.

        Raises:
            StepFailedError: It did not end with 0.
            StoppedError: It took more than it may.
        """
        said = _say_nothing if silent else self.transcript.say_all
        self._run(argv, self.own, cwd or self.own.home, variables or {}, said)

    def run_git(self, argv: Sequence[str], variables: Mapping[str, str]) -> None:
        """Run git in the working tree, where it reaches repositories of this machine.

        Raises:
            StepFailedError: It did not end with 0.
            StoppedError: It took more than it may.
        """
        job = self.job.model_copy(update={"isolation": NOT_ISOLATED})
        before = confined(job, self.own, variables)
        said = self.transcript.say_all
        self._follow([*before, *argv], self.source, variables, said)

    def _run(
        self,
        argv: Sequence[str],
        area: Area,
        cwd: Path,
        more: Mapping[str, str],
        said: Said,
    ) -> None:
        variables = {**build_variables(self.job, area), **more}
        before = confined(self.job, area, variables)
        self._follow([*before, *argv], cwd, variables, said)

    def _follow(
        self, argv: Sequence[str], cwd: Path, variables: Mapping[str, str], said: Said
    ) -> None:
        process = subprocess.Popen(  # noqa: S603 - tools of ours, arguments as a list
            argv,
            cwd=cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        places = (self.place, self.scratch)
        with process, Watch(self.job, places, process) as watch:
            _carry(process, said)
            code = process.wait()
        end_descendants()
        if watch.trouble is not None:
            raise watch.trouble
        if code in _WROTE_TOO_MUCH:
            raise StoppedError(*too_large(self.job)[:2], hint=too_large(self.job)[2])
        if code:
            raise StepFailedError(code)


def _carry(process: subprocess.Popen[bytes], said: Said) -> None:
    assert process.stdout is not None
    cutter = LineCutter(most=MAX_LINE)
    while chunk := process.stdout.read(_CHUNK):
        said(cutter.feed(chunk))
    said(cutter.finish())


def _say_nothing(lines: Sequence[bytes]) -> None:
    del lines
