"""How hooks fare: what is wrong, since when, and whether others have to hear of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.domain.hook_health import (
    ForgeHook,
    HookHealth,
    HookProblem,
    find_problems,
    find_refusal,
    is_news,
    is_resolved,
    make_health,
)
from tests.support.clock import NOW

URL = "https://relaunch.example/webhooks/github/h"
WELL = ForgeHook(id="1", url=URL)
LATER = NOW + timedelta(hours=1)


def test_a_hook_as_it_has_to_be_ails_from_nothing() -> None:
    assert find_problems(WELL, url=URL) == ()
    assert find_problems(WELL, url=URL + "/") == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"is_active": False}, HookProblem.INACTIVE),
        ({"is_paused": True}, HookProblem.PAUSED),
        ({"url": "https://elsewhere.example"}, HookProblem.OTHER_URL),
        ({"has_events": False}, HookProblem.OTHER_EVENTS),
        ({"is_json": False}, HookProblem.OTHER_CONTENT_TYPE),
        ({"has_secret": False}, HookProblem.NO_SECRET),
        ({"is_tls_checked": False}, HookProblem.UNCHECKED_TLS),
        ({"has_template": True}, HookProblem.OWN_TEMPLATE),
    ],
)
def test_case_72_every_edit_of_an_owner_is_seen(
    change: dict[str, Any], problem: HookProblem
) -> None:
    assert find_problems(replace(WELL, **change), url=URL) == (problem,)


def test_without_tls_there_is_no_certificate_to_check() -> None:
    plain = replace(WELL, url="http://127.0.0.1/h", is_tls_checked=False)

    assert find_problems(plain, url="http://127.0.0.1/h") == ()


def test_every_ailment_says_what_is_wrong_and_what_mends_it() -> None:
    for problem in HookProblem:
        health = HookHealth(at=NOW, problems=(problem,))

        assert health.message.endswith(".")
        assert health.remedy.endswith(".")


@pytest.mark.parametrize(
    ("status", "reason", "problem"),
    [
        ("refused", "bad_signature", HookProblem.WRONG_SECRET),
        ("refused", "foreign_repository", HookProblem.FOREIGN),
        ("refused", "clock_skew", None),
        ("ignored", "ping", None),
    ],
)
def test_only_refusals_say_that_something_is_wrong(
    status: str, reason: str, problem: HookProblem | None
) -> None:
    assert find_refusal(status, reason) is problem


def test_a_checkup_remembers_since_when_things_are_as_they_are() -> None:
    first = make_health(None, [HookProblem.PAUSED], at=NOW)
    same = make_health(first, [HookProblem.PAUSED, HookProblem.PAUSED], at=LATER)
    worse = make_health(same, [HookProblem.PAUSED, HookProblem.NO_SECRET], at=LATER)
    well = make_health(worse, [], at=LATER)

    assert (first.since, same.since, worse.since, well.since) == (NOW, NOW, LATER, None)
    assert same.problems == (HookProblem.PAUSED,)


def test_others_hear_of_each_change_for_the_worse_once() -> None:
    well = make_health(None, [], at=NOW)
    ill = make_health(well, [HookProblem.GONE], at=NOW)
    other = make_health(ill, [HookProblem.INACTIVE], at=NOW)

    assert is_news(None, ill)
    assert is_news(well, ill)
    assert not is_news(ill, make_health(ill, [HookProblem.GONE], at=LATER))
    assert is_news(ill, other)
    assert not is_news(other, well)
    assert not is_news(None, well)


def test_a_delivery_that_was_taken_since_ends_what_deliveries_told() -> None:
    told = HookHealth(at=NOW, problems=(HookProblem.WRONG_SECRET,))
    seen = HookHealth(
        at=NOW, problems=(HookProblem.WRONG_SECRET, HookProblem.OTHER_EVENTS)
    )

    assert is_resolved(told, arrived_at=LATER)
    assert not is_resolved(told, arrived_at=NOW)
    assert not is_resolved(told, arrived_at=None)
    assert not is_resolved(seen, arrived_at=LATER)
