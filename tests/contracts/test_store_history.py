"""Evaluations, rebuilds, builds and deliveries of every store."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildState,
    EnvironmentId,
    Package,
    PhaseTime,
    Rebuild,
)
from service.domain.building.failure import Failure, FailureClass
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import (
    Comparison,
    Evaluation,
    EvaluationId,
    Verdict,
)
from service.domain.findings import Finding, Severity
from service.domain.hook import HookId
from service.domain.repository import CommitSha
from service.domain.source import SourceId
from service.errors import ConflictError, NotFoundError
from service.ports.store import Cursor, DeliveryRecord, Store
from tests.support.clock import NOW
from tests.support.deliveries import a_record
from tests.support.values import (
    a_build,
    a_plan,
    a_rebuild,
    a_source,
    an_evaluation,
    an_image,
    an_item,
)

SECOND = timedelta(seconds=1)
UNDECODABLE = "d\udcff/\\é\x00.txt"
A_FAILURE = Failure(
    kind=FailureClass.NO_SUCH_PACKAGE,
    message="no such package",
    hint="spell it right",
    path=UNDECODABLE,
    line=3,
)


async def keep(
    store: Store, *things: Evaluation | Rebuild | Build | DeliveryRecord
) -> None:
    async with store.transaction() as tx:
        await tx.sources.find_or_add(a_source())
        for thing in things:
            match thing:
                case Evaluation():
                    await tx.evaluations.add(thing)
                case Rebuild():
                    await tx.rebuilds.add(thing)
                case Build():
                    await tx.builds.add(thing)
                case DeliveryRecord():
                    await tx.deliveries.record([thing])


async def test_an_evaluation_keeps_everything(store: Store) -> None:
    evaluation = an_evaluation(
        delivery_ids=(DeliveryId("d-2"), DeliveryId("d-1")),
        comparison=Comparison(
            verdict=Verdict.COSMETIC,
            reason="same_meaning",
            message="ü",
            changed=(UNDECODABLE,),
        ),
        items=(an_item(path=UNDECODABLE),),
        findings=(
            Finding(
                severity=Severity.ERROR,
                code="x",
                message="m",
                path=UNDECODABLE,
                line=1,
                column=2,
            ),
            Finding(severity=Severity.NOTE, code="y", message="n"),
        ),
        completed_at=NOW + SECOND,
    )
    bare = an_evaluation(
        id="bare", commit=None, ref=None, fingerprint=None, kind=None, generation=0
    )
    await keep(store, evaluation, bare)

    async with store.reading() as tx:
        assert await tx.evaluations.get(evaluation.id) == evaluation
        assert await tx.evaluations.get(bare.id) == bare


async def test_evaluations_are_found_newest_first(store: Store) -> None:
    old = an_evaluation(id="1", delivery_ids=(DeliveryId("d-1"),))
    new = an_evaluation(
        id="0",
        delivery_ids=(DeliveryId("d-1"), DeliveryId("d-2"), DeliveryId("d-2")),
        completed_at=NOW + SECOND,
    )
    await keep(store, old, new)

    async with store.reading() as tx:
        evaluations = tx.evaluations
        assert await evaluations.of_source(old.source_id) == [new, old]
        assert await evaluations.of_source(old.source_id, limit=1) == [new]
        assert await evaluations.of_source(SourceId("other")) == []
        assert await evaluations.of_deliveries([DeliveryId("d-1")]) == [new, old]
        assert await evaluations.of_deliveries([DeliveryId("d-2")]) == [new]
        assert await evaluations.of_deliveries([DeliveryId("d-3")]) == []
        both = [DeliveryId("d-2"), DeliveryId("d-1")]
        assert await evaluations.of_deliveries(both) == [new, old]


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("abcdef0", {"1"}),
        ("ABCDEF0", {"1"}),
        ("abcdef", {"1", "2"}),
        ("abcdeff", {"2"}),
        ("f" * 7, {"3"}),
        ("f" * 40, {"3"}),
        ("abcdef%", set()),
        ("abcde_0", set()),
        ("\udcff\x00", set()),
        ("", set()),
    ],
)
async def test_evaluations_are_found_by_the_beginning_of_a_commit(
    store: Store, prefix: str, found: set[str]
) -> None:
    commits = {"1": "abcdef0" + "0" * 33, "2": "abcdeff" + "f" * 33, "3": "f" * 40}
    await keep(
        store,
        *(
            an_evaluation(id=id_, commit=CommitSha(commit))
            for id_, commit in commits.items()
        ),
        an_evaluation(id="none", commit=None),
    )

    async with store.reading() as tx:
        assert {
            evaluation.id for evaluation in await tx.evaluations.of_commit(prefix)
        } == found


async def test_an_evaluation_is_written_once(store: Store) -> None:
    await keep(store, an_evaluation())

    with pytest.raises(ConflictError):
        await keep(store, an_evaluation())
    async with store.reading() as tx:
        with pytest.raises(NotFoundError):
            await tx.evaluations.get(EvaluationId("other"))


async def test_a_rebuild_keeps_everything_and_its_changes(store: Store) -> None:
    waiting = a_rebuild(plan=None, is_fresh=True)
    done = a_rebuild(
        plan=a_plan(path=UNDECODABLE, generation=2**40),
        state=BuildState.FAILED,
        build_id=BuildId("build-1"),
        started_at=NOW + SECOND,
        completed_at=NOW + 2 * SECOND,
        failure=A_FAILURE,
        image="image",
        reason="no_such_package",
    )
    await keep(store, waiting)

    async with store.transaction() as tx:
        assert await tx.rebuilds.get(waiting.id) == waiting
        await tx.rebuilds.save(done)
        assert await tx.rebuilds.get(done.id) == done
        with pytest.raises(NotFoundError):
            await tx.rebuilds.save(a_rebuild(id="other"))


async def test_a_rebuild_added_again_stays_as_it_is(store: Store) -> None:
    await keep(store, a_rebuild(state=BuildState.RUNNING))
    await keep(store, a_rebuild(state=BuildState.QUEUED))

    async with store.reading() as tx:
        rebuild = await tx.rebuilds.get(a_rebuild().id)
        assert rebuild.state is BuildState.RUNNING


async def test_rebuilds_are_found_by_what_they_belong_to(store: Store) -> None:
    first = a_rebuild(id="1", build_id=BuildId("b"), environment_id="e")
    second = a_rebuild(
        id="2", build_id=BuildId("b"), environment_id="e", created_at=NOW + SECOND
    )
    other = a_rebuild(id="3", plan=a_plan(evaluation_id="evaluation-2"))
    await keep(store, second, other, first)

    async with store.reading() as tx:
        rebuilds = tx.rebuilds
        assert await rebuilds.of_build(BuildId("b")) == [first, second]
        environment = EnvironmentId("e")
        assert await rebuilds.of_environment(environment) == [second, first]
        assert await rebuilds.of_environment(environment, limit=1) == [second]
        nobodys = EnvironmentId("nobody's")
        newest = {
            rebuild.id
            for rebuild in await rebuilds.newest(
                [environment, other.environment_id, nobodys]
            )
        }
        assert newest == {second.id, other.id}
        assert await rebuilds.newest([]) == []
        evaluation = EvaluationId("evaluation-2")
        assert await rebuilds.of_evaluation(evaluation) == [other]
        assert await rebuilds.list(limit=2) == [second, other]


async def test_what_is_unfinished_is_queued_or_running_oldest_first(
    store: Store,
) -> None:
    rebuilds, builds = [], []
    for place, state in enumerate(BuildState):
        at = NOW - place * SECOND
        rebuilds.append(a_rebuild(id=state.value, state=state, created_at=at))
        builds.append(a_build(id=state.value, state=state, created_at=at))
    await keep(store, *rebuilds, *builds)

    async with store.transaction() as tx:
        unfinished = ["running", "queued"]
        assert [rebuild.id for rebuild in await tx.rebuilds.unfinished()] == unfinished
        assert [build.id for build in await tx.builds.unfinished()] == unfinished


async def test_a_build_keeps_everything_and_its_changes(store: Store) -> None:
    done = a_build(
        state=BuildState.FAILED,
        context_dir=UNDECODABLE,
        declared=("numpy", "pandas"),
        is_fresh=True,
        attempt=3,
        not_before=NOW + SECOND,
        started_at=NOW,
        completed_at=NOW + SECOND,
        failure=A_FAILURE,
        image=an_image(),
        phases=(
            PhaseTime(name="clone", took=timedelta(seconds=2)),
            PhaseTime(name="build", took=timedelta(seconds=41, milliseconds=500)),
        ),
        traceparent="00-aa-bb-01",
    )
    await keep(store, a_build())

    async with store.transaction() as tx:
        assert await tx.builds.get(done.id) == a_build()
        await tx.builds.save(done)
        assert await tx.builds.get(done.id) == done
        with pytest.raises(NotFoundError):
            await tx.builds.save(a_build(id="other"))
        with pytest.raises(ConflictError):
            await tx.builds.add(a_build())


async def test_a_key_has_its_newest_image_until_it_is_forgotten(store: Store) -> None:
    key, packages = BuildKey("k"), (Package(name="ü", version="1", manager="conda"),)
    newest = an_image(reference="newest", packages=packages, size=2**40)
    async with store.transaction() as tx:
        assert await tx.builds.image(key) is None
        await tx.builds.save_image(key, an_image())
        await tx.builds.save_image(key, newest)
        await tx.builds.save_image(BuildKey("other"), an_image())
        assert await tx.builds.image(key) == newest

        await tx.builds.delete_image(key)
        await tx.builds.delete_image(key)
        assert await tx.builds.image(key) is None
        assert await tx.builds.image(BuildKey("other")) == an_image()


async def test_what_a_project_built_of_a_repository_is_found_newest_first(
    store: Store,
) -> None:
    def a_success(number: int, **changes: Any) -> Build:
        return a_build(
            id=f"b-{number}",
            state=BuildState.SUCCEEDED,
            image=an_image(),
            previous_image="r@sha256:1",
            completed_at=NOW + number * SECOND,
            **changes,
        )

    wanted = [a_success(number) for number in (1, 3, 2)]
    others = [
        a_success(4, project_id="another"),
        a_success(5, repository_url="https://github.com/another/name"),
        replace(a_success(6), state=BuildState.FAILED),
    ]
    await keep(store, *wanted, *others)

    async with store.reading() as tx:
        found = await tx.builds.succeeded(
            wanted[0].project_id, wanted[0].repository_url, limit=2
        )
    assert found == [wanted[1], wanted[2]]


async def test_durations_are_of_the_latest_twenty_successes(store: Store) -> None:
    builds = [
        a_build(
            id=f"b-{number}",
            key=BuildKey("even" if number % 2 == 0 else "odd"),
            state=BuildState.SUCCEEDED,
            started_at=NOW,
            completed_at=NOW + number * SECOND,
        )
        for number in range(1, 31)
    ]
    late = NOW + timedelta(days=1)
    reused = a_build(id="r", state=BuildState.SUCCEEDED, completed_at=late)
    failed = a_build(id="f", state=BuildState.FAILED, started_at=NOW, completed_at=late)
    await keep(store, *builds, reused, failed)

    async with store.reading() as tx:
        all_of_them = await tx.builds.durations()
        odd = await tx.builds.durations(BuildKey("odd"))
    assert all_of_them == [number * SECOND for number in range(30, 10, -1)]
    assert odd == [number * SECOND for number in range(29, 0, -2)]


async def test_a_delivery_keeps_everything(store: Store) -> None:
    record = a_record(headers={"a": "ü\udcff\x00"}, count=2)
    await keep(store, record)

    async with store.reading() as tx:
        assert await tx.deliveries.get(record.id) == record
        with pytest.raises(NotFoundError):
            await tx.deliveries.get(DeliveryId("d-2"))


async def test_a_delivery_that_comes_again_only_counts_up(store: Store) -> None:
    again = a_record(status="duplicate", received_at=NOW + SECOND)
    async with store.transaction() as tx:
        await tx.deliveries.record([a_record(), again])
        await tx.deliveries.record([again])

        assert await tx.deliveries.list() == [a_record(count=3)]


async def test_deliveries_are_found_by_either_id_and_listed_newest_first(
    store: Store,
) -> None:
    old = a_record(id="d-1", forge_delivery_id="same")
    new = a_record(
        id="d-2",
        forge_delivery_id="same",
        hook_id="hook-2",
        received_at=NOW + SECOND,
    )
    nameless = a_record(id="d-3", forge_delivery_id=None, received_at=NOW - SECOND)
    await keep(store, old, new, nameless)

    async with store.reading() as tx:
        deliveries = tx.deliveries
        assert await deliveries.find("same") == [new, old]
        assert await deliveries.find("d-3") == [nameless]
        assert await deliveries.find("\x00\udcff") == []
        assert await deliveries.list() == [new, old, nameless]
        assert await deliveries.list(limit=1) == [new]
        assert await deliveries.list(hook=HookId("hook-1")) == [old, nameless]


async def test_accepted_deliveries_without_an_evaluation_are_found_oldest_first(
    store: Store,
) -> None:
    records = [
        a_record(id=f"d-{number}", received_at=NOW + number * SECOND)
        for number in range(5)
    ]
    ignored = a_record(id="d-9", status="ignored", received_at=NOW + SECOND)
    await keep(store, *records, ignored)
    await keep(store, an_evaluation(delivery_ids=(DeliveryId("d-2"),)))

    async with store.reading() as tx:
        found = partial(
            tx.deliveries.unevaluated, since=NOW + SECOND, before=NOW + 4 * SECOND
        )
        assert await found() == [records[1], records[3]]
        assert await found(limit=1) == [records[1]]
        here = Cursor(at=records[1].received_at, id="d-1")
        assert await found(after=here) == [records[3]]


async def test_trimming_keeps_the_newest_of_every_hook(store: Store) -> None:
    records = [
        a_record(
            id=f"d-{hook}-{number}", hook_id=hook, received_at=NOW + number * SECOND
        )
        for hook in ("busy", "quiet")
        for number in range(5 if hook == "busy" else 2)
    ]
    await keep(store, *records)

    async with store.transaction() as tx:
        for hook in ("busy", "quiet"):
            await tx.deliveries.trim(HookId(hook), keep=2)
        left = {delivery.id for delivery in await tx.deliveries.list()}
    assert left == {"d-busy-4", "d-busy-3", "d-quiet-1", "d-quiet-0"}
