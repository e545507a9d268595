"""Where a launcher stands, told from facts alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.domain.building.build import BuildState, Rebuild, RebuildId
from service.domain.building.failure import Failure, FailureClass
from service.domain.launcher import UpdatePolicy
from service.domain.push import Trigger
from service.domain.reconciliation import (
    Anew,
    Arrived,
    Behind,
    Calm,
    Refused,
    UnderWay,
    WaitState,
    assess,
    retry_wait,
)
from tests.support.clock import NOW
from tests.support.values import a_launcher, a_plan, a_rebuild

PAUSE = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
AGO = NOW - timedelta(seconds=10)


def of(key: str, generation: int = 2, **changes: Any) -> Rebuild:
    plan = a_plan(key=key, generation=generation)
    return a_rebuild(**{"plan": plan, "completed_at": AGO} | changes)


def failed(kind: FailureClass, **changes: Any) -> Rebuild:
    failure = Failure(kind=kind, message="no")
    return of("w", state=BuildState.FAILED, failure=failure, **changes)


CANCELLED = of("w", state=BuildState.CANCELLED)
BUILT = of("w", state=BuildState.SUCCEEDED, image="i")
NOT_THERE = failed(FailureClass.NO_SUCH_PACKAGE)
AWAY = failed(FailureClass.NETWORK)


@pytest.mark.parametrize(
    ("rebuilds", "anew", "expected"),
    [
        pytest.param([], Anew.NOTHING, Behind, id="nothing was asked"),
        pytest.param([of("w")], Anew.NOTHING, UnderWay, id="on its way"),
        pytest.param([of("x")], Anew.NOTHING, Behind, id="on its way elsewhere"),
        pytest.param([of("w"), of("x", 3)], Anew.NOTHING, Behind, id="then elsewhere"),
        pytest.param([of("x"), of("w", 3)], Anew.NOTHING, UnderWay, id="then there"),
        pytest.param([of("x", plan=None)], Anew.NOTHING, UnderWay, id="a look tells"),
        pytest.param([of("w", source_id="s")], Anew.KEY, Behind, id="another source"),
        pytest.param([BUILT], Anew.NOTHING, Arrived, id="built, not rolled out"),
        pytest.param([NOT_THERE], Anew.NOTHING, Refused, id="failed for good"),
        pytest.param([NOT_THERE], Anew.PUSH, Refused, id="failed, same key pushed"),
        pytest.param([NOT_THERE], Anew.KEY, Behind, id="failed, wanted anew"),
        pytest.param([AWAY], Anew.NOTHING, WaitState, id="failed by others"),
        pytest.param([AWAY], Anew.PUSH, WaitState, id="a push ends no outage"),
        pytest.param([CANCELLED], Anew.NOTHING, WaitState, id="cancelled"),
        pytest.param([CANCELLED], Anew.PUSH, Behind, id="cancelled, then pushed"),
        pytest.param(
            [of("x", plan=None, state=BuildState.CANCELLED)],
            Anew.NOTHING,
            Behind,
            id="a cancelled request has no key",
        ),
    ],
)
def test_a_launcher_stands_where_the_facts_say(
    rebuilds: list[Rebuild], anew: Anew, expected: type
) -> None:
    launcher = a_launcher(
        wanted_key="w", wanted_generation=3, image="o", image_key="old", generation=1
    )

    found = assess(launcher, rebuilds, now=NOW, pause=PAUSE, anew=anew)

    assert isinstance(found, expected)


@pytest.mark.parametrize(
    ("changes", "rebuilds", "expected"),
    [
        pytest.param({"image_key": "w"}, [], Calm, id="has it"),
        pytest.param({"image_key": "w"}, [of("x")], Behind, id="has it, led away"),
        pytest.param({"policy": UpdatePolicy.MANUAL}, [], Calm, id="manual"),
        pytest.param({"wanted_key": None}, [], Calm, id="nothing to want"),
        pytest.param({"generation": 2}, [BUILT], Behind, id="came back to it"),
        pytest.param(
            {"policy": UpdatePolicy.NOTIFY, "image_key": "old", "image": "o"},
            [BUILT],
            Arrived,
            id="not told yet",
        ),
        pytest.param(
            {"policy": UpdatePolicy.NOTIFY, "image": "o", "available_key": "w"}
            | {"available_image": "i", "available_generation": 2},
            [],
            Calm,
            id="told",
        ),
    ],
)
def test_what_a_launcher_has_counts(
    changes: dict[str, Any], rebuilds: list[Rebuild], expected: type
) -> None:
    launcher = a_launcher(**{"wanted_key": "w"} | changes)

    assert isinstance(assess(launcher, rebuilds, now=NOW, pause=PAUSE), expected)


def test_a_cancellation_is_respected_for_a_while() -> None:
    launcher = a_launcher(wanted_key="w")
    until = AGO + PAUSE

    before = assess(launcher, [CANCELLED], now=NOW, pause=PAUSE)
    after = assess(launcher, [CANCELLED], now=until, pause=PAUSE)

    assert before == WaitState(rebuild=CANCELLED, until=until)
    assert after == Behind()


def test_waits_grow_with_the_failures_in_a_row_up_to_an_hour() -> None:
    failures = [
        failed(FailureClass.DEADLINE, id=f"{i}", completed_at=AGO - (9 - i) * MINUTE)
        for i in range(10)
    ]
    launcher = a_launcher(wanted_key="w")
    found = assess(launcher, failures[-3:], now=NOW, pause=PAUSE)

    assert found == WaitState(rebuild=failures[-1], until=AGO + 4 * MINUTE)
    assert [retry_wait(number) / MINUTE for number in range(1, 9)] == [
        *(1, 2, 4, 8, 16, 32, 60, 60)
    ]


def test_another_end_between_failures_begins_the_waits_anew() -> None:
    cancelled = replace(CANCELLED, id=RebuildId("1"), completed_at=AGO - MINUTE)
    earlier = replace(AWAY, id=RebuildId("0"), completed_at=AGO - 2 * MINUTE)
    rebuilds = [failed(FailureClass.LOST, id="2"), cancelled, earlier]

    found = assess(a_launcher(wanted_key="w"), rebuilds, now=NOW, pause=PAUSE)

    assert found == WaitState(rebuild=rebuilds[0], until=AGO + MINUTE)


@pytest.mark.parametrize("kind", FailureClass)
def test_what_passes_by_itself_is_never_final(kind: FailureClass) -> None:
    assert not (kind.is_transient and kind.is_final)


def test_a_manual_rebuild_that_is_built_is_taken_whatever_the_policy() -> None:
    built = replace(BUILT, trigger=Trigger.MANUAL)
    launcher = a_launcher(
        wanted_key="w", image="o", image_key="old", policy=UpdatePolicy.NOTIFY
    )

    assert assess(launcher, [built], now=NOW, pause=PAUSE) == Arrived(rebuild=built)
