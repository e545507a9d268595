"""What is old goes, in batches; what anything names stays, whatever its age."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from consumers.retention import BATCH, RetentionCollector
from service.adapters.store import SqlStore, open_database
from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildState,
    EnvironmentId,
    RebuildId,
)
from service.domain.building.retention import RetentionPolicy
from service.domain.evaluation.comparison import EvaluationId
from service.domain.hook import HookId, Secret
from service.domain.launcher import Launcher, LauncherId
from service.domain.source import SourceId
from service.ports.store import DeliveryRecord, Transaction
from service.ports.store.retention import IMAGES_KEPT
from tests.contracts.conftest import DATABASES, OpenDatabase
from tests.support.builders import ToldBuilder
from tests.support.clock import NOW, TurnedClock
from tests.support.databases import TEST_KEY
from tests.support.values import (
    a_build,
    a_launcher,
    a_plan,
    a_rebuild,
    a_source,
    an_evaluation,
    an_image,
)

DAY = timedelta(days=1)
POLICY = RetentionPolicy(
    log_lines=10 * DAY,
    evaluations=10 * DAY,
    deliveries=10 * DAY,
    builds=10 * DAY,
    images=10 * DAY,
)
OLD, YOUNG = NOW - 20 * DAY, NOW - DAY


def collector(
    store: SqlStore, builder: ToldBuilder, policy: RetentionPolicy = POLICY
) -> RetentionCollector:
    return RetentionCollector(
        store=store,
        builder=builder,
        clock=TurnedClock(),
        policy=policy,
        interval=timedelta(hours=1),
    )


def reference(number: int) -> str:
    return f"local/pip@sha256:{number:064d}"


def built(number: int, key: int, at: datetime, image: int) -> Build:
    build_id = BuildId(f"build-{number:03}")
    made = an_image(reference=reference(image), build_id=build_id, built_at=at)
    return a_build(
        id=build_id,
        key=BuildKey(f"key-{key}"),
        state=BuildState.SUCCEEDED,
        created_at=at,
        completed_at=at,
        image=made,
    )


async def add_build(tx: Transaction, build: Build, environment: str) -> None:
    """Add a build with the rebuild that asked for it."""
    assert build.image is not None
    await tx.builds.add(build)
    await tx.builds.save_image(build.key, build.image)
    await tx.rebuilds.add(
        a_rebuild(
            id=RebuildId(f"re{build.id}"),
            environment_id=EnvironmentId(environment),
            state=BuildState.SUCCEEDED,
            build_id=build.id,
            plan=a_plan(key=build.key, evaluation_id="none"),
            created_at=build.created_at,
            completed_at=build.completed_at,
            image=build.image.reference,
        )
    )


ENVIRONMENTS, KEYS, IMAGES = 12, 12, 40


def a_launcher_of(chance: random.Random, number: int) -> Launcher:
    """Make a launcher that names anything, or nothing; some are pinned to it."""
    return a_launcher(
        id=LauncherId(f"launcher-{number}"),
        name=f"n{number}",
        environment_id=EnvironmentId(f"e{number}"),
        image=chance.choice([None, reference(chance.randrange(IMAGES))]),
        available_image=chance.choice(
            [None, None, reference(chance.randrange(IMAGES))]
        ),
        wanted_key=chance.choice([None, BuildKey(f"key-{chance.randrange(KEYS)}")]),
        pinned_at=chance.choice([None, NOW]),
    )


def random_builds(chance: random.Random) -> list[tuple[Build, str]]:
    """Make builds of all ages; several of a key may have made the same image."""
    return [
        (
            built(
                number,
                key=chance.randrange(KEYS),
                at=NOW - chance.randrange(30) * DAY - number * timedelta(seconds=1),
                image=chance.randrange(IMAGES),
            ),
            f"e{chance.randrange(ENVIRONMENTS)}",
        )
        for number in range(80)
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_image_goes_that_a_launcher_a_pin_or_a_last_good_state_names(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    made = random_builds(chance)
    launchers = [
        a_launcher_of(chance, number)
        for number in range(ENVIRONMENTS)
        if chance.random() < 0.6
    ]
    named: set[str] = set()
    url = f"sqlite:///{tmp_path}/relaunch.db"
    async with open_database(url, keys=[Secret(TEST_KEY)]) as database:
        store = SqlStore(database)
        async with store.transaction() as tx:
            await tx.sources.find_or_add(a_source())
            for build, environment in sorted(made, key=lambda pair: pair[0].created_at):
                await add_build(tx, build, environment)
            for launcher in launchers:
                await tx.launchers.add(launcher)
                named |= {launcher.image or "", launcher.available_image or ""}
                named |= last_good(made, launcher.environment_id)
                if launcher.wanted_key is not None:
                    newest = await tx.builds.image(launcher.wanted_key)
                    named |= {newest.reference} if newest else set()
        builder = ToldBuilder(clock=TurnedClock())
        await collector(store, builder).collect()
        async with store.reading() as tx:
            left = [await tx.builds.image(BuildKey(f"key-{n}")) for n in range(KEYS)]
    removed = {text for text in builder.removed if "@" in text}
    there = {build.image.reference for build, _ in made if build.image}
    young = {
        build.image.reference
        for build, _ in made
        if build.image and build.completed_at and build.completed_at >= NOW - 10 * DAY
    }

    assert not removed & (named | young)
    # What nobody names and what is old goes, and no key leads to it any more.
    assert there - named - young <= removed
    assert removed
    assert not {image.reference for image in left if image} & removed


def last_good(made: list[tuple[Build, str]], environment: str) -> set[str]:
    """Return the last images that were built for an environment."""
    own = sorted(
        (build.created_at, f"re{build.id}", build.image.reference)
        for build, where in made
        if where == environment and build.image
    )
    return {image for _, _, image in own[-IMAGES_KEPT:]}


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[SqlStore]:
    opened: OpenDatabase
    async with DATABASES[request.param](tmp_path) as opened, opened() as database:
        yield SqlStore(database)


async def test_what_is_old_goes_and_what_is_referred_to_stays(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.sources.find_or_add(a_source())
        await tx.launchers.add(a_launcher(image=reference(3)))
        # Two evaluations of one source, of which the last one stays, and a rebuild's.
        for number, at in enumerate((OLD - 2 * DAY, OLD - DAY, OLD)):
            await tx.evaluations.add(
                an_evaluation(
                    id=EvaluationId(f"evaluation-{number}"),
                    source_id=SourceId("source-1"),
                    completed_at=at,
                    delivery_ids=(f"d{number}",),
                )
            )
        for number, at in enumerate((OLD, YOUNG)):
            await tx.deliveries.record([a_delivery(f"d{number}", at)])
        for number, day in enumerate((OLD, OLD, OLD, OLD, YOUNG)):
            at = day + number * timedelta(hours=1)
            build = built(number, key=number, at=at, image=number)
            await add_build(tx, build, "environment-1")
            await tx.logs.append(build.id, "build", ["a line"])
        failed = a_rebuild(
            id=RebuildId("failed"),
            environment_id=EnvironmentId("gone"),
            plan=a_plan(evaluation_id="evaluation-0"),
            state=BuildState.FAILED,
            created_at=YOUNG,
            completed_at=YOUNG,
        )
        await tx.rebuilds.add(failed)
    builder = ToldBuilder(clock=TurnedClock())
    await collector(store, builder).collect()
    async with store.reading() as tx:
        evaluations = await tx.evaluations.of_source(SourceId("source-1"))
        deliveries = await tx.deliveries.list()
        rebuilds = await tx.rebuilds.list(limit=9)
        lines = [
            len(await tx.logs.read(BuildId(f"build-{number:03}")))
            for number in range(5)
        ]
        builds = await tx.retention.measure(None, part="builds")
        kept = await tx.builds.get(BuildId("build-003"))

    assert [item.id for item in evaluations] == ["evaluation-2", "evaluation-0"]
    assert [item.id for item in deliveries] == ["d1"]
    # The launcher's last three good ones, and what is young.
    assert {item.id for item in rebuilds} == {
        "rebuild-004",
        "rebuild-003",
        "rebuild-002",
        "failed",
    }
    assert lines == [0, 0, 0, 0, 1]
    assert builder.removed == [reference(0), reference(1)]
    assert builds.count == 3
    assert kept.image_removed_at is None


async def test_much_goes_in_many_transactions(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.deliveries.record(
            [a_delivery(f"d{number}", OLD) for number in range(2 * BATCH + 1)]
        )
    async with store.transaction() as tx:
        first = await tx.retention.remove_deliveries(NOW - 10 * DAY, limit=BATCH)
    await collector(store, ToldBuilder(clock=TurnedClock())).collect()
    async with store.reading() as tx:
        left = await tx.retention.measure(None, part="deliveries")

    assert first == BATCH
    assert left.count == 0


async def test_a_registry_that_deletes_nothing_keeps_its_images(
    store: SqlStore,
) -> None:
    async with store.transaction() as tx:
        await add_build(tx, built(0, key=0, at=OLD, image=0), "gone")
    builder = ToldBuilder(clock=TurnedClock())
    builder.can_remove = False
    await collector(store, builder).collect()
    async with store.reading() as tx:
        build = await tx.builds.get(BuildId("build-000"))
    assert (builder.removed, build.image_removed_at) == ([], None)
    builder.can_remove = True

    await collector(store, builder).collect()

    assert builder.removed == [reference(0), "cache of environment-1"]


async def test_what_is_kept_for_ever_is_not_looked_at(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.deliveries.record([a_delivery("d", OLD)])
        await add_build(tx, built(0, key=0, at=OLD, image=0), "gone")
    forever = replace(RetentionPolicy.forever(), log_lines=DAY)
    builder = ToldBuilder(clock=TurnedClock())

    await collector(store, builder, forever).collect()

    async with store.reading() as tx:
        assert len(await tx.deliveries.list()) == 1
    assert builder.removed == []


async def test_usage_says_what_is_stored_for_whom_and_what_would_go(
    store: SqlStore,
) -> None:
    async with store.transaction() as tx:
        await tx.sources.find_or_add(a_source())
        await tx.launchers.add(a_launcher(image=reference(1)))
        for number, at in enumerate((OLD, OLD, YOUNG)):
            build = built(number, key=number, at=at, image=number)
            await add_build(tx, build, "gone")
            await tx.logs.append(build.id, "build", ["four"])
    before = NOW - 10 * DAY
    async with store.reading() as tx:
        images = await tx.retention.measure(before, part="images")
        lines = await tx.retention.measure(before, part="log_lines")
        (project,) = await tx.retention.usage_of_projects(limit=9)
        unused, after = await tx.retention.unused_images(before, limit=9)

    assert (images.count, images.size, images.old, images.oldest) == (3, 3000, 2, OLD)
    assert (lines.count, lines.size, lines.old) == (3, 12, 2)
    assert (project.builds, project.images, project.image_size, project.log_size) == (
        3,
        3,
        3000,
        12,
    )
    assert [item.reference for item in unused] == [reference(0)]
    assert after is None


def a_delivery(name: str, at: datetime) -> DeliveryRecord:
    return DeliveryRecord(
        id=name,  # type: ignore[arg-type]
        hook_id=HookId("hook"),
        forge_delivery_id=None,
        event="push",
        status="accepted",
        reason="",
        message="",
        repository="",
        ref="",
        before="",
        after="",
        headers={},
        received_at=at,
    )
