"""Running git: alone, watched and cut off.

Whatever a remote sends, a command inherits nothing of ours, asks nobody anything,
and ends: by itself, at its deadline, or with everything it started when whoever
waits for it is cancelled.
"""

import asyncio
import os
import resource
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from service.errors import TransientError

__all__ = ["MAX_OUTPUT", "PASSED_ON", "Git", "Said"]

PASSED_ON: Final = frozenset(
    {
        "ALL_PROXY",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "HTTPS_PROXY",
        "NO_PROXY",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "all_proxy",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
)
"""What git may know of our environment: the way out and whom to trust on it."""

NOWHERE: Final = "/dev/null"

ALONE: Final[Mapping[str, str]] = {
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": NOWHERE,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
    "GIT_HTTP_LOW_SPEED_TIME": "20",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    # Without HOME, curl would look for a .netrc in the account's own folder.
    "HOME": NOWHERE,
    # Errors are told apart by their English text.
    "LC_ALL": "C",
    "SSH_ASKPASS": "",
    "XDG_CONFIG_HOME": NOWHERE,
}
"""https://git-scm.com/docs/git#_environment_variables"""

SETTINGS: Final[Mapping[str, str]] = {
    # Blobs above it are streamed, not held in memory.
    "core.bigFileThreshold": "8m",
    "core.hooksPath": NOWHERE,
    "credential.helper": "",
    "fetch.unpackLimit": "1",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "pack.threads": "1",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
}
"""https://git-scm.com/docs/git-config#_variables"""

MAX_OUTPUT: Final = 16 * 1024 * 1024
"""A hundred thousand tree entries; nothing we ask for is longer."""

MAX_COMPLAINT: Final = 16 * 1024
"""The end of what git says on its error stream; the reason comes last."""

CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command answered."""

    code: int
    out: bytes
    err: str
    is_cut: bool = False
    """It said more than was asked for and was ended; `out` is not whole."""


class Git:
    """Runs git commands.

    Args:
        environment: Ours; only what is named in `PASSED_ON` is taken from it.
        protocols: What git may speak, such as `https`.
        deadline: How long one command may take.
        at_once: How many commands may run at one time.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        protocols: tuple[str, ...],
        deadline: timedelta,
        at_once: int,
    ) -> None:
        self._program = shutil.which("git") or "git"
        self._deadline = deadline
        self._slots = asyncio.Semaphore(at_once)
        self._environment = {
            **ALONE,
            **{key: it for key, it in environment.items() if key in PASSED_ON},
            "GIT_ALLOW_PROTOCOL": ":".join(protocols),
            "PATH": os.pathsep.join((str(Path(self._program).parent), os.defpath)),
        }

    async def run(
        self,
        *arguments: str,
        folder: Path | None = None,
        config: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        limit: int = MAX_OUTPUT,
        max_file: int | None = None,
    ) -> Said:
        """Run a command and return what it said.

        Args:
            arguments: The command and its arguments.
            folder: The bare repository it works in; none when None.
            config: Settings for this command.
            stdin: What it is told, once it is limited.
            limit: How many bytes it may say; it is ended when it says more.
            max_file: How large a file it may write, where the system can limit it.
                Only holds from when it reads `stdin`.

        Raises:
            TransientError: It did not end in time, or could not be started.
        """
        async with self._slots:
            try:
                async with asyncio.timeout(self._deadline.total_seconds()):
                    process = await self._start(arguments, folder, config or {})
                    return await _talk(process, stdin, limit, max_file)
            except TimeoutError as exc:
                raise TransientError(
                    f"git {arguments[0]} did not end within {self._deadline}"
                ) from exc
            except OSError as exc:
                raise TransientError(f"git could not be started: {exc}") from exc

    async def _start(
        self, arguments: tuple[str, ...], folder: Path | None, config: Mapping[str, str]
    ) -> Process:
        return await asyncio.create_subprocess_exec(
            self._program,
            *(os.fsencode(it) for it in arguments),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd="/",
            # Without a repository of its own, git would look for one around it.
            env={
                **self._environment,
                **_settings({**SETTINGS, **config}),
                "GIT_DIR": str(folder or NOWHERE),
            },
            start_new_session=True,
            # Python ignores SIGXFSZ; so does git then, and says what was too large.
            restore_signals=False,
        )


def _settings(config: Mapping[str, str]) -> dict[str, str]:
    """Hand settings over in the environment, where children find them too."""
    numbered = tuple(enumerate(config.items()))
    return {
        "GIT_CONFIG_COUNT": str(len(numbered)),
        **{f"GIT_CONFIG_KEY_{place}": key for place, (key, _) in numbered},
        **{f"GIT_CONFIG_VALUE_{place}": value for place, (_, value) in numbered},
    }


async def _talk(
    process: Process, stdin: bytes, limit: int, max_file: int | None
) -> Said:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        if max_file is not None:
            _limit_files(process, max_file)
        process.stdin.write(stdin)
        process.stdin.close()
        async with asyncio.TaskGroup() as group:
            complaint = group.create_task(_tail(process.stderr))
            out = await _head(process.stdout, limit)
            if len(out) > limit:
                _kill(process)
    except BaseException:
        _kill(process)
        raise
    finally:
        # Until its pipes have run dry, the loop does not let go of a process.
        await process.communicate()
    return Said(
        code=await process.wait(),
        out=out[:limit],
        err=complaint.result().decode("utf-8", "replace"),
        is_cut=len(out) > limit,
    )


def _limit_files(process: Process, size: int) -> None:
    if sys.platform == "linux":
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))


async def _head(stream: asyncio.StreamReader, limit: int) -> bytes:
    """Read to the end, or one byte more than the limit."""
    out = bytearray()
    while len(out) <= limit and (chunk := await stream.read(CHUNK)):
        out += chunk
    return bytes(out[: limit + 1])


async def _tail(stream: asyncio.StreamReader) -> bytes:
    """Read to the end and keep the last bytes."""
    kept = b""
    while chunk := await stream.read(CHUNK):
        kept = (kept + chunk)[-MAX_COMPLAINT:]
    return kept


def _kill(process: Process) -> None:
    """End it and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
