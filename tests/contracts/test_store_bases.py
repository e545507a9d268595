"""Digests of bases, who is behind them, and what failed, as every store finds it."""

from datetime import timedelta

from service.domain.building.build import BuildState, EnvironmentId, RebuildId
from service.domain.evaluation.queue import Debounce, EvaluationRequest
from service.domain.launcher import LauncherId, UpdatePolicy
from service.domain.push import Trigger
from service.domain.rights.caller import EVERYTHING, MemberRole, ProjectFilter, UserId
from service.domain.source import SourceId
from service.ports.store import Outdated, Store
from tests.contracts.test_store_rights import a_project
from tests.support.clock import NOW
from tests.support.values import a_launcher, a_rebuild, a_source

MINUTE = timedelta(minutes=1)


async def a_follower(
    store: Store,
    name: str,
    *,
    built: int | None = None,
    state: BuildState = BuildState.SUCCEEDED,
    reason: str = "built",
    **launcher: object,
) -> SourceId:
    """Add a launcher with a source of its own, whose build ended minutes ago."""
    environment = EnvironmentId(f"environment-{name}")
    async with store.transaction() as tx:
        source = await tx.sources.find_or_add(
            a_source(id=SourceId(f"source-{name}"), context_dir=name)
        )
        built_at = None if built is None else NOW - built * MINUTE
        facts = {"wanted_builder": "old", "built_at": built_at} | launcher
        await tx.launchers.add(
            a_launcher(
                id=LauncherId(name),
                name=name,
                environment_id=environment,
                source_id=source.id,
                **facts,
            )
        )
        if built is not None:
            at = NOW - built * MINUTE
            await tx.rebuilds.add(
                a_rebuild(
                    id=RebuildId(f"rebuild-{name}"),
                    environment_id=environment,
                    launcher_id=name,
                    source_id=source.id,
                    state=state,
                    reason=reason,
                    created_at=at,
                    completed_at=at,
                )
            )
    return source.id


async def test_a_digest_is_kept_and_replaced(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.bases.save("run:1", digest="one", at=NOW)
        await tx.bases.save("builder:1", digest="two", at=NOW)
        await tx.bases.save("run:1", digest="three", at=NOW + MINUTE)
    async with store.reading() as tx:
        assert await tx.bases.digests() == {"run:1": "three", "builder:1": "two"}


async def test_who_is_outdated_comes_in_order(store: Store) -> None:
    young = await a_follower(store, "young", built=1)
    old = await a_follower(store, "old", built=9)
    held = await a_follower(store, "held", built=2, held_key="k", held_until=NOW)
    never = await a_follower(store, "never")
    await a_follower(store, "new", built=9, wanted_builder="new")
    await a_follower(store, "manual", built=9, policy=UpdatePolicy.MANUAL)
    await a_follower(store, "unseen", built=9, wanted_builder=None)
    asked = await a_follower(store, "asked", built=9)
    async with store.transaction() as tx:
        look = EvaluationRequest(
            source_id=asked, trigger=Trigger.SWEEP, requested_at=NOW
        )
        await tx.evaluation_queue.enqueue(look, debounce=Debounce())

    async with store.reading() as tx:
        builders = await tx.bases.builders()
        found = await tx.bases.outdated({("none", "old")}, limit=10)
        few = await tx.bases.outdated({("none", "old")}, limit=2)
        others = await tx.bases.outdated({("ttyd", "old")}, limit=10)

    assert builders == {("none", "old"), ("none", "new")}
    assert [launcher.source_id for launcher in found] == [held, never, old, young]
    assert found[0] == Outdated(source_id=held, images=1, is_held=True)
    assert [launcher.is_held for launcher in found[1:]] == [False] * 3
    assert (list(few), list(others)) == (list(found[:2]), [])


async def test_what_failed_last_is_found_by_time_and_class(store: Store) -> None:
    for name, built, reason in (("a", 3, "network"), ("b", 9, "conflict")):
        await a_follower(
            store, name, built=built, state=BuildState.FAILED, reason=reason
        )
    await a_follower(store, "c", built=5)
    await a_follower(store, "d", built=5, state=BuildState.FAILED, reason="network")
    async with store.transaction() as tx:
        await tx.rebuilds.add(
            a_rebuild(
                id=RebuildId("later"),
                environment_id=EnvironmentId("environment-d"),
                created_at=NOW,
            )
        )

    async with store.reading() as tx:
        every = await tx.rebuilds.failed(since=NOW - 60 * MINUTE, limit=10)
        late = await tx.rebuilds.failed(since=NOW - 3 * MINUTE, limit=10)
        chosen = await tx.rebuilds.failed(
            since=NOW - 60 * MINUTE, reasons=["conflict", "lost"], limit=10
        )
        one = await tx.rebuilds.failed(since=NOW - 60 * MINUTE, limit=1)

    assert [rebuild.id for rebuild in every] == ["rebuild-b", "rebuild-a"]
    assert [rebuild.id for rebuild in late] == ["rebuild-a"]
    assert [rebuild.id for rebuild in chosen] == ["rebuild-b"]
    assert ([rebuild.id for rebuild in one], one.total) == (["rebuild-b"], 2)


async def test_the_latest_failures_of_visible_projects_come_first(
    store: Store,
) -> None:
    edited, viewed = a_project(1), a_project(2)
    for name, built, project in (("a", 3, edited), ("b", 9, edited), ("c", 5, viewed)):
        await a_follower(
            store, name, built=built, state=BuildState.FAILED, project_id=project.id
        )
    ada, editor = UserId("ada"), MemberRole.EDITOR
    async with store.transaction() as tx:
        for project, role in ((edited, editor), (viewed, MemberRole.VIEWER)):
            await tx.projects.add(project)
            await tx.projects.set_role(project.id, ada, role)
    since = NOW - 60 * MINUTE

    async with store.reading() as tx:
        every = await tx.rebuilds.latest_failed(
            since=since, visible=EVERYTHING, limit=9
        )
        newest = await tx.rebuilds.latest_failed(
            since=since, visible=EVERYTHING, limit=1
        )
        hers = await tx.rebuilds.latest_failed(
            since=since,
            visible=ProjectFilter(member=ada, least=editor),
            limit=9,
        )

    assert [rebuild.id for rebuild in every] == ["rebuild-a", "rebuild-c", "rebuild-b"]
    assert [rebuild.id for rebuild in newest] == ["rebuild-a"]
    assert [rebuild.id for rebuild in hers] == ["rebuild-a", "rebuild-b"]


async def test_what_failed_last_is_read_in_pages(store: Store) -> None:
    for name, built in (("a", 3), ("b", 9), ("c", 9), ("d", 9)):
        await a_follower(store, name, built=built, state=BuildState.FAILED)
    found: list[str] = []
    left: list[int] = []

    async with store.reading() as tx:
        last = None
        while page := await tx.rebuilds.failed(
            since=NOW - 60 * MINUTE, limit=2, after=last
        ):
            last = page.items[-1]
            found += [rebuild.id for rebuild in page]
            left.append(page.total)

    assert found == ["rebuild-b", "rebuild-c", "rebuild-d", "rebuild-a"]
    assert left == [4, 4]
