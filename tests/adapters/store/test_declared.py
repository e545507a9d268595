"""What builds came to know with time, and rows from before they did."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, insert

from service.adapters.store import SqlStore, open_database
from service.adapters.store.columns import JsonValue
from service.adapters.store.json_columns import plan_from, plan_to, seen_from, seen_to
from service.adapters.store.repositories.builds import _to_row
from service.adapters.store.tables.builds import builds
from service.domain.hook import Secret
from service.domain.source import Seen
from tests.support.clock import NOW
from tests.support.databases import TEST_KEY
from tests.support.values import a_build, a_plan

SEEN = Seen(commit=None, ref=None, fingerprint=None, meaning=None, kind=None, at=NOW)


def document_of(value: JsonValue) -> dict[str, JsonValue]:
    """Return what a column keeps, as the object that it is."""
    assert isinstance(value, dict)
    return value


def test_a_plan_keeps_what_its_definition_declares_and_its_trace() -> None:
    plan = a_plan(
        declared=("numpy", "pandas"), traceparent="00-aa-bb-01", kept=("a", "b\udcff")
    )

    assert plan_from(document_of(plan_to(plan))) == plan


def test_a_plan_of_before_declares_nothing() -> None:
    document = document_of(plan_to(a_plan(declared=("numpy",))))
    del document["declared"], document["traceparent"], document["kept"]

    assert plan_from(document) == a_plan(declared=())


def test_what_was_seen_keeps_what_its_definition_declares() -> None:
    seen = replace(SEEN, declared=("numpy",))

    assert seen_from(document_of(seen_to(seen))) == seen


def test_what_was_seen_before_declares_nothing() -> None:
    document = document_of(seen_to(replace(SEEN, declared=("numpy",))))
    del document["declared"]

    assert seen_from(document) == SEEN


async def test_a_build_of_before_declares_nothing_and_has_no_phases(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/relaunch.db"
    old = _to_row(a_build())
    del old["declared"], old["phases"], old["traceparent"], old["kept"]
    del old["previous_image"], old["ref"], old["image_removed_at"]
    engine = create_engine(url)
    with engine.begin() as connection:
        make_first_tables(connection)
        connection.execute(insert(builds).values(**old))
    engine.dispose()

    async with (
        open_database(url, keys=(Secret(TEST_KEY),)) as database,
        SqlStore(database).transaction() as tx,
    ):
        assert await tx.builds.get(a_build().id) == a_build(declared=(), phases=())


@pytest.mark.parametrize("kept", [None, (), ("lib", "b\udcff.txt")])
async def test_a_build_keeps_what_it_may_see(
    tmp_path: Path, kept: tuple[str, ...] | None
) -> None:
    url = f"sqlite:///{tmp_path}/relaunch.db"
    async with open_database(url, keys=(Secret(TEST_KEY),)) as database:
        store = SqlStore(database)
        async with store.transaction() as tx:
            await tx.builds.add(a_build(kept=kept))
        async with store.transaction() as tx:
            assert await tx.builds.get(a_build().id) == a_build(kept=kept)


def make_first_tables(connection: Connection) -> None:
    config = Config()
    folder = files("service.adapters.store") / "migrations"
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
