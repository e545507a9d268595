"""Waiting for a build, with its progress in sight."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import click

from service.cli.answer import Answer
from service.cli.client import Client, UnreachableError
from service.cli.launcher_fields import image_of
from service.cli.output import plain, reference, say, show_json, took, waiting_line
from service.cli.tables import console, say_styled, style_of
from service.errors import NotFoundError

__all__ = ["Progress", "follow_build", "print_log", "wait_for", "wait_for_newest"]

ROLLS_OUT_WITHIN: Final = timedelta(seconds=10)
LOOK_EVERY: Final = timedelta(seconds=0.2)
WAITING: Final = "waiting"
"""The event that says why nothing happens."""
END: Final = "end"
"""The event that closes a log's stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is told of a build that is followed."""

    text: str
    is_waiting: bool = False
    """Whether it says why nothing happens, and is no line of the log."""


async def follow_build(client: Client, build: str) -> AsyncIterator[Progress]:
    """Yield the lines of a build's log, and what it waits for, until it has ended.

    Raises:
        UnreachableError: The service went away before.
    """
    async for event in client.follow("builds", build, "logs", "stream"):
        if event.name == END:
            return
        if event.name == WAITING:
            why = waiting_line(Answer(json.loads(event.data)))
            yield Progress(text=why, is_waiting=True)
            continue
        yield Progress(text=_line(event.data))
    raise UnreachableError(client.url)


def _line(data: str) -> str:
    try:
        content: object = json.loads(data)
    except ValueError:
        return data
    if isinstance(content, dict):
        return Answer(content).text("text")
    return str(content)


async def print_log(client: Client, build: str) -> int:
    """Print a build's log while it grows, and return the exit code."""
    async for told in follow_build(client, build):
        if told.is_waiting:
            click.echo(plain(f"build {build}: {told.text}"), err=True)
        else:
            say(told.text)
    return _conclude(await client.get("builds", build))


async def wait_for(client: Client, build: str, *, output: str) -> int:
    """Show a build's progress until it has ended, and return the exit code.

    Args:
        client: Of the service.
        build: Its id.
        output: How it ended: `table`, `json`, or `none` for not at all.
    """
    out = console(is_error=True)
    with out.status(f"build {build}: waiting") as status:
        async for told in follow_build(client, build):
            if told.is_waiting and not out.is_terminal:
                click.echo(plain(f"build {build}: {told.text}"), err=True)
            elif told.text.strip():
                status.update(plain(told.text)[: out.width - 4])
        found = await client.get("builds", build)
        await _rolled_out(client, found)
    if output == "json":
        show_json(found.raw)
    return _conclude(found) if output == "table" else _code(found)


async def wait_for_newest(client: Client, environment: str, *, output: str) -> int:
    """Wait for an environment's newest build."""
    found = await client.list("environments", environment, "builds")
    if not found:
        raise NotFoundError("the environment has no build")
    return await wait_for(client, found[0].text("id"), output=output)


async def _rolled_out(client: Client, build: Answer) -> None:
    """Wait until the launcher knows of a build's image, a moment after its end.

    Whoever waited may start a session next, and expects the new image there. A
    launcher that went on to something newer never shows it: then enough is enough.
    """
    image = build.inner("result").text("image")
    if not image:
        return
    with suppress(TimeoutError, NotFoundError):
        async with asyncio.timeout(ROLLS_OUT_WITHIN.total_seconds()):
            while True:
                path = ("session_launchers", build.text("launcher_id"))
                found = await client.get(*path)
                if image in {image_of(found), found.text("available_image")}:
                    return
                await asyncio.sleep(LOOK_EVERY.total_seconds())


def _code(found: Answer) -> int:
    return 0 if found.text("status") == "succeeded" else 1


def _conclude(found: Answer) -> int:
    """Say how a build ended, and return the exit code."""
    state = found.text("state") or found.text("status")
    image = found.inner("result").text("image")
    time = took(found.text("created_at"), found.text("completed_at"))
    say_styled(
        f"Build {found.text('id')} ",
        (state, style_of(state)),
        f" ({found.text('ended')})" if found.has("ended") else "",
        f" after {time}" if time else "",
        f": {reference(image)}" if image else "",
    )
    failure = found.inner("failure")
    for part in (failure.text("message"), failure.text("hint")):
        if part:
            say(f"  {part}")
    return _code(found)
