"""When a head is taken for an old one."""

from itertools import permutations

import pytest

from service.domain.evaluation.replication_lag import PushClaim, is_behind
from service.domain.repository import CommitSha, Ref

MAIN = Ref("refs/heads/main")
A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
NONE = "0" * 40


def behind(
    *moves: tuple[str, str], head: str | None, known: str | None = A, ref: Ref = MAIN
) -> bool:
    return is_behind(
        [PushClaim(ref=MAIN, before=before, after=after) for before, after in moves],
        refs=[ref],
        head=CommitSha(head) if head else None,
        known=CommitSha(known) if known else None,
    )


@pytest.mark.parametrize(
    ("moves", "head", "is_old"),
    [
        pytest.param([(A, B)], A, True, id="not there yet"),
        pytest.param([(A, B)], B, False, id="there"),
        pytest.param([(A, B), (B, C)], B, True, id="half-way"),
        pytest.param([(A, B), (B, C)], C, False, id="at the end"),
        pytest.param([(A, B)], C, False, id="further than anybody told"),
        pytest.param([(B, C)], A, False, id="somewhere else"),
        pytest.param([(A, B), (C, D)], B, False, id="a lost push between"),
        pytest.param([(A, B), (C, D)], C, True, id="behind a gap"),
        pytest.param([(A, B), (B, A)], A, False, id="there and back"),
        pytest.param([(A, B), (B, A)], B, True, id="not back yet"),
        pytest.param([(A, A)], A, False, id="a push of nothing"),
        pytest.param([(A, NONE)], A, True, id="not deleted yet"),
        pytest.param([(A, NONE)], None, False, id="deleted"),
        pytest.param([(NONE, B)], None, True, id="not made yet"),
        pytest.param([(A, NONE), (NONE, B)], None, True, id="not made again yet"),
        pytest.param([(A, ""), ("", B)], A, False, id="a forge that does not say"),
    ],
)
def test_a_head_is_old_when_the_pushes_end_elsewhere(
    moves: list[tuple[str, str]], head: str | None, *, is_old: bool
) -> None:
    for order in permutations(moves):
        assert behind(*order, head=head) is is_old
        assert behind(*order, *order, head=head) is is_old, "told twice"


def test_pushes_to_other_refs_say_nothing() -> None:
    assert not behind((A, B), head=A, ref=Ref("refs/heads/other"))
    assert not behind((A, B), head=A, ref=Ref("refs/tags/main"))
