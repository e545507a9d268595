"""Find out what builds can be kept apart with on this machine."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from service.adapters.local import sandbox
from service.errors import PermanentError

__all__ = ["NOT_ISOLATED", "SYSTEM", "Isolation", "IsolationWish", "find_isolation"]

IsolationWish = Literal["auto", "namespaces", "none"]
"""What an operator wants: the best there is, nothing less, or nothing at all."""

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
"""Folders of programs; builds may read them."""

_PATIENCE: Final = 10.0
"""Seconds; the answer takes a fraction of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What builds are kept apart with."""

    namespaces: bool = False
    """Whether a build sees no file and no process but its own."""
    as_user: bool = False
    """Whether that takes a user namespace: everybody but root needs one."""
    overlays: bool = False
    """Whether a build may read a shared cache that it cannot write to."""

    def __str__(self) -> str:
        if not self.namespaces:
            return "none"
        return "namespaces" if self.overlays else "namespaces, without shared caches"


NOT_ISOLATED: Final = Isolation()


async def find_isolation(
    wish: IsolationWish, *, folder: Path, environment: Mapping[str, str]
) -> Isolation:
    """Return the best isolation that works here.

    Args:
        wish: What is wanted.
        folder: Where builds are made; whether caches can be shared depends on it.
        environment: What a build's commands see.

    Raises:
        PermanentError: Namespaces are wanted, and this machine allows none.
    """
    if wish == "none":
        return NOT_ISOLATED
    why = ""
    for as_user in (False, True):
        for overlays in (True, False):
            way = Isolation(namespaces=True, as_user=as_user, overlays=overlays)
            why = await _tried(way, folder, environment)
            if not why:
                return way
    if wish == "namespaces":
        raise PermanentError(
            "RELAUNCH_LOCAL_ISOLATION is `namespaces`, which this machine does not "
            f"allow: {why}"
        )
    return NOT_ISOLATED


async def _tried(way: Isolation, folder: Path, environment: Mapping[str, str]) -> str:
    """Run a command that way; return why not, or nothing when it works."""
    with TemporaryDirectory(dir=folder, prefix="try-") as scratch:
        argv = [*_python(), sandbox.__file__, json.dumps(_spec(way, Path(scratch)))]
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                "/bin/sh",
                "-c",
                "exit 0",
                cwd="/",
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(_PATIENCE):
                _, said = await process.communicate()
        except (OSError, TimeoutError) as exc:
            return str(exc) or "no answer"
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return "" if process.returncode == 0 else (lines or ["no reason was given"])[-1]


def _spec(way: Isolation, scratch: Path) -> sandbox.Spec:
    names = ("root", "lower", "upper", "work")
    root, lower, upper, work = (str(scratch / name) for name in names)
    for name in names:
        (scratch / name).mkdir()
    return sandbox.Spec(
        parent=os.getpid(),
        namespaces=True,
        as_user=way.as_user,
        root=root,
        temporary=lower,
        read=list(SYSTEM),
        hidden=[],
        lent=[],
        write=[],
        overlays=[(lower, upper, work, "/cache")] if way.overlays else [],
        shared_memory=2**20,
        file_size=2**20,
        processes=1000,
        nice=0,
    )


def _python() -> tuple[str, ...]:
    return (sys.executable, "-I", "-S")
