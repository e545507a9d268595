"""Waiting for a build, with its progress in sight."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import click

from service.cli.client import models
from service.cli.client.api import Client
from service.cli.client.reading import read_json
from service.cli.client.wire import UnreachableError
from service.cli.launchers.fields import image_of
from service.cli.output.printing import (
    echo,
    plain,
    reference,
    show_json,
    took,
    waiting_line,
)
from service.cli.output.tables import console, echo_styled, style_of
from service.errors import NotFoundError

__all__ = ["Progress", "follow_build", "print_log", "wait_for", "wait_for_newest"]

ROLLS_OUT_WITHIN: Final = timedelta(seconds=10)
LOOK_EVERY: Final = timedelta(seconds=0.2)
WAITING: Final = "waiting"
"""The event that explains why nothing happens."""
END: Final = "end"
"""The event that closes a log's stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """An update of a build that is followed."""

    text: str
    is_waiting: bool = False
    """Whether it explains why nothing happens, and is no line of the log."""


async def follow_build(client: Client, build: str) -> AsyncIterator[Progress]:
    """Yield the lines of a build's log, and what it waits for, until it has ended.

    Raises:
        UnreachableError: The service went away before.
    """
    origin = f"{client.url}: the log of build {build}"
    async for event in client.follow("builds", build, "logs", "stream"):
        if event.name == END:
            return
        if event.name == WAITING:
            waiting = read_json(models.WaitingResponse, event.data, origin=origin)
            yield Progress(text=waiting_line(waiting), is_waiting=True)
            continue
        line = read_json(models.LogLineResponse, event.data, origin=origin)
        yield Progress(text=line.text)
    # The server ends a log with the event `end`. A stream that closes without it was
    # cut, and the build may still run.
    raise UnreachableError(client.url)


async def print_log(client: Client, build: str) -> int:
    """Print a build's log while it grows, and return the exit code."""
    async for update in follow_build(client, build):
        if update.is_waiting:
            click.echo(plain(f"build {build}: {update.text}"), err=True)
        else:
            echo(update.text)
    return _conclude(await client.get(models.BuildDetails, "builds", build))


async def wait_for(client: Client, build: str, *, output: str) -> int:
    """Show a build's progress until it has ended, and return the exit code.

    Of a build that a newer one supersedes, it is the newer one that is waited for.

    Args:
        client: Of the service.
        build: Its id.
        output: How it ended: `table`, `json`, or `none` for not at all.
    """
    found = await _until_ended(client, build)
    while newer := await _find_newer(client, found):
        click.echo(f"build {found.id}: superseded by build {newer}", err=True)
        found = await _until_ended(client, newer)
    if output == "json":
        show_json(client.json_of(found))
    return _conclude(found) if output == "table" else _code(found)


async def _until_ended(client: Client, build: str) -> "models.BuildDetails":
    out = console(is_error=True)
    with out.status(f"build {build}: waiting") as status:
        async for update in follow_build(client, build):
            # Without a terminal the status line is not drawn, and a build that waits
            # for an hour would look like a command that hangs.
            if update.is_waiting and not out.is_terminal:
                click.echo(plain(f"build {build}: {update.text}"), err=True)
            elif update.text.strip():
                status.update(plain(update.text)[: out.width - 4])
        found = await client.get(models.BuildDetails, "builds", build)
        await _rolled_out(client, found)
    return found


async def _find_newer(client: Client, build: "models.BuildDetails") -> str | None:
    """Return the build that one was given up for: something was newer."""
    if build.state != "superseded":
        return None
    newest = await _newest(client, build.environment_id)
    return newest if newest and newest > build.id else None


async def wait_for_newest(client: Client, environment: str, *, output: str) -> int:
    """Wait for an environment's newest build."""
    newest = await _newest(client, environment)
    if newest is None:
        raise NotFoundError("the environment has no build")
    return await wait_for(client, newest, output=output)


async def _newest(client: Client, environment: str) -> str | None:
    found = await client.list(
        models.BuildDetails, "environments", environment, "builds"
    )
    return found[0].id if found else None


async def _rolled_out(client: Client, build: "models.BuildDetails") -> None:
    """Wait until the launcher knows of a build's image, a moment after its end.

    Whoever waited may start a session next, and expects the new image there. A
    launcher that went on to something newer never shows it: then enough is enough.
    """
    if build.result is None:
        return
    image = build.result.image
    with suppress(TimeoutError, NotFoundError):
        async with asyncio.timeout(ROLLS_OUT_WITHIN.total_seconds()):
            while True:
                found = await client.get(
                    models.LauncherDetails, "session_launchers", build.launcher_id
                )
                if image in {image_of(found), found.available_image}:
                    return
                await asyncio.sleep(LOOK_EVERY.total_seconds())


def _code(found: "models.BuildDetails") -> int:
    return 0 if found.status == "succeeded" else 1


def _conclude(found: "models.BuildDetails") -> int:
    """Describe how a build ended, and return the exit code."""
    time = took(found.created_at, found.completed_at)
    echo_styled(
        f"Build {found.id} ",
        (found.state, style_of(found.state)),
        f" ({found.ended})" if found.ended else "",
        f" after {time}" if time else "",
        f": {reference(found.result.image)}" if found.result else "",
    )
    failure = found.failure
    for part in (failure.message, failure.hint) if failure else ():
        if part:
            echo(f"  {part}")
    return _code(found)
