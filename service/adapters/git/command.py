"""Run git commands isolated, limited and with a deadline.

A command inherits neither our environment nor any configuration, never prompts,
takes no more than so much memory, and always ends: by itself, at its deadline, or when
the caller is cancelled. Its whole process group is killed then.
"""

import asyncio
import os
import resource
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from service.adapters.processes import PIPE, ChildProcess, start_process
from service.errors import TransientError

__all__ = ["MAX_MEMORY", "MAX_OUTPUT", "PASSED_ON", "CommandResult", "Git", "feed"]

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
"""The variables that git inherits: proxies and trusted certificates."""

DEV_NULL: Final = "/dev/null"

ISOLATED: Final[Mapping[str, str]] = {
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": DEV_NULL,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
    "GIT_HTTP_LOW_SPEED_TIME": "20",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    # Without HOME, curl would read the .netrc of the account's home directory.
    "HOME": DEV_NULL,
    # `errors.py` recognizes failures by git's English messages.
    "LC_ALL": "C",
    "SSH_ASKPASS": "",
    "XDG_CONFIG_HOME": DEV_NULL,
}
"""https://git-scm.com/docs/git#_environment_variables"""

SETTINGS: Final[Mapping[str, str]] = {
    # Larger blobs are streamed, not held in memory.
    "core.bigFileThreshold": "8m",
    "core.hooksPath": DEV_NULL,
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
"""Bytes of standard output; a hundred thousand tree entries, which nothing exceeds."""

MAX_MEMORY: Final = 512 * 1024 * 1024
"""Bytes of one command and of each of its children. A pack of a kilobyte unpacks to any
size, and git holds all refs that a server lists; a million of either need 200 MB."""

# By a shell, before git starts: what was forked already would not get it afterwards.
# Only what git allocates counts; it maps packs of any size. SIGXFSZ stays ignored: a
# write over the limit of `max_file` fails with "File too large" instead of killing git
# without a message. Python ignores it too, but libuv's processes start with the default
# of every signal, whatever `restore_signals` says:
# https://github.com/libuv/libuv/blob/v1.x/src/unix/process.c
_LIMITED: Final = (
    "/bin/sh",
    "-c",
    'trap "" XFSZ; ulimit -d "$0"; exec "$@"',
    f"{MAX_MEMORY // 1024}",
)

MAX_STDERR: Final = 16 * 1024
"""Bytes kept from the end of standard error, because the reason comes last."""

CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The exit code and output of a command."""

    code: int
    out: bytes
    err: str
    is_cut: bool = False
    """The output exceeded the limit and the command was killed; `out` is incomplete."""


# Two in a process at most: the remote's, and that of a replay on the command line. The
# semaphore bounds processes and connections of all evaluations together.
class Git:
    """Run git commands.

    Args:
        environment: The environment of this process; only `PASSED_ON` is used.
        protocols: The protocols that git may use, such as `https`.
        deadline: How long one command may take.
        at_once: How many commands may run concurrently.
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
            **ISOLATED,
            **{key: text for key, text in environment.items() if key in PASSED_ON},
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
    ) -> CommandResult:
        """Run a command and return its result.

        Args:
            arguments: The command and its arguments.
            folder: The bare repository to run it in; None for no repository.
            config: Git configuration for this command alone.
            stdin: Written to standard input after the file limit is set.
            limit: Maximum bytes of standard output; the command is killed beyond it.
            max_file: Maximum size of a file it writes, on Linux only. It takes
                effect before the command can read `stdin`, not before it starts.

        Raises:
            TransientError: It did not end in time, or could not be started.
        """
        # The wait for a slot does not count against the deadline: a queue of slow
        # repositories must not fail the ones behind them.
        async with self._slots:
            try:
                async with asyncio.timeout(self._deadline.total_seconds()):
                    process = await self._start(arguments, folder, config or {})
                    return await _communicate(process, stdin, limit, max_file)
            except TimeoutError as exc:
                raise TransientError(
                    f"git {arguments[0]} did not end within {self._deadline}"
                ) from exc
            except OSError as exc:
                raise TransientError(f"git could not be started: {exc}") from exc

    async def _start(
        self, arguments: tuple[str, ...], folder: Path | None, config: Mapping[str, str]
    ) -> ChildProcess:
        return await start_process(
            *_LIMITED,
            self._program,
            *(os.fsencode(argument) for argument in arguments),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd="/",
            # Without GIT_DIR, git would search the parent folders for a repository.
            env={
                **self._environment,
                **_config_environment({**SETTINGS, **config}),
                "GIT_DIR": str(folder or DEV_NULL),
            },
            # Its own process group, so that `_kill` reaches curl and index-pack, too.
            start_new_session=True,
        )


def _config_environment(config: Mapping[str, str]) -> dict[str, str]:
    """Encode settings as environment variables, which git's own children inherit."""
    numbered = tuple(enumerate(config.items()))
    return {
        "GIT_CONFIG_COUNT": str(len(numbered)),
        **{f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in numbered},
        **{f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in numbered},
    }


async def _communicate(
    process: ChildProcess, stdin: bytes, limit: int, max_file: int | None
) -> CommandResult:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        if max_file is not None:
            _limit_files(process, max_file)
        feed(process.stdin, stdin)
        async with asyncio.TaskGroup() as group:
            stderr = group.create_task(_read_tail(process.stderr))
            out = await _read_head(process.stdout, limit)
            # Killed inside the group: otherwise standard error would never end.
            if len(out) > limit:
                _kill(process)
    except BaseException:
        _kill(process)
        raise
    finally:
        # Also after a kill: what was not read to its end keeps a descriptor open.
        await process.communicate()
    return CommandResult(
        code=await process.wait(),
        out=out[:limit],
        err=stderr.result().decode("utf-8", "replace"),
        is_cut=len(out) > limit,
    )


def feed(pipe: asyncio.StreamWriter, stdin: bytes) -> None:
    """Give a command its input, and close it; one that ended already takes none."""
    # uvloop closes the connection with a command that ended, and then raises
    # RuntimeError where asyncio's own loop drops what is written.
    if stdin and not pipe.is_closing():
        pipe.write(stdin)
    pipe.close()


def _limit_files(process: ChildProcess, size: int) -> None:
    # Set from outside instead of in `preexec_fn`, which is unsafe with threads and
    # forces a slow fork. The command cannot write yet: it waits for its input.
    if sys.platform == "linux":
        with suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))


async def _read_head(stream: asyncio.StreamReader, limit: int) -> bytes:
    """Read to the end, or to one byte over the limit: there is more then."""
    out = bytearray()
    while len(out) <= limit and (chunk := await stream.read(CHUNK)):
        out += chunk
    return bytes(out[: limit + 1])


async def _read_tail(stream: asyncio.StreamReader) -> bytes:
    """Read to the end and keep the last bytes."""
    kept = b""
    while chunk := await stream.read(CHUNK):
        kept = (kept + chunk)[-MAX_STDERR:]
    return kept


def _kill(process: ChildProcess) -> None:
    """Kill a process and everything it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
