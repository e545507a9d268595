"""`relaunch deliveries`: what arrived from forges."""

import click

from service.cli.client.api import Client, connected
from service.cli.client.fields import ResponseFields
from service.cli.output.printing import (
    echo,
    example,
    facts,
    moment,
    output_option,
    show_json,
)

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
        show_json([fields.raw for fields in found])
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("ID", "RECEIVED", "EVENT", "STATUS", "REASON", "REPOSITORY", "REF", "COMMIT"),
        [_row(fields) for fields in found],
    )


def _row(delivery: ResponseFields) -> tuple[str, ...]:
    return (
        delivery.text("id"),
        moment(delivery.text("received_at")),
        delivery.text("event"),
        delivery.text("status"),
        delivery.text("reason"),
        delivery.text("repository"),
        delivery.text("ref"),
        delivery.text("after")[:12],
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
            *((text.replace("_", " "), found.text(text)) for text in names),
        ]
    )
    headers = found.inner("headers")
    if not headers.raw:
        echo("headers: none; they are being written, or were not kept in a long burst")
        return
    echo("headers:")
    for name in sorted(str(item) for item in headers.raw):
        echo(f"  {name}: {headers.text(name)}")


@deliveries.command(
    epilog=example("relaunch deliveries replay d-0123456789abcdef01234567")
)
@click.argument("delivery_id", metavar="ID")
@output_option
@connected
async def replay(client: Client, *, delivery_id: str, output: str) -> None:
    """Send a delivery down the road again, as if it arrived now.

    Its ref is evaluated with the trigger `replay`; `relaunch explain ID` shows what
    came of it.
    """
    receipt = await client.post("deliveries", delivery_id, "replay")
    if output == "json":
        show_json(receipt.raw)
        return
    status, reason = receipt.text("status"), receipt.text("reason")
    echo(f"{status} ({reason}): {receipt.text('message')}")
