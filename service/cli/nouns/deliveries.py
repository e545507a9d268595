"""`relaunch deliveries`: what arrived from forges."""

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
    yes_or_no,
)

__all__ = ["deliveries"]


@click.group(cls=CommandGroup, epilog=example("relaunch deliveries list"))
def deliveries() -> None:
    """List, show and play again what arrived from forges."""


@deliveries.command("list", epilog=example("relaunch deliveries list --limit 5"))
@click.option("--hook", metavar="ID", help="Only those of a hook.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@output_option
@connected
async def list_(client: Client, *, hook: str | None, limit: int, output: str) -> None:
    """List deliveries, newest first."""
    found = await client.list(
        models.DeliveryResponse, "deliveries", hook=hook, limit=limit
    )
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("ID", "RECEIVED", "EVENT", "STATUS", "REASON", "REPOSITORY", "REF", "COMMIT"),
        [_row(delivery) for delivery in found],
    )


def _row(delivery: "models.DeliveryResponse") -> tuple[str, ...]:
    return (
        delivery.id,
        moment(delivery.received_at),
        delivery.event,
        delivery.status,
        delivery.reason,
        delivery.repository,
        delivery.ref,
        delivery.after[:12],
    )


@deliveries.command(
    epilog=example("relaunch deliveries show d-0123456789abcdef01234567")
)
@click.argument("delivery_id", metavar="ID")
@output_option
@connected
async def show(client: Client, *, delivery_id: str, output: str) -> None:
    """Show one delivery, secrets in its headers masked."""
    found = await client.get(models.DeliveryResponse, "deliveries", delivery_id)
    if output == "json":
        show_json(client.json_of(found))
        return
    facts(
        [
            ("received", moment(found.received_at)),
            ("id", found.id),
            ("hook id", found.hook_id),
            ("forge delivery id", found.forge_delivery_id),
            ("event", found.event),
            ("status", found.status),
            ("reason", found.reason),
            ("message", found.message),
            ("repository", found.repository),
            ("ref", found.ref),
            ("before", found.before),
            ("after", found.after),
            ("count", str(found.count)),
            ("is by old secret", yes_or_no(found.is_by_old_secret)),
        ]
    )
    if not found.headers:
        echo("headers: none; they are being written, or were not kept in a long burst")
        return
    echo("headers:")
    for name, text in sorted(found.headers.items()):
        echo(f"  {name}: {text}")


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
    receipt = await client.post(
        models.ReceiptResponse, "deliveries", delivery_id, "replay"
    )
    if output == "json":
        show_json(client.json_of(receipt))
        return
    echo(f"{receipt.status} ({receipt.reason}): {receipt.message}")
