"""Encrypt all that is encrypted at rest with the newest key, so that older ones can go.

What no key reads any more is replaced, on request.

https://cryptography.io/en/latest/fernet/#cryptography.fernet.MultiFernet.rotate
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, RowMapping, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.clock import SystemClock
from service.adapters.store.database.maintenance import open_alone
from service.adapters.store.database.schema import expect_current
from service.adapters.store.encryption import Cipher
from service.adapters.store.tables.configuration import hooks
from service.adapters.store.tables.notifications import channels
from service.adapters.store.tables.operation import leases
from service.adapters.store.tables.upstream import upstream_tokens
from service.domain.hook import Proof, Secret
from service.errors import PermanentError
from service.ports.store import LEADER
from service.usecases.hook_secrets import new_secret

__all__ = [
    "LostSecrets",
    "find_lost_secrets",
    "reencrypt_database",
    "replace_lost_secrets",
]

_ENCRYPTED: Final[Sequence[Column[str]]] = (
    hooks.c.secrets,
    channels.c.secret,
    upstream_tokens.c.secrets,
)


async def reencrypt_database(url: str, keys: Sequence[Secret]) -> int:
    """Encrypt with the first key what another one encrypted; return how much it was.

    In one transaction: after an error everything is as it was.

    Args:
        url: The database's.
        keys: Newest first; together they read everything.

    Raises:
        TransientError: The database does not answer.
        PermanentError: The URL or a key is wrong, none of the keys reads a row, another
            process owns the file, or the tables are of another version.
    """
    cipher = Cipher(keys)
    async with open_alone(url) as connection:
        await connection.run_sync(expect_current)
        return sum(
            [await _reencrypt(connection, column, cipher) for column in _ENCRYPTED]
        )


async def _reencrypt(
    connection: AsyncConnection, column: Column[str], cipher: Cipher
) -> int:
    id_ = column.table.c.id
    # Locked, since a receiver or an owner may save the row meanwhile: what they write
    # would be lost, or come back under the older key.
    query = select(id_, column).where(column.is_not(None)).with_for_update()
    older = [
        (row_id, token)
        for row_id, token in await connection.execute(query)
        if not cipher.is_newest(token)
    ]
    for row_id, token in older:
        values = {column.name: cipher.encrypt(cipher.decrypt(token))}
        await connection.execute(
            update(column.table).where(id_ == row_id).values(values)
        )
    return len(older)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSecrets:
    """How much none of the keys reads."""

    hooks: int
    channels: int
    tokens: int
    """Of an upstream Renku."""

    @property
    def total(self) -> int:
        """Return how much it is together."""
        return self.hooks + self.channels + self.tokens


async def find_lost_secrets(url: str, keys: Sequence[Secret]) -> LostSecrets:
    """Count what `replace_lost_secrets` would replace; nothing is changed.

    Raises:
        TransientError: The database does not answer.
        PermanentError: As `replace_lost_secrets`.
    """
    cipher = Cipher(keys)
    async with open_alone(url) as connection:
        await _expect_nobody_leads(connection)
        of_hooks, of_channels, of_tokens = [
            len(await _lost(connection, column, cipher)) for column in _ENCRYPTED
        ]
    return LostSecrets(hooks=of_hooks, channels=of_channels, tokens=of_tokens)


async def replace_lost_secrets(url: str, keys: Sequence[Secret]) -> LostSecrets:
    """Give what none of the keys reads a new secret; return how much it was.

    Nobody outside knows these secrets: deliveries are refused, and notifications are
    taken for forged, until they are rotated there too. Without them no hook could be
    listed, rotated or removed. A lost token of Renku is forgotten: the configured one
    is used again.

    Args:
        url: The database's.
        keys: Newest first.

    Raises:
        TransientError: The database does not answer.
        PermanentError: As `reencrypt_database`, except that keys may be lost; or a
            process leads, which may have the right key.
    """
    cipher = Cipher(keys)
    async with open_alone(url) as connection:
        await _expect_nobody_leads(connection)
        of_hooks, of_channels, of_tokens = [
            await _replace_lost(connection, column, cipher) for column in _ENCRYPTED
        ]
    return LostSecrets(hooks=of_hooks, channels=of_channels, tokens=of_tokens)


async def _expect_nobody_leads(connection: AsyncConnection) -> None:
    await connection.run_sync(expect_current)
    # Whoever opened a file is its only process: a lease in it is one that was left.
    if connection.dialect.name != "postgresql":
        return
    now = SystemClock().now()
    query = select(leases.c.owner).where(
        leases.c.name == LEADER, leases.c.held_until > now
    )
    if (await connection.execute(query)).first() is not None:
        raise PermanentError(
            "a process runs on this database, perhaps with the key that reads its "
            "secrets; stop every process, wait 15 seconds, and try again"
        )


async def _lost(
    connection: AsyncConnection, column: Column[str], cipher: Cipher
) -> Sequence[RowMapping]:
    query = select(column.table).where(column.is_not(None)).with_for_update()
    return [
        row
        for row in (await connection.execute(query)).mappings()
        if not _is_readable(row[column], cipher)
    ]


async def _replace_lost(
    connection: AsyncConnection, column: Column[str], cipher: Cipher
) -> int:
    lost = await _lost(connection, column, cipher)
    for row in lost:
        of_row = column.table.c.id == row[column.table.c.id]
        if column is upstream_tokens.c.secrets:
            await connection.execute(delete(column.table).where(of_row))
            continue
        values = {column.name: cipher.encrypt(_new_text(row, column))}
        await connection.execute(update(column.table).where(of_row).values(values))
    return len(lost)


def _is_readable(token: str, cipher: Cipher) -> bool:
    try:
        cipher.decrypt(token)
    except PermanentError:
        return False
    return True


def _new_text(row: RowMapping, column: Column[str]) -> str:
    """Return what is encrypted of a new secret, in the form that its users take."""
    if column is hooks.c.secrets:
        return json.dumps([new_secret(Proof(row[hooks.c.proof])).reveal()])
    return new_secret(Proof.SIGNING_TOKEN).reveal()
