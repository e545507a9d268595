"""A key can be taken away once everything is encrypted with another one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.clock import SystemClock
from service.adapters.store import SqlStore, open_database
from service.adapters.store.database.database import database_engines
from service.adapters.store.database.reencryption import (
    LostSecrets,
    find_lost_secrets,
    reencrypt_database,
    replace_lost_secrets,
)
from service.adapters.store.encryption import Cipher
from service.domain.hook import HookId, Proof, Secret
from service.errors import PermanentError
from service.ports.store import LEADER, UpstreamToken
from tests.adapters.store.database.tables import Rows, read_rows
from tests.domain.test_notification import a_channel
from tests.support.clock import NOW
from tests.support.databases import a_key, postgresql_schema
from tests.support.deliveries import a_hook

FERNET = "gAAAA"
"""What all tokens begin with, whatever their key.
https://github.com/fernet/spec/blob/master/Spec.md#token-format"""

A_TOKEN = UpstreamToken(
    id="d" * 64,
    refresh_token=Secret("refresh-me"),
    access_token=Secret("let-me-in"),
    expires_at=NOW,
    renewals=7,
    renewed_at=NOW,
)


@asynccontextmanager
async def a_database(engine: str, folder: Path) -> AsyncIterator[str]:
    if engine == "sqlite":
        yield f"sqlite:///{folder}/relaunch.db"
        return
    async with postgresql_schema() as url:
        yield url


async def fill(url: str, key: Secret) -> None:
    async with (
        open_database(url, keys=[key]) as database,
        SqlStore(database).transaction() as tx,
    ):
        await tx.hooks.add(a_hook())
        await tx.notifications.add_channel(a_channel())
        await tx.upstream_tokens.put(A_TOKEN)


async def rows_of(url: str) -> Rows:
    async with database_engines(url) as engines, engines.readers.connect() as reader:
        return await reader.run_sync(read_rows)


def tokens(rows: Rows) -> list[str]:
    """Return everything in the tables that is encrypted, wherever it stands."""
    return [
        value
        for table in rows.values()
        for row in table
        for value in row.values()
        if isinstance(value, str) and value.startswith(FERNET)
    ]


@pytest.mark.parametrize(
    "engine",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
async def test_afterwards_the_new_key_reads_everything(
    tmp_path: Path, engine: str
) -> None:
    old, new = a_key(), a_key()
    async with a_database(engine, tmp_path) as url:
        await fill(url, old)
        before = tokens(await rows_of(url))

        done = await reencrypt_database(url, [new, old])

        after = tokens(await rows_of(url))
        again = await reencrypt_database(url, [new])
        async with (
            open_database(url, keys=[new]) as database,
            SqlStore(database).reading() as tx,
        ):
            hook = await tx.hooks.get(a_hook().id)
            token = await tx.upstream_tokens.find(A_TOKEN.id)

    assert done == len(before) == len(after) == 3
    assert [Cipher([new]).decrypt(token) for token in after] == [
        Cipher([old]).decrypt(token) for token in before
    ]
    assert again == 0
    assert hook.secrets == a_hook().secrets
    assert token == A_TOKEN


async def test_without_the_old_key_nothing_is_changed(tmp_path: Path) -> None:
    async with a_database("sqlite", tmp_path) as url:
        await fill(url, a_key())
        before = await rows_of(url)

        with pytest.raises(PermanentError, match="another key"):
            await reencrypt_database(url, [a_key()])

        assert await rows_of(url) == before


@pytest.mark.parametrize(
    "engine",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
async def test_what_a_lost_key_encrypted_is_replaced_and_nothing_else(
    tmp_path: Path, engine: str
) -> None:
    new = a_key()
    known = a_hook(id=HookId("known"), proof=Proof.SECRET_TOKEN)
    async with a_database(engine, tmp_path) as url:
        await fill(url, a_key())
        async with open_database(url, keys=[new]) as database:
            store = SqlStore(database)
            async with store.transaction() as tx:
                await tx.hooks.add(known)
            with pytest.raises(PermanentError, match="another key"):
                async with store.reading() as tx:
                    await tx.hooks.list()

        replaced = await replace_lost_secrets(url, [new])

        async with (
            open_database(url, keys=[new]) as database,
            SqlStore(database).reading() as tx,
        ):
            hooks = {hook.id: hook for hook in (await tx.hooks.list()).items}
            [channel] = await tx.notifications.channels(a_channel().project)
            token = await tx.upstream_tokens.find(A_TOKEN.id)
    lost = hooks[a_hook().id]
    assert replaced == LostSecrets(hooks=1, channels=1, tokens=1)
    assert hooks[known.id] == known
    assert lost.secrets != a_hook().secrets
    assert replace(lost, secrets=a_hook().secrets) == a_hook()
    assert channel.secret not in {None, a_channel().secret}
    assert token is None


@pytest.mark.postgresql
async def test_nothing_is_replaced_while_a_process_leads() -> None:
    lost, clock = a_key(), SystemClock()
    async with postgresql_schema() as url:
        await fill(url, lost)
        before = await rows_of(url)
        async with (
            open_database(url, keys=[lost]) as database,
            SqlStore(database).transaction() as tx,
        ):
            length = timedelta(hours=1)
            await tx.leases.acquire(LEADER, owner="it", now=clock.now(), length=length)
        for refused in (find_lost_secrets, replace_lost_secrets):
            with pytest.raises(PermanentError, match="stop every process"):
                await refused(url, [a_key()])
        after = await rows_of(url)

    assert tokens(after) == tokens(before)


async def test_a_database_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="relaunch migrate"):
        await reencrypt_database(f"sqlite:///{tmp_path}/relaunch.db", [a_key()])
