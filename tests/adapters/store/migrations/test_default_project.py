"""A database that has lost the project of launchers that name none gets it anew."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.adapters.store import SqlStore, open_database
from service.adapters.store.database.maintenance import (
    downgrade_database,
    upgrade_database,
)
from service.domain.rights.caller import INSTALLATION, MemberRole
from service.domain.rights.project import DEFAULT_PROJECT
from tests.contracts.test_store_rights import a_project
from tests.support.databases import KEYS, migrated_schema


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/relaunch.db"
        return
    async with migrated_schema() as made:
        yield made


@pytest.mark.parametrize("is_slug_taken", [False, True])
async def test_the_migration_makes_a_missing_default_project_anew(
    url: str, *, is_slug_taken: bool
) -> None:
    other = a_project(namespace=INSTALLATION, slug="default")
    async with (
        open_database(url, keys=KEYS) as database,
        SqlStore(database).transaction() as tx,
    ):
        first = await tx.projects.get(DEFAULT_PROJECT)
        await tx.projects.remove(DEFAULT_PROJECT)
        if is_slug_taken:
            await tx.projects.add(other)

    for _ in range(2):
        while (await downgrade_database(url)).now != "0028":
            pass
        await upgrade_database(url)
        async with (
            open_database(url, keys=KEYS) as database,
            SqlStore(database).reading() as tx,
        ):
            made = await tx.projects.get(DEFAULT_PROJECT)
            (owner,) = await tx.projects.members(DEFAULT_PROJECT)

        assert made.slug == (DEFAULT_PROJECT if is_slug_taken else first.slug)
        assert (made.name, made.namespace) == (first.name, first.namespace)
        assert made.visibility is first.visibility
        assert (owner.user.id, owner.role) == (INSTALLATION, MemberRole.OWNER)
