"""`relaunch dead`: messages that nobody could handle."""

import json

import click

from service.cli.client import Client, connected
from service.cli.output import (
    example,
    facts,
    moment,
    output_option,
    say,
    show_json,
)
from service.errors import NotFoundError

__all__ = ["dead"]


@click.group(epilog=example("relaunch dead list"))
def dead() -> None:
    """List, show, requeue and drop messages nobody could handle."""


@dead.command("list", epilog=example("relaunch dead list -o json"))
@output_option
@connected
async def list_(client: Client, *, output: str) -> None:
    """List dead letters, oldest first."""
    found = await client.list("dead_letters")
    if output == "json":
        show_json([it.raw for it in found])
        return
    from service.cli.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("ID", "ROLE", "DIED", "ATTEMPTS", "ERROR"),
        [
            (
                it.text("id"),
                it.text("role"),
                moment(it.text("died_at")),
                it.text("attempts"),
                it.text("error"),
            )
            for it in found
        ],
    )


@dead.command(epilog=example("relaunch dead show 17"))
@click.argument("letter", metavar="ID")
@output_option
@connected
async def show(client: Client, *, letter: str, output: str) -> None:
    """Show one dead letter: why it died, and what it says."""
    all_ = await client.list("dead_letters")
    found = next((it for it in all_ if it.text("id") == letter), None)
    if found is None:
        raise NotFoundError(f"There is no dead letter {letter}.")
    if output == "json":
        show_json(found.raw)
        return
    facts(
        [
            *((it, found.text(it)) for it in ("id", "role", "attempts")),
            ("died", moment(found.text("died_at"))),
            ("error", found.text("error")),
        ]
    )
    say("event:")
    say(_readable(found.text("event")))


def _readable(event: str) -> str:
    """Lay out what is JSON; leave the rest as it came."""
    try:
        return json.dumps(json.loads(event), indent=2, ensure_ascii=False)
    except ValueError:
        return event


@dead.command(epilog=example("relaunch dead requeue 17 18"))
@click.argument("letters", metavar="ID...", nargs=-1, required=True)
@connected
async def requeue(client: Client, *, letters: tuple[str, ...]) -> None:
    """Give dead letters to their role again, once their cause is mended."""
    for letter in letters:
        await client.post("dead_letters", letter, "requeue")
        say(f"{letter} was requeued.")


@dead.command(epilog=example("relaunch dead drop 17 --yes"))
@click.argument("letters", metavar="ID...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
async def drop(client: Client, *, letters: tuple[str, ...], yes: bool) -> None:
    """Forget dead letters for good."""
    if not yes:
        click.confirm(f"Drop {len(letters)} for good?", abort=True)
    for letter in letters:
        await client.delete("dead_letters", letter)
        say(f"{letter} was dropped.")
