from dataclasses import replace
from datetime import timedelta

from service.domain.evaluation.queue import (
    CACHE_STALENESS,
    Debounce,
    DueEvaluation,
    EvaluationRequest,
    due,
    recheck_at,
)
from service.domain.push import Trigger
from service.domain.source import SourceId
from tests.support.clock import NOW

DEBOUNCE = Debounce(window=timedelta(seconds=2), max_delay=timedelta(seconds=30))


def a_look(after: float = 0, trigger: Trigger = Trigger.PUSH) -> EvaluationRequest:
    return EvaluationRequest(
        source_id=SourceId("s"),
        trigger=trigger,
        requested_at=NOW + timedelta(seconds=after),
    )


def an_appointment(due_in: float, attempts: int = 0) -> DueEvaluation:
    return DueEvaluation(
        source_id=SourceId("s"),
        first_asked_at=NOW,
        due_at=NOW + timedelta(seconds=due_in),
        attempts=attempts,
    )


def test_the_first_ask_is_answered_at_once() -> None:
    assert due(a_look(), pending=None, looked_at=None, debounce=DEBOUNCE) == NOW


def test_an_ask_right_after_a_look_waits_for_a_quiet_moment() -> None:
    just_now = NOW - timedelta(seconds=1)

    when = due(a_look(), pending=None, looked_at=just_now, debounce=DEBOUNCE)

    assert when == NOW + DEBOUNCE.window


def test_every_further_ask_pushes_the_look_away() -> None:
    when = due(a_look(1.5), pending=an_appointment(2), looked_at=NOW, debounce=DEBOUNCE)

    assert when == NOW + timedelta(seconds=3.5)


def test_asks_without_end_do_not_push_a_look_away_for_ever() -> None:
    pending = an_appointment(30)

    when = due(a_look(29.9), pending=pending, looked_at=NOW, debounce=DEBOUNCE)

    assert when == NOW + DEBOUNCE.max_delay


def test_somebody_who_waits_is_served_at_once() -> None:
    look = a_look(1, Trigger.MANUAL)

    when = due(look, pending=an_appointment(20), looked_at=NOW, debounce=DEBOUNCE)

    assert when == look.requested_at


def test_a_push_does_not_break_the_waiting_for_a_remote_in_trouble() -> None:
    pending = an_appointment(60, attempts=3)

    assert (
        due(a_look(1), pending=pending, looked_at=NOW, debounce=DEBOUNCE)
        == pending.due_at
    )


def test_a_new_source_is_looked_at_until_a_look_began_late_enough() -> None:
    everybody_knows = NOW + CACHE_STALENESS

    again = recheck_at(created_at=NOW, started_at=NOW + CACHE_STALENESS / 2)

    assert again == everybody_knows
    assert recheck_at(created_at=NOW, started_at=everybody_knows) is None


def test_a_look_that_lies_ahead_makes_no_push_wait() -> None:
    ahead = replace(an_appointment(due_in=8), first_asked_at=NOW + timedelta(seconds=8))
    calm = NOW - timedelta(minutes=1)

    assert due(a_look(), pending=ahead, looked_at=calm, debounce=DEBOUNCE) == NOW
