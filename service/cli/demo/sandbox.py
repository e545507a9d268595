"""Where the demo plays: a service, a repository and its hook, in one folder."""

import asyncio
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from service.adapters.local.folders import remove_tree
from service.adapters.processes import (
    DEVNULL,
    PIPE,
    STDOUT,
    ChildProcess,
    start_process,
)
from service.cli.client.api import Client
from service.cli.client.http import HttpWire
from service.cli.client.wire import UnreachableError
from service.cli.output.printing import echo
from service.domain.hook import Secret
from service.errors import NotFoundError, PermanentError
from service.settings import OTHERS, Settings

__all__ = ["DemoSandbox", "open_sandbox"]

STARTS_WITHIN: Final = timedelta(seconds=60)
STOPS_WITHIN: Final = timedelta(seconds=20)
LOOK_EVERY: Final = timedelta(seconds=0.2)
RELAUNCH: Final = (sys.executable, "-m", "service.cli")
LAST_LINES: Final = 15
"""Of the service's log, when it does not start."""

SPARED: Final = ("RELAUNCH_BUILD_", "RELAUNCH_LOG_")
"""Settings that builds on this machine may need; no others are passed on."""
GIT_VARIABLES: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""Set where git runs us, and speaking of another repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSandbox:
    """A folder with everything the demo needs, and the service that runs there."""

    folder: Path
    listen: str

    @property
    def bare(self) -> Path:
        """The repository that is pushed to."""
        return self.folder / "course.git"

    @property
    def clone(self) -> Path:
        """Where the commits are made."""
        return self.folder / "course"

    @property
    def data(self) -> Path:
        """What the service keeps."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The output of the service."""
        return self.folder / "service.log"

    @property
    def url(self) -> str:
        """Where the service answers."""
        return f"http://{self.listen}"

    async def relaunch(self, *words: str) -> str:
        """Run a command of ours against the demo's service."""
        return await self.run(*RELAUNCH, *words)

    def alone(self, *words: str) -> list[str]:
        """Return a command that sees neither this person's settings nor their git's."""
        names = [
            variable
            for variable in Settings.variables()
            if not variable.startswith(SPARED)
        ]
        unset = [*names, *(f"{text}_FILE" for text in names), *OTHERS, *GIT_VARIABLES]
        given = {
            "RELAUNCH_DATA": self.data,
            "RELAUNCH_LISTEN": self.listen,
            # A person who watches had better know soon that there is no index.
            "RELAUNCH_BUILD_ATTEMPTS": 2,
            "RELAUNCH_BUILD_RETRY_AFTER": "2s",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONPATH": Path(__file__).parents[3],
        }
        flags = [word for name in unset for word in ("-u", name)]
        return [
            "env",
            *flags,
            *(f"{key}={item}" for key, item in given.items()),
            *words,
        ]

    async def run(self, *words: str, cwd: Path | None = None) -> str:
        """Run a command and return its output.

        Raises:
            PermanentError: It failed; the message has the end of its output.
        """
        process = await start_process(
            *self.alone(*words),
            cwd=cwd or self.folder,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
        )
        out, _ = await process.communicate()
        output = out.decode("utf-8", "replace").strip()
        if process.returncode:
            raise PermanentError(f"{shlex.join(words)} failed: {output[-500:]}")
        return output

    async def git(self, *words: str) -> str:
        """Run git in the clone, as a person without any configuration."""
        person = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        return await self.run("git", *person, *words, cwd=self.clone)

    async def make_repository(self) -> None:
        """Make an empty bare repository and a clone of it."""
        bare, clone = str(self.bare), str(self.clone)
        await self.run("git", "init", "--quiet", "--bare", "-bmain", bare)
        await self.run("git", "clone", "--quiet", bare, clone)
        await self.git("symbolic-ref", "HEAD", "refs/heads/main")

    def install_hook(self, url: str, secret: str) -> None:
        """Have the bare repository notify a URL of every push, as a forge does."""
        key = self.folder / "hook-secret"
        # Created with its mode before it has content, so that nobody else can read the
        # secret in between.
        key.touch(mode=0o600)
        key.write_text(secret)
        words = ("--repo", str(self.bare), "--to", url, "--secret-file", str(key))
        # With `env` in front: git runs hooks with its own variables, and the person's
        # settings would lead to another service.
        command = shlex.join(self.alone(*RELAUNCH, "push", "--stdin", *words))
        script = self.bare / "hooks" / "post-receive"
        script.write_text(f"#!/bin/sh\nexec {command}\n")
        script.chmod(0o755)


@asynccontextmanager
async def open_sandbox(*, keep: bool) -> AsyncIterator[tuple[DemoSandbox, Client]]:
    """Make the folder, start the service, and clear both away at the end.

    Raises:
        NotFoundError: The machine has no git.
        PermanentError: The service does not start.
    """
    if shutil.which("git") is None:
        raise NotFoundError("the demo needs git, and this machine has none")
    folder = Path(tempfile.mkdtemp(prefix="relaunch-demo-"))
    # The port is free now and taken by the service a moment later. Another program may
    # be faster; then the service reports it and the demo ends with that output.
    stage = DemoSandbox(folder=folder, listen=f"127.0.0.1:{_free_port()}")
    try:
        async with _service(stage):
            token = Secret((stage.data / "token").read_text().strip())
            async with HttpWire.open(stage.url, token=token) as wire:
                yield stage, Client(wire=wire)
    finally:
        if keep:
            echo(f"Everything is still in {folder}")
        else:
            remove_tree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def _service(stage: DemoSandbox) -> AsyncIterator[None]:
    with stage.log.open("wb") as log:
        process = await start_process(
            *stage.alone(*RELAUNCH, "dev"),
            cwd=stage.folder,
            stdin=DEVNULL,
            stdout=log,
            stderr=STDOUT,
            # Ctrl-C is for us; the service is ended when we are done.
            start_new_session=True,
        )
    try:
        await _ready(stage, process)
        yield
    finally:
        await _stop(process)


async def _ready(stage: DemoSandbox, process: ChildProcess) -> None:
    try:
        async with asyncio.timeout(STARTS_WITHIN.total_seconds()):
            while not await _answers(stage):
                # A service that has already ended will never answer: its output is
                # shown at once, and not after a minute.
                if process.returncode is not None:
                    raise _not_started(stage)
                await asyncio.sleep(LOOK_EVERY.total_seconds())
    except TimeoutError as exc:
        raise _not_started(stage) from exc


async def _answers(stage: DemoSandbox) -> bool:
    async with HttpWire.open(stage.url, token=None) as wire:
        try:
            return (await wire.send("GET", "/readyz")).status == 200  # noqa: PLR2004 - OK
        except UnreachableError:
            return False


def _not_started(stage: DemoSandbox) -> PermanentError:
    lines = stage.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    return PermanentError("\n".join(("the service did not start; its output:", *lines)))


async def _stop(process: ChildProcess) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOPS_WITHIN.total_seconds()):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
