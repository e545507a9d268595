"""`relaunch rotate-key`: secrets at rest under the newest key."""

import asyncio

import click

from service.cli.output.printing import echo, example

__all__ = ["rotate_key"]


@click.command(epilog=example("relaunch rotate-key"))
def rotate_key() -> None:
    """Encrypt secrets at rest with the first key of RELAUNCH_SECRET_KEY.

    To replace a key: set RELAUNCH_SECRET_KEY to `new,old`, restart every process, run
    this command, and then set it to `new` alone. Nothing changes for forges: the hooks
    keep their secrets. Where the key leaked, rotate the hooks too.
    """
    done = asyncio.run(_reencrypt())
    unit = "row" if done == 1 else "rows"
    echo(f"encrypted {done} {unit} anew; the newest key reads everything now")


async def _reencrypt() -> int:
    # The database's library is slow to import.
    from service.adapters.store.database import reencryption  # noqa: PLC0415
    from service.app.engines import secret_keys  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    settings = load()
    return await reencryption.reencrypt_database(
        settings.database_url, secret_keys(settings)
    )
