"""`relaunch migrate`: up, down, and a look that changes nothing."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from service.adapters.store.database.schema import newest_version
from tests.cli.conftest import Run
from tests.support.databases import migrated_schema

NEWEST = newest_version()


def test_a_look_changes_nothing_and_its_code_says_whether_to_migrate(
    run: Run, tmp_path: Path
) -> None:
    said = run("migrate", "--check")

    assert said.exit_code == 1
    assert f"no tables of ours; this version needs {NEWEST}" in said.output
    assert not (tmp_path / "data").exists()


def test_up_and_down_say_which_version_there_is(run: Run) -> None:
    up, again = run("migrate"), run("migrate")
    looked, down = run("migrate", "--check"), run("migrate", "--down")
    back = run("migrate")

    assert f"had no tables of ours and has schema {NEWEST} now" in up.output
    assert f"has schema {NEWEST} already" in again.output
    assert (looked.exit_code, looked.output) == (
        0,
        f"the database has schema {NEWEST}\n",
    )
    assert f"had schema {NEWEST} and has schema" in down.output
    assert f"and has schema {NEWEST} now" in back.output


def test_two_directions_at_once_are_refused(run: Run) -> None:
    assert run("migrate", "--down", "--check").exit_code == 2


@pytest.mark.postgresql
async def test_a_look_names_the_indexes_that_are_missing(run: Run) -> None:
    async with migrated_schema() as url:
        connection = await asyncpg.connect(url)
        await connection.execute("DROP INDEX ix_rebuilds_ended")
        await connection.close()

        said = await asyncio.to_thread(run, "migrate", "--check", RELAUNCH_DATABASE=url)

    assert said.exit_code == 1
    assert "left to be made or dropped: ix_rebuilds_ended" in said.output
