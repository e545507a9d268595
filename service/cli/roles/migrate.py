"""`relaunch migrate`: the tables of the database, up and down."""

import asyncio
from typing import TYPE_CHECKING

import click

from service.cli.groups import Command
from service.cli.output.printing import echo, example

if TYPE_CHECKING:
    from service.adapters.store.database.maintenance import SchemaVersions

__all__ = ["migrate"]


@click.command(
    cls=Command,
    epilog=example(
        "relaunch migrate", "relaunch migrate --check", "relaunch migrate --down"
    ),
)
@click.option("--down", is_flag=True, help="Take the last migration back, one version.")
@click.option(
    "--check",
    is_flag=True,
    help="Change nothing; the exit code is 1 when a migration has to run.",
)
def migrate(*, down: bool, check: bool) -> int:
    """Bring the tables of RELAUNCH_DATABASE to this version.

    Where several processes share a database, run it before the first one starts and
    before each upgrade; processes refuse tables of another version. Processes of the
    version before go on beside it. `relaunch dev` does it by itself.

    To go back, stop this version, run `relaunch migrate --down` with it, and start the
    version before.
    """
    if down and check:
        raise click.UsageError("--down and --check exclude each other")
    return asyncio.run(_run(down=down, check=check))


async def _run(*, down: bool, check: bool) -> int:
    # The database's library is slow to import.
    from service.adapters.store.database import maintenance  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    url = load().database_url
    if check:
        found = await maintenance.read_schema(url)
        echo(f"the database has {_named(found.now)}{_lacking(found)}")
        return 0 if found.is_current else 1
    change = maintenance.downgrade_database if down else maintenance.upgrade_database
    found = await change(url)
    if found.before == found.now:
        echo(f"the database has {_named(found.now)} already")
    else:
        echo(f"the database had {_named(found.before)} and has {_named(found.now)} now")
    # Processes start without them, and are slower.
    if found.unfinished:
        names = ", ".join(found.unfinished)
        echo(
            f"left as they are: {names}; an older transaction, of a backup or an idle "
            "session, did not end. Run this again when it is over."
        )
    return 0


def _lacking(found: "SchemaVersions") -> str:
    if found.now != found.wanted:
        return f"; this version needs {found.wanted}"
    if found.unfinished:
        return (
            f"; indexes are left to be made or dropped: {', '.join(found.unfinished)}"
        )
    return ""


def _named(version: str | None) -> str:
    return f"schema {version}" if version else "no tables of ours"
