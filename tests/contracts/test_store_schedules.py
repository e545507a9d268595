"""Launchers whose images are old, and what holds some back, as every store finds it."""

from datetime import timedelta
from typing import Any

from service.domain.building.build import (
    BuildKey,
    BuildState,
    EnvironmentId,
    RebuildId,
)
from service.domain.launcher import LauncherId, RebuildSchedule, UpdatePolicy
from service.domain.source import SourceId
from service.ports.store import Store
from tests.contracts.test_store_bases import a_follower
from tests.support.clock import NOW
from tests.support.values import a_rebuild

DAY = timedelta(days=1)
WEEKLY, MONTHLY = RebuildSchedule.WEEKLY, RebuildSchedule.MONTHLY
BEFORE = {WEEKLY: NOW - 7 * DAY, MONTHLY: NOW - 30 * DAY}


async def test_only_old_images_of_a_schedule_are_found(store: Store) -> None:
    old: dict[str, Any] = {
        "schedule": WEEKLY,
        "built_at": NOW - 8 * DAY,
        "wanted_key": BuildKey("k"),
    }
    changed: dict[str, dict[str, Any]] = {
        "a": {},
        "b": {"schedule": MONTHLY},
        "c": {"schedule": RebuildSchedule.NEVER},
        "d": {"built_at": NOW - DAY},
        "e": {"is_exact": True},
        "f": {"policy": UpdatePolicy.MANUAL},
        "g": {"wanted_key": None},
        "h": {"schedule": MONTHLY, "built_at": NOW - 31 * DAY},
        "i": {"built_at": None},
    }
    for name, changes in changed.items():
        await a_follower(store, name, **(old | changes))

    async with store.reading() as tx:
        found = await tx.launchers.scheduled(built_before=BEFORE, limit=2)
        more = await tx.launchers.scheduled(
            built_before=BEFORE, limit=2, after=found[-1]
        )
        end = await tx.launchers.scheduled(built_before=BEFORE, limit=2, after=more[-1])

    assert [launcher.id for launcher in (*found, *more)] == ["i", "h", "a"]
    assert (more[0].schedule, more[0].built_at, end) == (WEEKLY, NOW - 8 * DAY, [])


async def test_an_image_is_as_old_as_its_build_whoever_takes_it_when(
    store: Store,
) -> None:
    await a_follower(store, "a", schedule=WEEKLY)
    launcher, key = LauncherId("a"), BuildKey("k")

    async with store.transaction() as tx:
        await tx.launchers.roll_out(
            launcher, image="i", key=key, generation=1, built_at=NOW - DAY
        )
        await tx.launchers.make_available(
            launcher, image="j", key=key, generation=2, built_at=NOW
        )
        # Whoever takes the offer knows no other time.
        await tx.launchers.roll_out(launcher, image="j", key=key, generation=2)
        await tx.launchers.save(await tx.launchers.get(launcher))
        found = await tx.launchers.get(launcher)

    assert (found.image, found.built_at) == ("j", NOW)


async def test_who_is_held_back_is_found_and_nobody_else(store: Store) -> None:
    key = BuildKey("k")
    held: dict[str, dict[str, Any]] = {
        "a": {"held_key": key, "held_until": NOW + DAY},
        "b": {"held_key": key, "held_until": None},
        "c": {"held_key": None},
        "d": {"held_key": BuildKey("other")},
        "e": {"held_key": key, "policy": UpdatePolicy.MANUAL},
    }
    for name, changes in held.items():
        await a_follower(store, name, wanted_key=key, **changes)

    async with store.reading() as tx:
        found = await tx.launchers.on_hold(limit=1)
        more = await tx.launchers.on_hold(limit=5, after=found[0][0])

    assert [*found, *more] == [
        (LauncherId("a"), SourceId("source-a")),
        (LauncherId("b"), SourceId("source-b")),
    ]


async def test_a_fingerprint_is_kept_and_replaced(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.bases.fingerprint("settings") is None
        await tx.bases.save_fingerprint("settings", "1", at=NOW)
        await tx.bases.save_fingerprint("settings", "2", at=NOW + DAY)
        assert await tx.bases.fingerprint("settings") == "2"
        assert await tx.bases.fingerprint_at("settings") == NOW + DAY
        assert await tx.bases.fingerprint_at("other") is None


async def test_the_first_rebuild_of_each_source_behind_a_page_is_found(
    store: Store,
) -> None:
    sources = {"1": "course", "2": "course", "3": "other", "4": "course", "5": "other"}
    async with store.transaction() as tx:
        for name, source in {**sources, "6": "third"}.items():
            await tx.rebuilds.add(
                a_rebuild(
                    id=RebuildId(name),
                    environment_id=EnvironmentId(name),
                    source_id=source,
                )
            )
        await tx.rebuilds.add(
            a_rebuild(
                id=RebuildId("0"),
                environment_id=EnvironmentId("0"),
                source_id="ended",
                state=BuildState.FAILED,
            )
        )

    async with store.reading() as tx:
        page = await tx.schedule.unassigned(limit=2)
        others = await tx.schedule.first_unassigned(limit=9, after=page[-1].id)
        one = await tx.schedule.first_unassigned(limit=1, after=page[-1].id)

    assert [rebuild.id for rebuild in page] == ["1", "2"]
    assert [rebuild.id for rebuild in others] == ["3", "6"]
    assert [rebuild.id for rebuild in one] == ["3"]
