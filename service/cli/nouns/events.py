"""`relaunch events`: follow everything that happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Final

import click

from service.cli.client.api import Client, UnreachableError, connected
from service.cli.client.fields import ResponseFields
from service.cli.output.printing import echo, example, moment, plain, reference
from service.errors import TransientError

__all__ = ["events", "summary"]

PREFIX: Final = "dev.relaunch."
GAP: Final = "gap"
"""What the service's stream calls a place where events may be missing."""
MISSED: Final = "Events may have been missed."
PAUSE: Final = timedelta(seconds=1)
"""Between two attempts to reach a service that went away."""
AWAY: Final = (UnreachableError, TransientError)
"""Nobody answers, or a proxy in its place."""


@click.command(
    epilog=example("relaunch events", "relaunch events --type launcher.updated -o json")
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
    await client.get("version")
    async for found in _without_end(client):
        if kind and kind not in found.text("type"):
            continue
        echo(json.dumps(found.raw) if output == "json" else plain(summary(found)))


async def _without_end(client: Client) -> AsyncIterator[ResponseFields]:
    after = ""
    while True:
        with suppress(*AWAY):
            async for event in client.follow("events", "stream", after=after):
                if event.name == GAP:
                    _tell(MISSED)
                    continue
                after = event.id
                yield ResponseFields(json.loads(event.data))
        _tell(f"{client.url} went away; waiting for it.")
        await _back(client)
        # With a place to go on from, the service itself knows whether any were missed.
        _tell("It is back." if after else f"It is back. {MISSED}")


async def _back(client: Client) -> None:
    """Return when the service answers again."""
    while True:
        await asyncio.sleep(PAUSE.total_seconds())
        with suppress(*AWAY):
            await client.get("version")
            return


def _tell(line: str) -> None:
    click.echo(plain(line), err=True)


def summary(event: ResponseFields, *, is_timed: bool = True) -> str:
    """Write an event as one line: when, what, and what a person asks of it first."""
    data = event.inner("data")
    name = event.text("type").removeprefix(PREFIX)
    words = ("verdict", "outcome", "action", "reason", "trigger", "ref")
    facts = [f"{word}={data.text(word)}" for word in words if data.has(word)]
    if data.has("commit"):
        facts.append(f"commit={data.text('commit')[:12]}")
    if data.has("image"):
        facts.append(f"image={reference(data.text('image'))}")
    when = f"{moment(event.text('time'))}  " if is_timed else ""
    return f"{when}{name:<26} {'  '.join(facts)}"
