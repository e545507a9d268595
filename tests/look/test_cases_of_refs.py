"""Refs that move in other ways than forward, over real repositories.

The numbers are those of the checklist of what naive receivers get wrong.
"""

import pytest

from service.domain.evaluation.comparison import RefMissing, Verdict
from tests.support.following import Follower
from tests.support.repos import Repo


@pytest.mark.parametrize(
    ("back", "verdict"),
    [("numpy\n", Verdict.UNCHANGED), ("pandas\n", Verdict.CHANGED)],
)
async def test_case_37_a_branch_that_comes_back_is_compared_with_what_it_had(
    repo: Repo, back: str, verdict: Verdict
) -> None:
    follower = Follower.of(repo, revision="work")
    repo.commit({"requirements.txt": "numpy\n"}, branch="work")
    await follower.look()
    repo.delete("refs/heads/work")
    gone = await follower.look()
    repo.commit({"requirements.txt": back, "x": "new"}, branch="work")

    comparison = await follower.look()

    assert gone.verdict is Verdict.REF_GONE
    assert comparison.verdict is verdict


async def test_case_37_a_late_word_of_a_deletion_finds_the_branch_there(
    repo: Repo,
) -> None:
    follower = Follower.of(repo, revision="work")
    first = repo.commit({"requirements.txt": "numpy\n"}, branch="work")
    await follower.look()
    repo.delete("refs/heads/work")
    repo.point("refs/heads/work", first)

    assert (await follower.look()).reason == "same_commit"


async def test_case_37_what_is_gone_while_nothing_was_seen_is_just_gone(
    repo: Repo,
) -> None:
    follower = Follower.of(repo, revision="work")

    comparison = await follower.look()
    repo.commit({"requirements.txt": "numpy\n"}, branch="work")

    assert comparison.verdict is Verdict.REF_GONE
    assert (await follower.look()).verdict is Verdict.INITIAL


async def test_case_38_a_force_push_back_is_a_change_back(repo: Repo) -> None:
    follower = Follower.of(repo)
    older = repo.commit({"requirements.txt": "numpy\n"})
    repo.commit({"requirements.txt": "pandas\n"})
    await follower.look()
    repo.point("refs/heads/main", older)

    comparison = await follower.look()

    assert comparison.verdict is Verdict.CHANGED
    assert follower.source.seen is not None
    assert follower.source.seen.commit == older


async def test_case_39_a_force_push_sideways_needs_nothing_of_before(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    base = repo.commit({"requirements.txt": "numpy\n"})
    repo.commit({"requirements.txt": "pandas\n"})
    await follower.look()
    repo.commit({"requirements.txt": "polars\n"}, parents=[base])
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")

    comparison = await follower.look()

    assert comparison.verdict is Verdict.CHANGED


async def test_case_40_an_unrelated_history_is_compared_all_the_same(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    repo.commit({"requirements.txt": "numpy\n", "other": "x"}, parents=())
    same = await follower.look()
    repo.commit({"requirements.txt": "pandas\n"}, parents=())

    other = await follower.look()

    assert same.verdict is Verdict.UNCHANGED
    assert other.verdict is Verdict.CHANGED


async def test_case_41_the_default_branch_is_asked_for_each_time(repo: Repo) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"}, branch="main")
    await follower.look()
    repo.commit({"requirements.txt": "pandas\n"}, branch="trunk")
    repo.make_default("trunk")

    comparison = await follower.look()

    assert comparison.verdict is Verdict.CHANGED
    assert follower.source.seen is not None
    assert follower.source.seen.ref == "refs/heads/trunk"


async def test_case_41_a_renamed_default_branch_is_still_the_same(repo: Repo) -> None:
    follower = Follower.of(repo)
    commit = repo.commit({"requirements.txt": "numpy\n"}, branch="main")
    await follower.look()
    repo.point("refs/heads/trunk", commit)
    repo.make_default("trunk")
    repo.delete("refs/heads/main")

    comparison = await follower.look()

    assert comparison.reason == "same_commit"
    assert follower.source.seen is not None
    assert follower.source.seen.ref == "refs/heads/trunk"


async def test_case_41_a_branch_that_is_followed_by_name_keeps_its_name(
    repo: Repo,
) -> None:
    follower = Follower.of(repo, revision="main")
    repo.commit({"requirements.txt": "numpy\n"}, branch="main")
    await follower.look()
    repo.commit({"requirements.txt": "pandas\n"}, branch="trunk")
    repo.make_default("trunk")
    kept = await follower.look()
    repo.delete("refs/heads/main")

    gone = await follower.look()

    assert kept.verdict is Verdict.UNCHANGED
    assert gone.verdict is Verdict.REF_GONE
    assert isinstance(follower.observed, RefMissing)
