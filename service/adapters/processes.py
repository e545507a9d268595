"""Start a process without a copy of this one.

The loop that the service runs on starts processes by `fork`, which copies the table of
all memory: 4 ms at 200 MB and 10 at 400, in which nobody else is served. `subprocess`
takes `vfork`: half a millisecond at any size.
https://github.com/libuv/libuv/blob/v1.51.0/src/unix/process.c
"""

import asyncio
import socket
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Final

__all__ = [
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "ChildProcess",
    "open_stream",
    "start_process",
]

_OWN: Final = ("stdin", "stdout", "stderr")


class ChildProcess:
    """A process that was started, as `asyncio.subprocess.Process` is one.

    What it prints has to be read to its end, or the socket stays open.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        stdin: asyncio.StreamWriter | None,
        stdout: asyncio.StreamReader | None,
        stderr: asyncio.StreamReader | None,
    ) -> None:
        self.pid = process.pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        # As the loop of Python itself waits where a kernel cannot tell:
        # https://docs.python.org/3/library/asyncio-policy.html#asyncio.ThreadedChildWatcher
        Thread(target=self._wait, name=f"process {self.pid}", daemon=True).start()

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Wait for its end; return the exit status, negative for a signal."""
        return await asyncio.shield(self._ended)

    def terminate(self) -> None:
        """Ask it to end, by SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """End it, by SIGKILL."""
        self._process.kill()

    async def communicate(self) -> tuple[bytes, bytes]:
        """Read all that it prints until it ends; return standard output and error."""
        async with asyncio.TaskGroup() as group:
            out = group.create_task(_read(self.stdout))
            err = group.create_task(_read(self.stderr))
        await self.wait()
        return out.result(), err.result()

    def _wait(self) -> None:
        code = self._process.wait()
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._ended.set_result, code)


async def start_process(
    *command: str | bytes | Path,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    start_new_session: bool = False,
) -> ChildProcess:
    """Start a process; `PIPE` gives a stream, the rest is as in `subprocess.Popen`.

    Raises:
        OSError: It could not be started.
    """
    given = dict(zip(_OWN, (stdin, stdout, stderr), strict=True))
    with ExitStack() as theirs:
        streams: dict[str, SocketStream] = {}
        try:
            for name in (name for name in _OWN if given[name] == PIPE):
                ours, other = socket.socketpair()
                theirs.enter_context(other)
                streams[name] = await open_stream(ours)
                given[name] = other.fileno()
            # Nothing is waited for from here on, so nobody is cancelled in between.
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - ours, and it is short
                command,
                stdin=given["stdin"],
                stdout=given["stdout"],
                stderr=given["stderr"],
                cwd=cwd,
                env=env,
                pass_fds=pass_fds,
                start_new_session=start_new_session,
            )
        except BaseException:
            for stream in streams.values():
                stream.transport.close()
            raise
    return ChildProcess(
        process,
        stdin=streams["stdin"].make_writer() if "stdin" in streams else None,
        stdout=streams["stdout"].reader if "stdout" in streams else None,
        stderr=streams["stderr"].reader if "stderr" in streams else None,
    )


class _Protocol(asyncio.StreamReaderProtocol):
    """Closes the connection when the other side is gone, as a pipe is closed."""

    def eof_received(self) -> bool:
        super().eof_received()
        return False


@dataclass(frozen=True, slots=True)
class SocketStream:
    """Our end of a connection with a process."""

    reader: asyncio.StreamReader
    transport: asyncio.WriteTransport
    protocol: _Protocol

    def make_writer(self) -> asyncio.StreamWriter:
        # Only where one is wanted: a writer that nobody keeps closes the connection.
        loop = asyncio.get_running_loop()
        return asyncio.StreamWriter(self.transport, self.protocol, self.reader, loop)


async def open_stream(end: socket.socket) -> SocketStream:
    """Open a stream on a socket; it ends, and is closed, when the other side is gone.

    Not on a pipe: uvloop closes the file of a pipe twice, and at the second time it may
    be another thread's. A result of a build was lost by that.
    https://github.com/MagicStack/uvloop/blob/v0.23.0/uvloop/handles/handle.pyx
    """
    reader = asyncio.StreamReader()
    transport, protocol = await asyncio.get_running_loop().create_unix_connection(
        lambda: _Protocol(reader), sock=end
    )
    return SocketStream(reader, transport, protocol)


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()
