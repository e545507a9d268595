"""Secrets at rest: encrypted, under keys that can change."""

import asyncio
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.adapters.store import SqlStore, key_file, open_database
from service.adapters.store.encryption import Cipher
from service.domain.hook import Secret
from service.errors import PermanentError
from tests.support.databases import a_key
from tests.support.deliveries import a_hook


def contents_of(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


def test_a_key_file_is_made_once_for_its_owners_eyes_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"

    key = key_file(path)

    assert key_file(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["key"]
    assert Cipher([key]).decrypt(Cipher([key]).encrypt("text")) == "text"


def test_everybody_who_makes_the_file_at_once_reads_the_same_key(
    tmp_path: Path,
) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(key_file, [tmp_path / "key"] * 8))

    assert len(keys) == 1


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=str(tmp_path)):
        key_file(tmp_path)


@pytest.mark.parametrize("text", ["", "hunter2", "é", "a" * 44, "\udcff"])
def test_a_text_that_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(PermanentError, match="URL-safe base64") as caught:
        Cipher([Secret(text)])

    assert not text or text not in str(caught.value)


def test_there_must_be_a_key() -> None:
    with pytest.raises(PermanentError, match="no key"):
        Cipher([])


async def test_a_secret_is_nowhere_in_the_files(tmp_path: Path) -> None:
    url, keys = f"sqlite:///{tmp_path}/relaunch.db", [a_key()]
    hook = a_hook(secrets=(Secret("hunter2-hunter2"),))

    async with open_database(url, keys=keys) as database:
        async with SqlStore(database).transaction() as tx:
            await tx.hooks.add(hook)
        contents = await asyncio.to_thread(contents_of, tmp_path)
    contents += await asyncio.to_thread(contents_of, tmp_path)

    assert any(hook.id.encode() in content for content in contents)
    assert not any(b"hunter2" in content for content in contents)


async def test_a_new_key_reads_nothing_without_the_old_one(tmp_path: Path) -> None:
    url, old, new = f"sqlite:///{tmp_path}/relaunch.db", a_key(), a_key()
    async with (
        open_database(url, keys=[old]) as database,
        SqlStore(database).transaction() as tx,
    ):
        await tx.hooks.add(a_hook())

    async with (
        open_database(url, keys=[new]) as database,
        SqlStore(database).reading() as tx,
    ):
        with pytest.raises(PermanentError, match="another key"):
            await tx.hooks.get(a_hook().id)


async def test_a_hook_saved_under_a_new_key_no_longer_needs_the_old_one(
    tmp_path: Path,
) -> None:
    url, old, new = f"sqlite:///{tmp_path}/relaunch.db", a_key(), a_key()
    for keys in ([old], [new, old], [new]):
        async with (
            open_database(url, keys=keys) as database,
            SqlStore(database).transaction() as tx,
        ):
            if keys == [old]:
                await tx.hooks.add(a_hook())
            hook = await tx.hooks.get(a_hook().id)
            await tx.hooks.save(hook)

            assert hook.secrets == a_hook().secrets
