"""`relaunch rotate-key`: secrets at rest under the newest key."""

import asyncio

import click

from service.cli.output.printing import echo, example

__all__ = ["rotate_key"]


@click.command(epilog=example("relaunch rotate-key", "relaunch rotate-key --lost"))
@click.option(
    "--lost",
    is_flag=True,
    help="First replace secrets that no key reads: the key is lost for good.",
)
def rotate_key(*, lost: bool) -> None:
    """Encrypt secrets at rest with the first key of RELAUNCH_SECRET_KEY.

    To replace a key: set RELAUNCH_SECRET_KEY to `new,old`, restart every process, run
    this command, and then set it to `new` alone. Nothing changes for forges: the hooks
    keep their secrets. Where the key leaked, rotate the hooks too.

    With --lost, hooks whose secret nothing reads get another one that their forge does
    not know. Rotate each of them then (`relaunch hook rotate HOOK`).
    """
    if lost:
        replaced = asyncio.run(_replace_lost())
        unit = "secret" if replaced == 1 else "secrets"
        echo(f"replaced {replaced} {unit} that no key reads")
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


async def _replace_lost() -> int:
    # The database's library is slow to import.
    from service.adapters.store.database import reencryption  # noqa: PLC0415
    from service.app.engines import secret_keys  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    settings = load()
    return await reencryption.replace_lost_secrets(
        settings.database_url, secret_keys(settings)
    )
