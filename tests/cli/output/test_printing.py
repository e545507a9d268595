from datetime import UTC, datetime, timedelta

import pytest

from service.cli.output.printing import length, moment, plain, reference, took


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07", "]0;title"),
        ("over\rwritten", "overwritten"),
        ("\x9b31mred", "31mred"),
        ("abc\u202ecba", "abccba"),
        ("Ünïcödé ✓", "Ünïcödé ✓"),
    ],
)
def test_nothing_steers_the_terminal(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (59.9, "59.9 s"), (61, "1 min 1 s")]
)
def test_a_duration_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert length(timedelta(seconds=seconds)) == said


def test_a_span_needs_both_ends() -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)

    assert took(start, start + timedelta(seconds=2.5)) == "2.5 s"
    assert took(start, None) == ""


def test_an_instant_is_shown_in_local_time() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)

    assert moment(noon) == noon.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert moment(None) == ""


@pytest.mark.parametrize(
    ("image", "short"),
    [
        ("local/env@sha256:" + "ab" * 32, "env@abababababab"),
        ("registry.org/a/b@sha256:" + "cd" * 32, "b@cdcdcdcdcdcd"),
        ("image:tag", "image:tag"),
    ],
)
def test_a_reference_is_cut_to_what_tells_it_apart(image: str, short: str) -> None:
    assert reference(image) == short
