"""`relaunch sweep`: every repository asked for its head now."""

import asyncio

import click

from service.cli.groups import Command
from service.cli.output.printing import echo, example

__all__ = ["sweep"]


@click.command(cls=Command, epilog=example("relaunch sweep"))
def sweep() -> None:
    """Have every repository of RELAUNCH_DATABASE asked for its head now.

    The sweep does that by itself, each within RELAUNCH_SWEEP_MAX_INTERVAL. After a
    database was restored, or a forge was away for long, this is sooner: the consumer
    that leads begins within half a minute, or after the round that it is in, which may
    take five minutes. It asks each host no more than RELAUNCH_SWEEP_MAX_PER_HOUR times
    an hour. Only what moved is evaluated. Where one process does everything, stop it
    before.
    """
    found = asyncio.run(_restart())
    unit = "source is" if found == 1 else "sources are"
    echo(f"{found} {unit} asked sooner")


async def _restart() -> int:
    # The database's library is slow to import.
    from service.adapters.clock import SystemClock  # noqa: PLC0415
    from service.adapters.store.database.sweep_restart import (  # noqa: PLC0415
        make_all_due,
    )
    from service.settings import load  # noqa: PLC0415

    return await make_all_due(load().database_url, now=SystemClock().now())
