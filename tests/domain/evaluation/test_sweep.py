from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.evaluation.comparison import RefMissing
from service.domain.evaluation.sweep import (
    PollItem,
    PollPolicy,
    PollResult,
    PollState,
    compare_heads,
    first_poll,
    group_by_repository,
    next_poll,
)
from service.domain.repository import CommitSha, Ref
from service.domain.source import Head, Seen
from tests.support.clock import NOW
from tests.support.values import COMMIT, a_repository, a_source

MINUTE = timedelta(minutes=1)
RHYTHM = PollPolicy(first=15 * MINUTE, longest=360 * MINUTE)
MAIN = Ref("refs/heads/main")
HEAD = Head(commit=COMMIT, ref=MAIN)
SEEN = Seen(commit=COMMIT, ref=MAIN, fingerprint=None, meaning=None, kind=None, at=NOW)
SOURCE = a_source(seen=SEEN, generation=3)


def a_beat(minutes: float = 15, generation: int = 3) -> PollState:
    return PollState(
        source_id=SOURCE.id,
        interval=minutes * MINUTE,
        due_at=NOW,
        generation=generation,
    )


def a_turn(**changes: object) -> PollItem:
    turn = PollItem(source=SOURCE, state=a_beat(), is_unknown=False, is_asked_for=False)
    return replace(turn, **changes)  # type: ignore[arg-type]


def after(turn: PollItem, finding: PollResult, *, chance: float = 0) -> PollState:
    return next_poll(turn, finding, now=NOW, poll_policy=RHYTHM, chance=chance)


@pytest.mark.parametrize(
    ("turn", "head", "finding"),
    [
        pytest.param(a_turn(), HEAD, PollResult.QUIET, id="where it was"),
        pytest.param(
            a_turn(state=a_beat(generation=2)),
            HEAD,
            PollResult.ANNOUNCED,
            id="moved by a push",
        ),
        pytest.param(
            a_turn(), replace(HEAD, is_private=False), PollResult.QUIET, id="still open"
        ),
        pytest.param(
            a_turn(), replace(HEAD, is_private=True), PollResult.LOST, id="private now"
        ),
        pytest.param(
            a_turn(),
            replace(HEAD, commit=CommitSha("d" * 40)),
            PollResult.LOST,
            id="another commit",
        ),
        pytest.param(
            a_turn(),
            replace(HEAD, ref=Ref("refs/heads/trunk")),
            PollResult.LOST,
            id="another default branch",
        ),
        pytest.param(a_turn(), RefMissing(message="gone"), PollResult.LOST, id="gone"),
        pytest.param(
            a_turn(source=replace(SOURCE, seen=replace(SEEN, commit=None))),
            RefMissing(message="gone"),
            PollResult.QUIET,
            id="still gone",
        ),
        pytest.param(
            a_turn(source=replace(SOURCE, seen=None)),
            HEAD,
            PollResult.LOST,
            id="unseen",
        ),
        pytest.param(
            a_turn(source=replace(SOURCE, seen=replace(SEEN, rules="0"))),
            HEAD,
            PollResult.LOST,
            id="seen by other rules",
        ),
        pytest.param(
            a_turn(is_unknown=True), HEAD, PollResult.UNSEEN, id="could not be seen"
        ),
        pytest.param(
            a_turn(is_asked_for=True),
            replace(HEAD, commit=CommitSha("d" * 40)),
            PollResult.ANNOUNCED,
            id="moved, and on the agenda",
        ),
    ],
)
def test_only_what_moved_without_a_word_is_a_lost_delivery(
    turn: PollItem, head: Head | RefMissing, finding: PollResult
) -> None:
    assert compare_heads(turn, head) is finding


def test_the_interval_grows_while_nothing_moves_and_no_further_than_it_may() -> None:
    turn, intervals = a_turn(), []
    for _ in range(12):
        state = after(turn, PollResult.QUIET)
        turn = replace(turn, state=state)
        intervals.append(state.interval)

    assert intervals == sorted(intervals)
    assert intervals[0] > RHYTHM.first
    assert intervals[-1] == intervals[-2] == RHYTHM.longest


def test_a_lost_delivery_begins_the_interval_anew() -> None:
    turn = a_turn(state=a_beat(300))

    assert after(turn, PollResult.LOST).interval == RHYTHM.first


def test_a_delivery_that_came_leaves_the_interval_as_it_is() -> None:
    turn = a_turn(state=a_beat(60))

    assert after(turn, PollResult.ANNOUNCED).interval == 60 * MINUTE


def test_a_remote_that_is_silent_is_asked_again_soon_and_keeps_its_interval() -> None:
    state = after(a_turn(state=a_beat(300)), PollResult.SILENT, chance=1)

    assert state.interval == 300 * MINUTE
    assert state.due_at <= NOW + RHYTHM.first


def test_shorter_settings_hold_for_those_who_had_longer_intervals() -> None:
    turn = a_turn(state=a_beat(1000))

    assert after(turn, PollResult.QUIET).interval == RHYTHM.longest


@pytest.mark.parametrize("finding", list(PollResult))
def test_nobody_waits_longer_than_the_interval_and_turns_drift_apart(
    finding: PollResult,
) -> None:
    early, late = (after(a_turn(), finding, chance=value) for value in (0, 1))

    assert NOW < early.due_at < late.due_at <= NOW + late.interval


def test_first_turns_are_spread_over_the_first_interval() -> None:
    turns = [
        first_poll(SOURCE, now=NOW, poll_policy=RHYTHM, chance=value).due_at
        for value in (0, 0.5, 1)
    ]

    assert turns == [NOW, NOW + RHYTHM.first / 2, NOW + RHYTHM.first]


def test_sources_of_one_repository_are_asked_for_together_also_after_a_rename() -> None:
    old, new = a_repository(number=7), a_repository(number=7, path="other/name")
    else_ = a_repository(number=8)
    turns = [
        a_turn(source=replace(SOURCE, repository=repository))
        for repository in (old, else_, new)
    ]

    groups = group_by_repository(turns)

    assert [len(group) for _, group in groups] == [2, 1]
