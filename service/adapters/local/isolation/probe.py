"""Find out which isolation of builds this machine supports."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

import structlog

from service.adapters.local.isolation import landlock, sandbox
from service.adapters.processes import DEVNULL, PIPE, start_process
from service.errors import PermanentError

__all__ = [
    "NOT_ISOLATED",
    "PROGRAM",
    "SYSTEM",
    "Isolation",
    "IsolationChoice",
    "find_isolation",
    "log_isolation",
]

log = structlog.get_logger(__name__)

IsolationChoice = Literal["auto", "namespaces", "landlock", "none"]
"""The operator's choice: the best available, one of the ways or an error, or none."""

SYSTEM: Final = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix",
    "/gnu",
)
"""Folders of programs, which builds may read."""

PROGRAM: Final = (sys.executable, "-I", "-S")
"""Runs a program of this folder, isolated and without site-packages: variables or files
of a repository must not be imported before the sandbox stands."""

_PATIENCE: Final = 10.0
"""Seconds; the answer takes a fraction of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """The isolation of builds."""

    namespaces: bool = False
    """Whether a build sees no file and no process but its own."""
    as_user: bool = False
    """Whether that takes a user namespace: everybody but root needs one."""
    overlays: bool = False
    """Whether a build may read a shared cache that it cannot write to."""
    landlock: bool = False
    """Whether a build can open its own files only, where namespaces are forbidden."""

    @property
    def protects_files(self) -> bool:
        """Whether code of a repository can write to its own folders only."""
        return self.namespaces or self.landlock

    def __str__(self) -> str:
        if not self.namespaces:
            return "landlock" if self.landlock else "none"
        return "namespaces" if self.overlays else "namespaces, without shared caches"


NOT_ISOLATED: Final = Isolation()


async def find_isolation(
    choice: IsolationChoice, *, folder: Path, environment: Mapping[str, str]
) -> Isolation:
    """Return the best isolation that works here.

    Args:
        choice: The operator's choice.
        folder: The builder's root; overlays depend on its file system.
        environment: The variables of a build's commands.

    Raises:
        PermanentError: A certain way is wanted, and this machine does not allow it.
    """
    why = ""
    for isolation in _ways(choice):
        why = await _try_isolation(isolation, folder, environment)
        if not why:
            return isolation
    if choice in ("namespaces", "landlock"):
        raise PermanentError(
            f"RELAUNCH_LOCAL_ISOLATION is `{choice}`, which this machine does not "
            f"allow: {why}"
        )
    return NOT_ISOLATED


def _ways(choice: IsolationChoice) -> Iterator[Isolation]:
    """Yield the ways to try, the best one first."""
    if choice in ("auto", "namespaces"):
        # Without a user namespace first: as root it is not needed, and some systems
        # forbid user namespaces alone.
        for as_user in (False, True):
            for overlays in (True, False):
                yield Isolation(namespaces=True, as_user=as_user, overlays=overlays)
    if choice in ("auto", "landlock"):
        yield Isolation(landlock=True)


async def _try_isolation(
    isolation: Isolation, folder: Path, environment: Mapping[str, str]
) -> str:
    """Run a command with an isolation; return the error, empty when it works."""
    # Trying is the only reliable test: kernels, distributions and container runtimes
    # forbid namespaces in many ways.
    with TemporaryDirectory(dir=folder, prefix="try-") as scratch:
        try:
            process = await start_process(
                *_command(isolation, Path(scratch)),
                cwd="/",
                env=dict(environment),
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=PIPE,
            )
            async with asyncio.timeout(_PATIENCE):
                _, stderr = await process.communicate()
        except (OSError, TimeoutError) as exc:
            return str(exc) or "no answer"
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return "" if process.returncode == 0 else (lines or ["no reason was given"])[-1]


def _command(isolation: Isolation, scratch: Path) -> list[str]:
    spec = json.dumps(_make_spec(isolation, scratch))
    within = [*PROGRAM, sandbox.__file__, spec]
    if not isolation.landlock:
        return [*within, "/bin/sh", "-c", "exit 0"]
    rules = landlock.Rules(read=list(SYSTEM), write=[])
    # Kernels answer for a Landlock that a boot option took out of use, too.
    test = 'echo opened > "$0" && { echo it forbids nothing >&2; exit 1; }; exit 0'
    return [
        *(*within, *PROGRAM, landlock.__file__, json.dumps(rules)),
        *("/bin/sh", "-c", test, str(scratch / "lower" / "file")),
    ]


def _make_spec(isolation: Isolation, scratch: Path) -> sandbox.SandboxSpec:
    names = ("root", "lower", "upper", "work")
    root, lower, upper, work = (str(scratch / name) for name in names)
    for name in names:
        (scratch / name).mkdir()
    return sandbox.SandboxSpec(
        parent=os.getpid(),
        namespaces=isolation.namespaces,
        as_user=isolation.as_user,
        root=root,
        temporary=lower,
        read=list(SYSTEM),
        hidden=[],
        lent=[],
        write=[],
        overlays=[(lower, upper, work, "/cache")] if isolation.overlays else [],
        shared_memory=2**20,
        file_size=2**20,
        processes=1000,
        nice=0,
    )


def log_isolation(isolation: Isolation) -> None:
    """Log whether builds are isolated; a warning where they are not."""
    if isolation.protects_files:
        log.info("builds are isolated", isolation=str(isolation))
    else:
        log.warning(
            "builds are not isolated: their code can read and change what this "
            "user can",
            isolation=str(isolation),
        )
