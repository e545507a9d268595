"""Names of refs: git itself decides which are valid."""

import os
import subprocess

import pytest
from hypothesis import assume, example, given, settings, strategies as st

from service.domain.repository import is_ref
from service.forges.refs import is_full_ref

_WORDS = "refs heads main a A-_ HEAD .lock lock .lock/".split()  # noqa: SIM905
_MARKS = ". .. / // @ @{ { ~ ^ : ? * [ ] \\ -".split()  # noqa: SIM905
_ODD = (" ", "\t", "\n", "\x7f", "\u00e4", "\udcff")
NAMES = st.lists(
    st.sampled_from([*_WORDS, *_MARKS, *_ODD])
    | st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    max_size=8,
).map("".join)


def git_takes(name: str) -> bool:
    done = subprocess.run(
        ["git", "check-ref-format", os.fsencode(name)], check=False, timeout=20
    )
    return done.returncode == 0


@settings(max_examples=120, deadline=None)
@given(name=st.one_of(NAMES, NAMES.map("refs/heads/".__add__)))
@example(name="refs/heads/feature/x")
@example(name="refs/heads/@")
@example(name="refs/heads/a.lock")
@example(name="refs/heads/a.lockx")
@example(name="refs/heads/.a")
@example(name=".refs/heads")
@example(name="/refs/heads")
@example(name="HEAD")
@example(name="refs/heads/a\n")
def test_a_name_is_valid_exactly_if_git_says_so(name: str) -> None:
    # Git takes such a text for an option of the command.
    assume(not name.startswith("-"))
    takes = git_takes(name)

    assert is_ref(name) == takes
    is_ours = name.startswith("refs/") and name.count("/") > 1 and "\udcff" not in name
    assert is_full_ref(name) == (takes and is_ours)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("refs/heads/\0", id="a zero byte, which no command line can hold"),
        pytest.param("refs/heads/\ud800", id="half a character that is no byte"),
        pytest.param("refs/heads/" + "a" * 1014, id="longer than files can be named"),
    ],
)
def test_what_git_cannot_be_asked_about_is_refused(name: str) -> None:
    assert not is_ref(name)
    assert not is_full_ref(name)
