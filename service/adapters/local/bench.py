"""Where a worker does its work: runs tools, says what they say."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import uv

from service.adapters.local.folders import Folders
from service.adapters.local.job import Job
from service.adapters.local.lines import LineCutter
from service.adapters.local.processes import drop_rights
from service.adapters.local.transcript import MAX_LINE, Transcript
from service.adapters.local.variables import build_variables
from service.domain.failure import Failure, FailureClass

__all__ = ["Bench", "StepFailedError", "StoppedError"]

_CHUNK: Final = 64 * 1024


class StepFailedError(Exception):
    """A tool ended badly; the transcript holds what it said.

    Args:
        code: Its exit status; negative for the signal that killed it.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"a tool ended with status {code}")
        self.code = code


class StoppedError(Exception):
    """The build cannot go on, and why is known already."""

    def __init__(
        self,
        kind: FailureClass,
        message: str,
        *,
        hint: str = "",
        path: str = "",
        line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(
            kind=kind, message=message, hint=hint, path=path, line=line
        )


class Bench:
    """The job, its folders, and a hand to run tools."""

    def __init__(self, *, job: Job, transcript: Transcript) -> None:
        self.job = job
        self.transcript = transcript
        self.folders = Folders(root=job.root)
        self.scratch = self.folders.build(job.build_id)
        self.place = self.folders.environment(job.build_id)
        self.variables: Mapping[str, str] = build_variables(job)
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
        """Run a tool and say what it says.

        Raises:
            StepFailedError: It did not end with 0.
        """
        with subprocess.Popen(  # noqa: S603 - tools of ours, arguments as a list
            argv,
            cwd=cwd or self.scratch,
            env={**self.variables, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            # The worker's one other thread holds no lock that this could wait for.
            preexec_fn=drop_rights,  # noqa: PLW1509
        ) as process:
            assert process.stdout is not None
            cutter = LineCutter(most=MAX_LINE)
            while chunk := process.stdout.read(_CHUNK):
                self.transcript.say_all(cutter.feed(chunk))
            self.transcript.say_all(cutter.finish())
        if process.returncode:
            raise StepFailedError(process.returncode)
