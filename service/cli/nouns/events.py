"""`relaunch events`: follow everything that happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Final

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.client.wire import UnreachableError
from service.cli.groups import Command
from service.cli.output.printing import echo, example, plain
from service.errors import TransientError

__all__ = ["events"]

GAP: Final = "gap"
"""What the service's stream calls a place where events may be missing."""
MISSED: Final = "Events may have been missed."
PAUSE: Final = timedelta(seconds=1)
"""Between two attempts to reach a service that went away."""
AWAY: Final = (UnreachableError, TransientError)
"""Nobody answers, or a proxy in its place."""


@click.command(
    cls=Command,
    epilog=example(
        "relaunch events", "relaunch events --type launcher.updated -o json"
    ),
)
@click.option("--type", "kind", help="Only events whose type contains this.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A line to read, or one CloudEvent in JSON a line.",
)
@connected
async def events(client: Client, *, kind: str | None, output: str) -> None:
    """Follow everything that happens, until Ctrl-C.

    When the service goes away, wait for it and go on. Where events may have been
    missed meanwhile, a line on the standard error reports them.
    """
    # The models of events are not needed for the help text.
    from service.cli.output.event_lines import event_line  # noqa: PLC0415
    from service.events.envelope import Event  # noqa: PLC0415

    await client.get(models.Version, "version")
    async for text in _without_end(client):
        event = Event.from_bytes(text)
        if kind and kind not in event.type:
            continue
        echo(json.dumps(json.loads(text)) if output == "json" else event_line(event))


async def _without_end(client: Client) -> AsyncIterator[str]:
    after = ""
    while True:
        with suppress(*AWAY):
            async for event in client.follow("events", "stream", after=after):
                if event.name == GAP:
                    _tell(MISSED)
                    continue
                after = event.id
                yield event.data
        _tell(f"{client.url} went away; waiting for it.")
        await _back(client)
        # With a place to go on from, the service itself knows whether any were missed.
        _tell("It is back." if after else f"It is back. {MISSED}")


async def _back(client: Client) -> None:
    """Return when the service answers again."""
    while True:
        await asyncio.sleep(PAUSE.total_seconds())
        with suppress(*AWAY):
            await client.get(models.Version, "version")
            return


def _tell(line: str) -> None:
    click.echo(plain(line), err=True)
