"""`relaunch dead-letters`: messages that nobody could handle."""

import json

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import CommandGroup
from service.cli.output.printing import (
    echo,
    example,
    facts,
    moment,
    output_option,
    show_json,
)
from service.errors import NotFoundError

__all__ = ["dead_letters"]


@click.group(cls=CommandGroup, epilog=example("relaunch dead-letters list"))
def dead_letters() -> None:
    """List, show, requeue and drop messages nobody could handle."""


@dead_letters.command("list", epilog=example("relaunch dead-letters list -o json"))
@output_option
@connected
async def list_(client: Client, *, output: str) -> None:
    """List dead letters, oldest first."""
    found = await client.list(models.DeadLetterResponse, "dead_letters")
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("ID", "ROLE", "DIED", "ATTEMPTS", "ERROR"),
        [
            (
                letter.id,
                letter.role,
                moment(letter.died_at),
                str(letter.attempts),
                letter.error,
            )
            for letter in found
        ],
    )


@dead_letters.command(epilog=example("relaunch dead-letters show 17"))
@click.argument("letter", metavar="ID")
@output_option
@connected
async def show(client: Client, *, letter: str, output: str) -> None:
    """Show one dead letter: why it failed, and its content."""
    all_ = await client.list(models.DeadLetterResponse, "dead_letters")
    found = next((each for each in all_ if each.id == letter), None)
    if found is None:
        raise NotFoundError(f"There is no dead letter {letter}.")
    if output == "json":
        show_json(client.json_of(found))
        return
    facts(
        [
            ("id", found.id),
            ("role", found.role),
            ("attempts", str(found.attempts)),
            ("died", moment(found.died_at)),
            ("error", found.error),
        ]
    )
    echo("event:")
    echo(_readable(found.event))


def _readable(event: str) -> str:
    """Lay out what is JSON; leave the rest as it came."""
    try:
        return json.dumps(json.loads(event), indent=2, ensure_ascii=False)
    except ValueError:
        return event


@dead_letters.command(epilog=example("relaunch dead-letters requeue 17 18"))
@click.argument("letters", metavar="ID...", nargs=-1, required=True)
@connected
async def requeue(client: Client, *, letters: tuple[str, ...]) -> None:
    """Give dead letters to their role again, once their cause is removed."""
    for letter in letters:
        await client.call("POST", "dead_letters", letter, "requeue")
        echo(f"{letter} was requeued.")


@dead_letters.command(epilog=example("relaunch dead-letters drop 17 --yes"))
@click.argument("letters", metavar="ID...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
async def drop(client: Client, *, letters: tuple[str, ...], yes: bool) -> None:
    """Forget dead letters for good."""
    if not yes:
        click.confirm(f"Drop {len(letters)} for good?", abort=True)
    for letter in letters:
        await client.delete("dead_letters", letter)
        echo(f"{letter} was dropped.")
