"""`relaunch rotate-key`: secrets at rest under the newest key."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from service.cli.groups import Command
from service.cli.output.printing import echo, example

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.adapters.store.database.reencryption import LostSecrets
    from service.domain.hook import Secret

__all__ = ["rotate_key"]


@click.command(
    cls=Command, epilog=example("relaunch rotate-key", "relaunch rotate-key --lost")
)
@click.option(
    "--lost",
    is_flag=True,
    help="First replace secrets that no key reads: the key is lost for good.",
)
@click.option("--yes", is_flag=True, help="With --lost: do not ask.")
def rotate_key(*, lost: bool, yes: bool) -> None:
    """Encrypt secrets at rest with the first key of RELAUNCH_SECRET_KEY.

    To replace a key: set RELAUNCH_SECRET_KEY to `new,old`, restart every process, run
    this command, and then set it to `new` alone. Nothing changes for forges: the hooks
    keep their secrets. Where the key leaked, rotate the hooks too.

    With --lost, hooks whose secret nothing reads get another one that their forge does
    not know. Rotate each of them then (`relaunch hook rotate HOOK`). Nothing brings
    the former secrets back, so it asks first. Stop every process before.
    """
    if lost:
        _replace_lost(is_asking=not yes)
    done = asyncio.run(_reencrypt())
    unit = "row" if done == 1 else "rows"
    echo(f"encrypted {done} {unit} anew; the newest key reads everything now")


def _replace_lost(*, is_asking: bool) -> None:
    found = asyncio.run(_find_lost())
    if is_asking and found.total:
        _ask(found)
    replaced = asyncio.run(_replace()).total if found.total else 0
    unit = "secret" if replaced == 1 else "secrets"
    echo(f"replaced {replaced} {unit} that no key reads")


def _ask(found: "LostSecrets") -> None:
    what = (
        f"no key of RELAUNCH_SECRET_KEY reads the secrets of hooks ({found.hooks}), "
        f"notification channels ({found.channels}) and tokens of Renku ({found.tokens})"
    )
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"{what}; where the key is lost indeed, --yes replaces them for good."
        )
    click.confirm(f"{what[0].upper()}{what[1:]}. Replace them for good?", abort=True)


async def _reencrypt() -> int:
    # The database's library is slow to import, here and below.
    from service.adapters.store.database import reencryption  # noqa: PLC0415

    return await reencryption.reencrypt_database(*_database())


async def _find_lost() -> "LostSecrets":
    from service.adapters.store.database import reencryption  # noqa: PLC0415

    return await reencryption.find_lost_secrets(*_database())


async def _replace() -> "LostSecrets":
    from service.adapters.store.database import reencryption  # noqa: PLC0415

    return await reencryption.replace_lost_secrets(*_database())


def _database() -> "tuple[str, Sequence[Secret]]":
    """Return the URL of the database that the settings name, and the keys to it."""
    from service.app.engines import secret_keys  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    settings = load()
    return settings.database_url, secret_keys(settings)
