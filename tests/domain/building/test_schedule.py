from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildSpec,
    BuildState,
    EnvironmentId,
    Rebuild,
    RebuildId,
)
from service.domain.building.schedule import (
    WAITED_FOR,
    Adopt,
    AssignmentState,
    ConcurrencyLimits,
    Create,
    Decision,
    Replan,
    Reuse,
    Slots,
    Start,
    Stop,
    Supersede,
    assign,
    choose_starts,
)
from service.domain.push import Trigger
from tests.support.clock import NOW
from tests.support.values import a_build, a_build_spec, a_plan, a_rebuild, an_image


def decided(**facts: Any) -> tuple[Decision, ...]:
    """Decide as the scheduler does, which asks a database for what it needs."""
    caps = facts.pop("caps", ConcurrencyLimits(in_all=2, per_project=2))
    now = facts.pop("now", NOW)
    given_: dict[str, Any] = {
        "rebuilds": (),
        "builds": (),
        "images": {},
        "interruptions": {},
    }
    situation = AssignmentState(**(given_ | facts))
    assigned = assign(situation)
    stops = tuple(_stops(situation, assigned))
    stopped = {stop.build.id for stop in stops}
    waiting = [
        build
        for build in situation.builds
        if build.state is BuildState.QUEUED
        and build.id not in stopped
        and (build.not_before is None or build.not_before <= now)
        and situation.is_ours(build.spec)
    ]
    running = [
        build
        for build in situation.builds
        if build.state is BuildState.RUNNING and build.id not in stopped
    ]
    slots = Slots(
        waiting=waiting,
        running=Counter(build.project_id for build in running),
        waited_for={
            rebuild.build_id
            for rebuild in situation.rebuilds
            if rebuild.build_id and rebuild.trigger in WAITED_FOR
        },
        caps=caps,
        at_once=100,
    )
    return (*assigned, *stops, *choose_starts(slots))


def _stops(situation: AssignmentState, assigned: Iterable[Decision]) -> Iterator[Stop]:
    """Stop what nobody waits for; the store finds these builds by one query."""
    gone = {one.rebuild.id for one in assigned if isinstance(one, Supersede | Replan)}
    wanted = {
        rebuild.build_id for rebuild in situation.rebuilds if rebuild.id not in gone
    }
    wanted |= {one.build for one in assigned if isinstance(one, Adopt)}
    return (Stop(build=build) for build in situation.builds if build.id not in wanted)


def running(rebuild: Rebuild, build: Build) -> Rebuild:
    return replace(rebuild, state=BuildState.RUNNING, build_id=build.id, started_at=NOW)


def a_rebuild_of(environment: str, *, generation: int, key: str) -> Rebuild:
    return a_rebuild(
        id=RebuildId(f"{environment}-{generation}"),
        environment_id=EnvironmentId(environment),
        plan=a_plan(generation=generation, key=BuildKey(key)),
    )


def test_a_known_image_serves_without_a_build() -> None:
    rebuild = a_rebuild()
    image = an_image()

    decisions = decided(rebuilds=[rebuild], images={BuildKey("key-1"): image})

    assert decisions == (Reuse(rebuild=rebuild, image=image),)


def test_a_fresh_rebuild_builds_though_an_image_is_known() -> None:
    rebuild = a_rebuild(is_fresh=True)

    decisions = decided(rebuilds=[rebuild], images={BuildKey("key-1"): an_image()})

    assert decisions == (Create(rebuild=rebuild),)


def test_fifty_environments_with_one_definition_share_one_build() -> None:
    rebuilds = [a_rebuild_of(f"e{i:02}", generation=1, key="key") for i in range(50)]

    decisions = decided(rebuilds=rebuilds)

    (create,) = decisions
    assert isinstance(create, Create)
    assert {create.rebuild.id, *(rebuild.id for rebuild in create.others)} == {
        rebuild.id for rebuild in rebuilds
    }


def test_a_running_build_of_the_same_key_is_adopted() -> None:
    build = a_build(state=BuildState.RUNNING, environment_id=EnvironmentId("other"))
    first = running(a_rebuild_of("other", generation=1, key="key-1"), build)
    late = a_rebuild_of("late", generation=7, key="key-1")

    decisions = decided(rebuilds=[first, late], builds=[build])

    assert decisions == (Adopt(rebuild=late, build=build.id),)


def test_of_the_waiting_rebuilds_only_the_newest_stays() -> None:
    older = a_rebuild_of("e", generation=1, key="key-1")
    newer = a_rebuild_of("e", generation=2, key="key-2")

    decisions = decided(rebuilds=[newer, older])

    assert decisions == (Supersede(rebuild=older), Create(rebuild=newer))


def test_a_running_build_that_nobody_wants_any_more_stops() -> None:
    build = a_build(state=BuildState.RUNNING)
    old = running(a_rebuild_of("e", generation=1, key="key-1"), build)
    new = a_rebuild_of("e", generation=2, key="key-2")

    decisions = decided(rebuilds=[old, new], builds=[build])

    assert decisions == (
        Supersede(rebuild=old),
        Create(rebuild=new),
        Stop(build=build),
    )


def test_a_running_build_that_another_environment_wants_goes_on() -> None:
    build = a_build(state=BuildState.RUNNING)
    old = running(a_rebuild_of("e", generation=1, key="key-1"), build)
    other = running(a_rebuild_of("f", generation=1, key="key-1"), build)
    new = a_rebuild_of("e", generation=2, key="key-2")

    decisions = decided(rebuilds=[old, other, new], builds=[build])

    assert Stop(build=build) not in decisions
    assert Supersede(rebuild=old) in decisions


def test_the_same_definition_again_adopts_the_running_build() -> None:
    build = a_build(state=BuildState.RUNNING)
    old = running(a_rebuild_of("e", generation=1, key="key-1"), build)
    new = a_rebuild_of("e", generation=3, key="key-1")

    decisions = decided(rebuilds=[old, new], builds=[build])

    assert decisions == (Adopt(rebuild=new, build=build.id),)


def test_a_stream_of_pushes_cannot_keep_an_environment_from_being_built() -> None:
    build = a_build(state=BuildState.RUNNING)
    old = running(a_rebuild_of("e", generation=1, key="key-1"), build)
    new = a_rebuild_of("e", generation=2, key="key-2")

    decisions = decided(
        rebuilds=[old, new],
        builds=[build],
        interruptions={EnvironmentId("e"): 2},
    )

    assert decisions == ()


def test_a_revert_while_its_opposite_builds_is_served_at_once() -> None:
    build = a_build(state=BuildState.RUNNING)
    bad = running(a_rebuild_of("e", generation=2, key="key-1"), build)
    revert = a_rebuild_of("e", generation=3, key="key-0")
    image = an_image()

    decisions = decided(
        rebuilds=[bad, revert], builds=[build], images={BuildKey("key-0"): image}
    )

    assert decisions == (
        Supersede(rebuild=bad),
        Reuse(rebuild=revert, image=image),
        Stop(build=build),
    )


def test_people_come_before_machines_and_then_the_oldest() -> None:
    machine = a_build(id="b1", key="k1")
    person = a_build(id="b2", key="k2")
    rebuilds = [
        replace(a_rebuild_of("e", generation=1, key="k1"), build_id=BuildId("b1")),
        replace(
            a_rebuild_of("f", generation=1, key="k2"),
            build_id=BuildId("b2"),
            trigger=Trigger.MANUAL,
        ),
    ]

    decisions = decided(
        rebuilds=rebuilds,
        builds=[machine, person],
        caps=ConcurrencyLimits(in_all=1, per_project=1),
    )

    assert decisions == (Start(build=person),)


def test_a_project_with_less_running_goes_first() -> None:
    busy = [
        a_build(id=f"b{i}", key=f"k{i}", project_id="busy", state=state)
        for i, state in enumerate([BuildState.RUNNING, BuildState.QUEUED])
    ]
    calm = a_build(id="b9", key="k9", project_id="calm")
    builds = [*busy, calm]
    rebuilds = [
        replace(
            a_rebuild_of(f"e{build.id}", generation=1, key=build.key), build_id=build.id
        )
        for build in builds
    ]

    decisions = decided(rebuilds=rebuilds, builds=builds)

    assert decisions == (Start(build=calm),)


@pytest.mark.parametrize("in_all", range(1, 30))
def test_the_share_of_a_project_is_half_and_never_everything(in_all: int) -> None:
    share = ConcurrencyLimits.with_fair_share(in_all).per_project

    assert 1 <= share < max(in_all, 2)
    assert 2 * share >= in_all
    chosen = ConcurrencyLimits.with_fair_share(in_all, per_project=7)
    assert chosen.per_project == 7


def test_a_retry_waits_until_it_is_due() -> None:
    build = a_build(not_before=NOW + timedelta(seconds=1))
    rebuild = a_rebuild(build_id=build.id)

    early = decided(rebuilds=[rebuild], builds=[build])
    late = decided(rebuilds=[rebuild], builds=[build], now=NOW + timedelta(seconds=1))

    assert early == ()
    assert late == (Start(build=build),)


rebuild_facts = st.lists(
    st.tuples(
        st.sampled_from(["e1", "e2", "e3"]),
        st.sampled_from(["k1", "k2", "k3"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)


@given(facts=rebuild_facts, in_all=st.integers(1, 3), per_project=st.integers(1, 2))
def test_whatever_is_asked_one_build_per_key_and_the_caps_hold(
    facts: Sequence[tuple[str, str, bool, bool]], in_all: int, per_project: int
) -> None:
    """The decisions are carried out on a model until nothing is left to decide."""
    rebuilds = [
        replace(a_rebuild_of(environment, generation=i, key=key), is_fresh=is_fresh)
        for i, (environment, key, is_fresh, _) in enumerate(facts)
    ]
    builds: dict[BuildId, Build] = {}
    waiting = {rebuild.id: rebuild for rebuild in rebuilds}
    for _ in range(20):
        decisions = decided(
            rebuilds=list(waiting.values()),
            builds=list(builds.values()),
            caps=ConcurrencyLimits(in_all=in_all, per_project=per_project),
        )
        if not decisions:
            break
        _carry_out(decisions, waiting, builds)
        keys = [build.key for build in builds.values()]
        assert len(keys) == len(set(keys))
        busy = [build for build in builds.values() if build.state is BuildState.RUNNING]
        assert len(busy) <= min(in_all, per_project)  # all of one project
    else:
        raise AssertionError("deciding does not come to an end")
    newest = {rebuild.environment_id: rebuild for rebuild in rebuilds}
    assert {rebuild.id for rebuild in newest.values()} <= set(waiting)


def _carry_out(
    decisions: Sequence[Decision],
    waiting: dict[RebuildId, Rebuild],
    builds: dict[BuildId, Build],
) -> None:
    for decision in decisions:
        match decision:
            case Supersede(rebuild=it):
                del waiting[it.id]
            case Adopt(rebuild=it, build=build):
                waiting[it.id] = replace(it, build_id=build)
            case Create(rebuild=first, others=others):
                assert first.plan is not None
                build_ = a_build(id=f"b-{first.id}", key=first.plan.key)
                builds[build_.id] = build_
                for other in (first, *others):
                    waiting[other.id] = replace(other, build_id=build_.id)
            case Start(build=it):
                builds[it.id] = replace(it, state=BuildState.RUNNING)
            case Stop(build=it):
                del builds[it.id]
            case Reuse() | Replan():
                raise AssertionError("no image is known")


def is_told_of_here(spec: BuildSpec) -> bool:
    return spec.builder_image == "local/1"


def foreign(**changes: Any) -> Rebuild:
    plan = a_plan(spec=a_build_spec(builder_image="local/2"))
    return a_rebuild(**({"plan": plan} | changes))


def test_no_build_is_made_for_what_another_builder_is_named_for() -> None:
    rebuild = foreign()

    assert decided(rebuilds=[rebuild], is_ours=is_told_of_here) == ()


def test_a_queued_build_of_another_builder_does_not_start() -> None:
    build = a_build(spec=a_build_spec(builder_image="local/2"))
    rebuild = foreign(build_id=build.id)

    facts = {"rebuilds": [rebuild], "builds": [build], "is_ours": is_told_of_here}

    assert decided(**facts) == ()
    assert decided(**facts, overdue={rebuild.id}) == (
        Replan(rebuild=rebuild),
        Stop(build=build),
    )


def test_what_another_builder_runs_goes_on() -> None:
    build = a_build(
        spec=a_build_spec(builder_image="local/2"), state=BuildState.RUNNING
    )
    rebuild = running(foreign(), build)
    late = foreign(id=RebuildId("late"), environment_id=EnvironmentId("environment-2"))

    decisions = decided(
        rebuilds=[rebuild, late],
        builds=[build],
        is_ours=is_told_of_here,
        overdue={rebuild.id, late.id},
    )

    assert decisions == (Adopt(rebuild=late, build=build.id),)


def test_a_known_image_of_another_builder_serves_who_asked_for_that() -> None:
    rebuild = foreign()
    image = an_image()

    decisions = decided(
        rebuilds=[rebuild],
        images={BuildKey("key-1"): image},
        is_ours=is_told_of_here,
        overdue={rebuild.id},
    )

    assert decisions == (Reuse(rebuild=rebuild, image=image),)
