"""When an image is built anew by a schedule, told from facts alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.domain.building.build import BuildId, BuildKey, BuildState, Image, Rebuild
from service.domain.building.failure import Failure, FailureClass
from service.domain.building.upcoming import SPREAD, find_next_rebuild, is_newer
from service.domain.launcher import Launcher, RebuildSchedule, UpdatePolicy
from tests.support.clock import NOW
from tests.support.values import a_launcher, a_plan, a_rebuild

WEEK = timedelta(days=7)
KEY = BuildKey("0" * 64)
"""Whose part of the spread is nothing."""


def a_weekly(**changes: Any) -> Launcher:
    launcher = a_launcher(
        wanted_key=KEY, image_key=KEY, image="i", generation=1, built_at=NOW
    )
    return replace(launcher, **{"schedule": RebuildSchedule.WEEKLY} | changes)


def ended(state: BuildState, *, after: timedelta, **changes: Any) -> Rebuild:
    plan = a_plan(key=KEY, generation=2)
    rebuild = a_rebuild(plan=plan, state=state, completed_at=NOW + after)
    return replace(rebuild, **changes)


def failed(kind: FailureClass, *, after: timedelta, **changes: Any) -> Rebuild:
    failure = Failure(kind=kind, message="no")
    return ended(BuildState.FAILED, after=after, failure=failure, **changes)


@pytest.mark.parametrize(
    ("schedule", "interval"),
    [(RebuildSchedule.WEEKLY, 7), (RebuildSchedule.MONTHLY, 30)],
)
def test_an_image_is_built_anew_once_it_is_older_than_its_schedule_says(
    schedule: RebuildSchedule, interval: int
) -> None:
    found = find_next_rebuild(a_weekly(schedule=schedule), [])

    assert found.at == NOW + timedelta(days=interval)
    assert not found.is_due(found.at - timedelta(seconds=1))
    assert found.is_due(found.at)


def test_launchers_that_share_an_image_are_due_together_and_others_within_a_day() -> (
    None
):
    keys = [BuildKey(f"{part:08x}" + "0" * 56) for part in range(0, 2**32, 2**28)]

    due = [
        find_next_rebuild(a_weekly(wanted_key=build_key, image_key=build_key), []).at
        for build_key in keys
    ]

    assert len(set(due)) == len(keys)
    assert all(
        instant and NOW + WEEK <= instant < NOW + WEEK + SPREAD for instant in due
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"schedule": RebuildSchedule.NEVER}, "", id="no schedule"),
        pytest.param({"policy": UpdatePolicy.MANUAL}, "policy is manual", id="manual"),
        pytest.param({"is_exact": True}, "definition is pinned", id="pinned"),
        pytest.param({"wanted_key": None}, "not have the image", id="nothing there"),
        pytest.param({"wanted_key": "f" * 64}, "not have the image", id="behind"),
    ],
)
def test_some_launchers_are_not_built_anew_and_know_why(
    changes: dict[str, Any], why: str
) -> None:
    found = find_next_rebuild(a_weekly(**changes), [])

    assert found.at is None
    assert why in found.why
    assert not found.is_due(NOW + 100 * WEEK)


def test_an_image_that_is_on_its_way_is_not_asked_for_again() -> None:
    coming = ended(BuildState.QUEUED, after=WEEK, completed_at=None, plan=None)

    assert find_next_rebuild(a_weekly(), [coming]).at is None


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("tries", "due"),
    [
        pytest.param(
            [failed(FailureClass.CONFLICT, after=WEEK)],
            WEEK + WEEK,
            id="failed for good: what an open definition installs depends on the day",
        ),
        pytest.param(
            [failed(FailureClass.NETWORK, after=WEEK)],
            WEEK + timedelta(minutes=10),
            id="failed by others",
        ),
        pytest.param(
            [
                failed(FailureClass.NETWORK, after=WEEK + timedelta(minutes=value))
                for value in (3, 1, 0)
            ],
            WEEK + timedelta(minutes=3 + 40),
            id="failed by others again and again",
        ),
        pytest.param(
            [failed(FailureClass.NETWORK, after=WEEK, plan=None)],
            WEEK + timedelta(minutes=10),
            id="nobody could look",
        ),
        pytest.param(
            [ended(BuildState.CANCELLED, after=WEEK + DAY)],
            WEEK + WEEK + DAY,
            id="a person called it off",
        ),
        pytest.param(
            [failed(FailureClass.CONFLICT, after=-DAY)], WEEK, id="before this image"
        ),
        pytest.param(
            [failed(FailureClass.CONFLICT, after=WEEK, plan=a_plan(key="f" * 64))],
            WEEK,
            id="of another key",
        ),
    ],
)
def test_the_next_try_waits_as_the_last_one_ended(
    tries: list[Rebuild], due: timedelta
) -> None:
    assert find_next_rebuild(a_weekly(), tries).at == NOW + due


def test_a_repository_that_is_gone_for_good_costs_one_try_a_day() -> None:
    tries = [
        failed(FailureClass.CLONE_FAILED, after=WEEK + number * DAY)
        for number in range(12)
    ]

    assert find_next_rebuild(a_weekly(), tries).at == NOW + WEEK + 12 * DAY


@pytest.mark.parametrize(
    ("kind", "is_tried"),
    [
        (FailureClass.REGISTRY_REFUSED, True),
        (FailureClass.OUT_OF_MEMORY, True),
        (FailureClass.CONFLICT, False),
    ],
)
def test_settings_that_were_changed_since_end_the_wait_for_what_they_failed(
    kind: FailureClass, *, is_tried: bool
) -> None:
    tries, changed_at = [failed(kind, after=WEEK)], NOW + WEEK + timedelta(minutes=1)

    found = find_next_rebuild(a_weekly(), tries, settings_changed_at=changed_at)

    assert found.is_due(changed_at) is is_tried


def test_a_newer_image_of_the_same_key_serves_instead_of_a_build() -> None:
    launcher, now = a_weekly(), NOW + WEEK + DAY
    image = Image(
        reference="j", size=1, packages=(), built_at=now - DAY, build_id=BuildId("b")
    )

    assert is_newer(image, launcher, now=now)
    assert not is_newer(None, launcher, now=now)
    assert not is_newer(replace(image, built_at=NOW), launcher, now=now)
    assert not is_newer(replace(image, built_at=now - WEEK), launcher, now=now)
