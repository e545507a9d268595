"""`relaunch deliveries`: what arrived from forges."""

import click

from service.cli.answer import Answer
from service.cli.client import Client, connected
from service.cli.output import example, facts, moment, output_option, say, show_json

__all__ = ["deliveries"]


@click.group(epilog=example("relaunch deliveries list"))
def deliveries() -> None:
    """List, show and play again what arrived from forges."""


@deliveries.command("list", epilog=example("relaunch deliveries list --limit 5"))
@click.option("--hook", metavar="ID", help="Only those of a hook.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@output_option
@connected
async def list_(client: Client, *, hook: str | None, limit: int, output: str) -> None:
    """List deliveries, newest first."""
    found = await client.list("deliveries", hook=hook, limit=limit)
    if output == "json":
        show_json([it.raw for it in found])
        return
    from service.cli.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("ID", "RECEIVED", "EVENT", "STATUS", "REASON", "REPOSITORY", "REF", "COMMIT"),
        [_row(it) for it in found],
    )


def _row(it: Answer) -> tuple[str, ...]:
    return (
        it.text("id"),
        moment(it.text("received_at")),
        it.text("event"),
        it.text("status"),
        it.text("reason"),
        it.text("repository"),
        it.text("ref"),
        it.text("after")[:12],
    )


@deliveries.command(
    epilog=example("relaunch deliveries show d-0123456789abcdef01234567")
)
@click.argument("delivery_id", metavar="ID")
@output_option
@connected
async def show(client: Client, *, delivery_id: str, output: str) -> None:
    """Show one delivery, secrets in its headers masked."""
    found = await client.get("deliveries", delivery_id)
    if output == "json":
        show_json(found.raw)
        return
    names = (
        "id",
        "hook_id",
        "forge_delivery_id",
        "event",
        "status",
        "reason",
        "message",
        "repository",
        "ref",
        "before",
        "after",
        "count",
        "is_by_old_secret",
    )
    facts(
        [
            ("received", moment(found.text("received_at"))),
            *((it.replace("_", " "), found.text(it)) for it in names),
        ]
    )
    headers = found.inner("headers")
    if not headers.raw:
        say("headers: none; they are being written, or were not kept in a long burst")
        return
    say("headers:")
    for name in sorted(str(it) for it in headers.raw):
        say(f"  {name}: {headers.text(name)}")


@deliveries.command(
    epilog=example("relaunch deliveries replay d-0123456789abcdef01234567")
)
@click.argument("delivery_id", metavar="ID")
@output_option
@connected
async def replay(client: Client, *, delivery_id: str, output: str) -> None:
    """Send a delivery down the road again, as if it arrived now.

    Its ref is looked at by the evidence `replay`; `relaunch explain ID` tells what
    came of it.
    """
    told = await client.post("deliveries", delivery_id, "replay")
    if output == "json":
        show_json(told.raw)
        return
    say(f"{told.text('status')} ({told.text('reason')}): {told.text('message')}")
