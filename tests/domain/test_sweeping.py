from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.evaluation import RefGone
from service.domain.repository import CommitSha, Ref
from service.domain.source import Head, Seen
from service.domain.sweeping import (
    Beat,
    Finding,
    Rhythm,
    Turn,
    compare,
    first_beat,
    grouped,
    next_beat,
)
from tests.support.clock import NOW
from tests.support.values import COMMIT, a_repository, a_source

MINUTE = timedelta(minutes=1)
RHYTHM = Rhythm(first=15 * MINUTE, longest=360 * MINUTE)
MAIN = Ref("refs/heads/main")
HEAD = Head(commit=COMMIT, ref=MAIN)
SEEN = Seen(commit=COMMIT, ref=MAIN, fingerprint=None, meaning=None, kind=None, at=NOW)
SOURCE = a_source(seen=SEEN, generation=3)


def a_beat(minutes: float = 15, generation: int = 3) -> Beat:
    return Beat(
        source_id=SOURCE.id,
        interval=minutes * MINUTE,
        due_at=NOW,
        generation=generation,
    )


def a_turn(**changes: object) -> Turn:
    turn = Turn(source=SOURCE, beat=a_beat(), is_unknown=False, is_asked_for=False)
    return replace(turn, **changes)  # type: ignore[arg-type]


def after(turn: Turn, finding: Finding, *, chance: float = 0) -> Beat:
    return next_beat(turn, finding, now=NOW, rhythm=RHYTHM, chance=chance)


@pytest.mark.parametrize(
    ("turn", "head", "finding"),
    [
        pytest.param(a_turn(), HEAD, Finding.QUIET, id="where it was"),
        pytest.param(
            a_turn(beat=a_beat(generation=2)), HEAD, Finding.TOLD, id="moved by a push"
        ),
        pytest.param(
            a_turn(),
            replace(HEAD, commit=CommitSha("d" * 40)),
            Finding.LOST,
            id="another commit",
        ),
        pytest.param(
            a_turn(),
            replace(HEAD, ref=Ref("refs/heads/trunk")),
            Finding.LOST,
            id="another default branch",
        ),
        pytest.param(a_turn(), RefGone(message="gone"), Finding.LOST, id="gone"),
        pytest.param(
            a_turn(source=replace(SOURCE, seen=replace(SEEN, commit=None))),
            RefGone(message="gone"),
            Finding.QUIET,
            id="still gone",
        ),
        pytest.param(
            a_turn(source=replace(SOURCE, seen=None)), HEAD, Finding.LOST, id="unseen"
        ),
        pytest.param(
            a_turn(source=replace(SOURCE, seen=replace(SEEN, rules="0"))),
            HEAD,
            Finding.LOST,
            id="seen by other rules",
        ),
        pytest.param(
            a_turn(is_unknown=True), HEAD, Finding.UNSEEN, id="could not be seen"
        ),
        pytest.param(
            a_turn(is_asked_for=True),
            replace(HEAD, commit=CommitSha("d" * 40)),
            Finding.TOLD,
            id="moved, and on the agenda",
        ),
    ],
)
def test_only_what_moved_without_a_word_is_a_lost_delivery(
    turn: Turn, head: Head | RefGone, finding: Finding
) -> None:
    assert compare(turn, head) is finding


def test_the_interval_grows_while_nothing_moves_and_no_further_than_it_may() -> None:
    turn, intervals = a_turn(), []
    for _ in range(12):
        beat = after(turn, Finding.QUIET)
        turn = replace(turn, beat=beat)
        intervals.append(beat.interval)

    assert intervals == sorted(intervals)
    assert intervals[0] > RHYTHM.first
    assert intervals[-1] == intervals[-2] == RHYTHM.longest


def test_a_lost_delivery_begins_the_interval_anew() -> None:
    turn = a_turn(beat=a_beat(300))

    assert after(turn, Finding.LOST).interval == RHYTHM.first


def test_a_delivery_that_came_leaves_the_interval_as_it_is() -> None:
    turn = a_turn(beat=a_beat(60))

    assert after(turn, Finding.TOLD).interval == 60 * MINUTE


def test_a_remote_that_is_silent_is_asked_again_soon_and_keeps_its_interval() -> None:
    beat = after(a_turn(beat=a_beat(300)), Finding.SILENT, chance=1)

    assert beat.interval == 300 * MINUTE
    assert beat.due_at <= NOW + RHYTHM.first


def test_shorter_settings_hold_for_those_who_had_longer_intervals() -> None:
    turn = a_turn(beat=a_beat(1000))

    assert after(turn, Finding.QUIET).interval == RHYTHM.longest


@pytest.mark.parametrize("finding", list(Finding))
def test_nobody_waits_longer_than_the_interval_and_turns_drift_apart(
    finding: Finding,
) -> None:
    early, late = (after(a_turn(), finding, chance=it) for it in (0, 1))

    assert NOW < early.due_at < late.due_at <= NOW + late.interval


def test_first_turns_are_spread_over_the_first_interval() -> None:
    turns = [
        first_beat(SOURCE, now=NOW, rhythm=RHYTHM, chance=it).due_at
        for it in (0, 0.5, 1)
    ]

    assert turns == [NOW, NOW + RHYTHM.first / 2, NOW + RHYTHM.first]


def test_sources_of_one_repository_are_asked_for_together_also_after_a_rename() -> None:
    old, new = a_repository(number=7), a_repository(number=7, path="other/name")
    else_ = a_repository(number=8)
    turns = [a_turn(source=replace(SOURCE, repository=it)) for it in (old, else_, new)]

    groups = grouped(turns)

    assert [len(it) for _, it in groups] == [2, 1]
