"""Why a build does not proceed, from facts alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.domain.building.build import BuildId, BuildState
from service.domain.building.failure import Failure, FailureClass
from service.domain.building.schedule import ConcurrencyLimits
from service.domain.building.waiting import (
    Circumstances,
    Limits,
    Obstacle,
    Waiting,
    explain_waiting,
    order_queue,
)
from service.domain.evaluation.queue import DueEvaluation
from service.domain.source import SourceId
from tests.support.clock import NOW
from tests.support.values import a_build, a_rebuild

SOON = NOW + timedelta(seconds=20)
LIMITS = Limits(caps=ConcurrencyLimits(in_all=2, per_project=1), attempts=3)
UNSEEN = a_rebuild(plan=None)
FULL = Failure(kind=FailureClass.NOT_ADMITTED, message="the quota is used up")


def why(rebuild: Any = None, **known: Any) -> Waiting | None:
    return explain_waiting(
        rebuild or a_rebuild(), Circumstances(now=NOW, limits=LIMITS, **known)
    )


def an_appointment(**changes: Any) -> DueEvaluation:
    made = DueEvaluation(
        source_id=SourceId("source-1"), first_asked_at=NOW, due_at=SOON, attempts=0
    )
    return replace(made, **changes)


def running(number: int, project: str = "project-2") -> Any:
    return a_build(
        id=BuildId(f"other-{number}"), state=BuildState.RUNNING, project_id=project
    )


@pytest.mark.parametrize(
    "state", [build_state for build_state in BuildState if build_state.is_final]
)
def test_what_is_over_waits_for_nothing(state: BuildState) -> None:
    assert why(a_rebuild(state=state), hindrance=FULL) is None


def test_what_was_planned_for_another_builder_says_so() -> None:
    queued, runs = a_build(), a_build(state=BuildState.RUNNING)

    for work in (None, queued):
        found = why(work=work, is_foreign=True)
        assert found is not None
        assert found.obstacle is Obstacle.OTHER_BUILDER
    assert why(a_rebuild(state=BuildState.RUNNING), work=runs, is_foreign=True) is None


def test_what_runs_waits_for_nothing() -> None:
    assert why(a_rebuild(state=BuildState.RUNNING)) is None


def test_a_builder_may_say_why_it_does_not_go_on() -> None:
    found = why(a_rebuild(state=BuildState.RUNNING), hindrance=FULL)

    assert found == Waiting(
        obstacle=Obstacle.BUILDER, message=FULL.message, failure=FULL
    )


def test_a_look_in_vain_is_told_with_its_trouble_and_the_next_try() -> None:
    trouble = "cannot look up github.com"

    found = why(UNSEEN, due_evaluation=an_appointment(attempts=1, trouble=trouble))

    assert found == Waiting(
        obstacle=Obstacle.REMOTE,
        message="cannot look up github.com (tried 1 of 6)",
        until=SOON,
        attempt=1,
        attempts=6,
    )


def test_a_look_that_pushes_put_off_has_its_time() -> None:
    found = why(UNSEEN, due_evaluation=an_appointment())

    assert found
    assert (found.obstacle, found.until) == (Obstacle.EVALUATION, SOON)


@pytest.mark.parametrize("due_evaluation", [None, an_appointment(due_at=NOW)])
def test_a_look_under_way_has_none(due_evaluation: DueEvaluation | None) -> None:
    found = why(UNSEEN, due_evaluation=due_evaluation)

    assert found
    assert (found.obstacle, found.until) == (Obstacle.EVALUATION, None)


def test_an_environment_builds_one_after_the_other() -> None:
    found = why(is_environment_busy=True)

    assert found
    assert found.obstacle is Obstacle.SAME_ENVIRONMENT


@pytest.mark.parametrize(
    ("place", "message"),
    [(1, "2 of 2 builds run"), (4, "2 of 2 builds run; 3 before it")],
)
def test_a_full_house_is_told_with_what_goes_first(place: int, message: str) -> None:
    found = why(work=a_build(), builds=[running(1), running(2)], position=place)

    assert found == Waiting(obstacle=Obstacle.LIMIT, message=message)


def test_a_project_has_a_cap_of_its_own() -> None:
    found = why(work=a_build(), builds=[running(1, "project-1")], position=1)

    assert found == Waiting(
        obstacle=Obstacle.PROJECT_LIMIT, message="1 of 1 builds of its project run"
    )


def test_a_retry_is_told_with_what_failed_and_when_it_starts() -> None:
    failure = Failure(kind=FailureClass.NETWORK, message="index.test did not answer.")
    work = a_build(attempt=2, not_before=SOON, failure=failure)

    assert why(work=work, builds=[running(1), running(2)]) == Waiting(
        obstacle=Obstacle.RETRY,
        message="index.test did not answer. (tried 1 of 3)",
        until=SOON,
        attempt=1,
        attempts=3,
        failure=failure,
    )


def test_what_could_not_be_started_was_not_tried() -> None:
    found = why(work=a_build(not_before=SOON))

    assert found == Waiting(
        obstacle=Obstacle.RETRY, message="it could not be started", until=SOON
    )


def test_a_retry_whose_time_has_come_is_next() -> None:
    found = why(work=a_build(attempt=2, not_before=NOW))

    assert found
    assert found.obstacle is Obstacle.SCHEDULING


def test_people_go_first_then_the_oldest_and_retries_are_not_in_the_queue() -> None:
    builds = [
        a_build(id=BuildId("a")),
        a_build(id=BuildId("b"), not_before=SOON),
        a_build(id=BuildId("c")),
        a_build(id=BuildId("d"), state=BuildState.RUNNING),
    ]

    assert order_queue(builds, urgent=[BuildId("c")], now=NOW) == ["c", "a"]
