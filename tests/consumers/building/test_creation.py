"""Builds are created beside evaluations of the same source."""

import pytest

from consumers.building.creation import create_build
from service.adapters.store import SqlStore, open_database
from service.domain.building.build import BuildId
from tests.support.clock import NOW
from tests.support.databases import KEYS, migrated_schema
from tests.support.values import a_launcher, a_rebuild, a_source


@pytest.mark.postgresql
async def test_an_evaluation_that_is_recorded_and_a_new_build_wait_in_one_order() -> (
    None
):
    source, rebuild = a_source(), a_rebuild()
    async with (
        migrated_schema() as url,
        open_database(url, keys=KEYS) as one,
        open_database(url, keys=KEYS) as other,
    ):
        recording, scheduling = SqlStore(one), SqlStore(other)
        async with recording.transaction() as tx:
            await tx.sources.find_or_add(source)
            await tx.launchers.add(a_launcher())
            await tx.rebuilds.add(rebuild)

        async with recording.transaction() as tx:
            await tx.sources.get(source.id)
            # Its rebuilds are the other one's now: it would wait for those next.
            async with scheduling.transaction() as schedule:
                held = await schedule.rebuilds.get(rebuild.id)
                build = await create_build(
                    schedule, held, id_=BuildId("build-1"), now=NOW
                )

    assert build.repository_url == source.repository.url
