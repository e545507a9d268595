"""A database file that is taken away while the service runs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from service.adapters.store.database.database import open_database
from service.domain.hook import Secret
from service.errors import TransientError
from tests.support.databases import TEST_KEY

KEYS = (Secret(TEST_KEY),)


def _remove(path: Path) -> None:
    path.unlink()


def _remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def _replace(path: Path) -> None:
    copy = path.with_name("backup")
    shutil.copy(path, copy)
    copy.replace(path)


@pytest.mark.parametrize("take_away", [_remove, _remove_folder, _replace])
async def test_nothing_is_accepted_into_a_file_that_is_gone(
    tmp_path: Path, take_away: Callable[[Path], None]
) -> None:
    path = tmp_path / "data" / "relaunch.sqlite"
    async with open_database(f"sqlite:///{path}", keys=KEYS) as database:
        await database.ping()
        take_away(path)

        with pytest.raises(TransientError, match="removed or replaced"):
            async with database.writing() as connection:
                await connection.execute(text("SELECT 1"))
        with pytest.raises(TransientError, match="removed or replaced"):
            await database.ping()
