"""`relaunch events`: follow everything that happens."""

import json

import click

from service.cli.answer import Answer
from service.cli.client import Client, UnreachableError, connected
from service.cli.output import example, moment, plain, reference, say

__all__ = ["events", "summary"]

PREFIX = "dev.relaunch."


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
    """Follow everything that happens, until Ctrl-C."""
    async for event in client.follow("events", "stream"):
        found = Answer(json.loads(event.data))
        if kind and kind not in found.text("type"):
            continue
        say(json.dumps(found.raw) if output == "json" else plain(summary(found)))
    raise UnreachableError(client.url)


def summary(event: Answer, *, is_timed: bool = True) -> str:
    """Write an event as one line: when, what, and what a person asks of it first."""
    data = event.inner("data")
    name = event.text("type").removeprefix(PREFIX)
    words = ("verdict", "outcome", "action", "reason", "evidence", "ref")
    told = [f"{it}={data.text(it)}" for it in words if data.has(it)]
    if data.has("commit"):
        told.append(f"commit={data.text('commit')[:12]}")
    if data.has("image"):
        told.append(f"image={reference(data.text('image'))}")
    when = f"{moment(event.text('time'))}  " if is_timed else ""
    return f"{when}{name:<26} {'  '.join(told)}"
