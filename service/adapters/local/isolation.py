"""Put a build where it sees no other process and outlives nothing.

In a process namespace of its own a build can neither read the environment of the
service from `/proc` nor leave a process behind: when its first process ends, the
kernel ends the rest. https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
"""

import asyncio
from collections.abc import Mapping
from typing import Final

__all__ = ["find_isolation"]

_PROCESSES: Final = ("--pid", "--fork", "--mount-proc", "--kill-child")
_WAYS: Final = (
    ("unshare", *_PROCESSES),
    ("unshare", "--user", "--map-current-user", *_PROCESSES),
)
_PATIENCE: Final = 5.0
"""Seconds; `unshare` answers in a few milliseconds."""


async def find_isolation(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what to put before a command to isolate it; empty where nothing works.

    Containers and some systems allow neither way.
    """
    for way in _WAYS:
        if await _works(way, environment):
            return way
    return ()


async def _works(way: tuple[str, ...], environment: Mapping[str, str]) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            *way,
            "true",
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(_PATIENCE):
            return await process.wait() == 0
    except (OSError, TimeoutError):
        return False
