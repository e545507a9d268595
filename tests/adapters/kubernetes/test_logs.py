"""Where in a log to go on, and what does not get into one."""

import pytest
from hypothesis import given, strategies as st

from service.adapters.kubernetes.logs import ATTEMPT, count_kept_lines
from service.ports.store import LogLine
from service.redaction import redact_credentials

PHASES = ("clone", "build")


def a_log(*said: tuple[str, str]) -> list[LogLine]:
    return [
        LogLine(seq=seq, phase=phase, text=text)
        for seq, (phase, text) in enumerate(said, 1)
    ]


@given(st.lists(st.sampled_from(PHASES)), st.integers(min_value=1, max_value=3))
def test_as_much_is_passed_over_as_this_attempt_has_kept(
    phases: list[str], attempt: int
) -> None:
    lines = [(phase, "x") for phase in phases]
    before = [("clone", "x"), ("build", "x")]
    marker = [(ATTEMPT, f"attempt {attempt}")]
    log = a_log(*before, *marker, *lines) if attempt > 1 else a_log(*lines)

    kept = count_kept_lines(log, attempt=attempt)

    assert kept is not None
    assert {text: kept[text] for text in PHASES} == {
        text: phases.count(text) for text in PHASES
    }


def test_an_attempt_that_said_nothing_yet_has_to_say_that_it_begins() -> None:
    assert count_kept_lines(a_log(("clone", "x")), attempt=2) is None
    assert count_kept_lines([], attempt=2) is None
    assert count_kept_lines([], attempt=1) == {}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer …"),
        ('{"authorization": "Basic bWU6cHc="}', '{"authorization": "Basic …"}'),
        (f"token ghp_{'a' * 36} end", "token … end"),
        (f"glpat-{'x' * 20}", "…"),
        ("a bearer of news", "a bearer of news"),
    ],
)
def test_tokens_are_cut(said: str, kept: str) -> None:
    assert redact_credentials(said) == kept
