"""What every role does as a process: start, keep its loops going, stop in order."""

import asyncio
import gc
import os
import secrets
import signal
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Self

import structlog

from consumers.guard import Loop, keep_going
from service.domain.hook import Secret
from service.errors import PermanentError
from service.logs import configure
from service.ports.time import Clock
from service.settings import Settings

__all__ = ["VERSION", "Ready", "api_token", "make_data_folder", "run", "until_stopped"]

log = structlog.get_logger(__name__)

VERSION: Final = version("relaunch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a person wants to know once a role works."""

    url: str
    """Where this machine reaches it."""
    public_url: str
    """Where forges do, as far as anybody said; else empty."""
    data: Path
    version: str = VERSION

    @classmethod
    def at(cls, url: str, settings: Settings) -> Self:
        """Tell of a process that answers at a URL."""
        return cls(url=url, public_url=settings.public_url or "", data=settings.data)


def run(
    role: Coroutine[None, None, None],
    settings: Settings,
    *,
    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    """Run a role to its end, on a loop of its choice."""
    configure(settings.log, secrets=settings.secrets())
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(role)


async def until_stopped(
    loops: Sequence[Loop], *, clock: Clock, on_start: Callable[[], None]
) -> None:
    """Keep loops going until the process is asked to stop (SIGINT or SIGTERM)."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(keep_going(it, clock=clock)) for it in loops]
        # What is there from the start stays: the collector need not look at it.
        gc.freeze()
        gc.enable()
        on_start()
        await stop.wait()
        for task in tasks:
            task.cancel()
    log.info("stopping")


def make_data_folder(settings: Settings) -> None:
    """Make the data folder, for the owner's eyes only.

    Raises:
        PermanentError: It cannot be made, or nothing can be written there.
    """
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=settings.data):
            pass
    except OSError as exc:
        raise PermanentError(
            f"the data folder {settings.data} cannot be used: {exc.strerror}; choose "
            "another with --data or RELAUNCH_DATA"
        ) from exc


def api_token(settings: Settings) -> Secret:
    """Return the token of the REST API; make one in the data folder at first."""
    return settings.api_token() or _new_token(settings.data / "token")


def _new_token(path: Path) -> Secret:
    """Whoever links first wins, so that processes over one folder agree."""
    draft = path.with_name(f".token.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
    return Secret(path.read_text().strip())
