"""How hooks fare: what is wrong, since when, and whether others have to hear of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.domain.checkup import (
    Ailment,
    Checkup,
    ForgeHook,
    ailments_of,
    concluded,
    is_news,
    is_over,
    refusal_of,
)
from tests.support.clock import NOW

URL = "https://relaunch.example/webhooks/github/h"
WELL = ForgeHook(id="1", url=URL)
LATER = NOW + timedelta(hours=1)


def test_a_hook_as_it_has_to_be_ails_from_nothing() -> None:
    assert ailments_of(WELL, url=URL) == ()
    assert ailments_of(WELL, url=URL + "/") == ()


@pytest.mark.parametrize(
    ("change", "ailment"),
    [
        ({"is_active": False}, Ailment.INACTIVE),
        ({"is_paused": True}, Ailment.PAUSED),
        ({"url": "https://elsewhere.example"}, Ailment.OTHER_URL),
        ({"has_events": False}, Ailment.OTHER_EVENTS),
        ({"is_json": False}, Ailment.OTHER_CONTENT_TYPE),
        ({"has_secret": False}, Ailment.NO_SECRET),
        ({"is_tls_checked": False}, Ailment.UNCHECKED_TLS),
        ({"has_template": True}, Ailment.OWN_TEMPLATE),
    ],
)
def test_case_72_every_edit_of_an_owner_is_seen(
    change: dict[str, Any], ailment: Ailment
) -> None:
    assert ailments_of(replace(WELL, **change), url=URL) == (ailment,)


def test_without_tls_there_is_no_certificate_to_check() -> None:
    plain = replace(WELL, url="http://127.0.0.1/h", is_tls_checked=False)

    assert ailments_of(plain, url="http://127.0.0.1/h") == ()


def test_every_ailment_says_what_is_wrong_and_what_mends_it() -> None:
    for ailment in Ailment:
        checkup = Checkup(at=NOW, ailments=(ailment,))

        assert checkup.message.endswith(".")
        assert checkup.mend.endswith(".")


@pytest.mark.parametrize(
    ("status", "reason", "ailment"),
    [
        ("refused", "bad_signature", Ailment.WRONG_SECRET),
        ("refused", "foreign_repository", Ailment.FOREIGN),
        ("refused", "clock_skew", None),
        ("ignored", "ping", None),
    ],
)
def test_only_refusals_say_that_something_is_wrong(
    status: str, reason: str, ailment: Ailment | None
) -> None:
    assert refusal_of(status, reason) is ailment


def test_a_checkup_remembers_since_when_things_are_as_they_are() -> None:
    first = concluded(None, [Ailment.PAUSED], at=NOW)
    same = concluded(first, [Ailment.PAUSED, Ailment.PAUSED], at=LATER)
    worse = concluded(same, [Ailment.PAUSED, Ailment.NO_SECRET], at=LATER)
    well = concluded(worse, [], at=LATER)

    assert (first.since, same.since, worse.since, well.since) == (NOW, NOW, LATER, None)
    assert same.ailments == (Ailment.PAUSED,)


def test_others_hear_of_each_change_for_the_worse_once() -> None:
    well = concluded(None, [], at=NOW)
    ill = concluded(well, [Ailment.GONE], at=NOW)
    other = concluded(ill, [Ailment.INACTIVE], at=NOW)

    assert is_news(None, ill)
    assert is_news(well, ill)
    assert not is_news(ill, concluded(ill, [Ailment.GONE], at=LATER))
    assert is_news(ill, other)
    assert not is_news(other, well)
    assert not is_news(None, well)


def test_a_delivery_that_was_taken_since_ends_what_deliveries_told() -> None:
    told = Checkup(at=NOW, ailments=(Ailment.WRONG_SECRET,))
    seen = Checkup(at=NOW, ailments=(Ailment.WRONG_SECRET, Ailment.OTHER_EVENTS))

    assert is_over(told, arrived_at=LATER)
    assert not is_over(told, arrived_at=NOW)
    assert not is_over(told, arrived_at=None)
    assert not is_over(seen, arrived_at=LATER)
