"""How an observation is compared with what was last seen, and what is kept of it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.domain.definition import Kind, NoDefinition
from service.domain.evaluation.comparison import (
    HeadUnchanged,
    Observed,
    RefMissing,
    Verdict,
    compare,
    update_seen,
)
from service.domain.repository import CommitSha
from service.domain.source import Head
from tests.definitions.tree import Commit, Files, read
from tests.support.following import AT, Follower
from tests.support.repos import Repo
from tests.support.values import a_source

LATER = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


# what is remembered


def _looked(commit: str, *, found: NoDefinition) -> Observed:
    return Observed(head=Head(commit=CommitSha(commit), ref=None), found=found)


async def test_a_ref_that_is_gone_leaves_the_last_definition_known(repo: Repo) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    before = follower.source.seen
    assert before is not None

    after = update_seen(follower.source, RefMissing(message="gone"), LATER)

    assert after == replace(before, commit=None, ref=None, at=LATER)
    assert after.kind is Kind.PIP


async def test_a_definition_that_is_gone_is_not_compared_with_any_more(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    found = NoDefinition(items=(), message="nothing")

    after = update_seen(follower.source, _looked("b" * 40, found=found), LATER)

    assert after.commit == "b" * 40
    assert (after.fingerprint, after.meaning, after.kind) == (None, None, None)


async def test_the_same_head_under_a_new_name_is_remembered_by_that_name(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    before = follower.source.seen
    assert before is not None
    assert before.commit is not None
    moved = HeadUnchanged(head=Head(commit=before.commit, ref=None))

    assert update_seen(follower.source, moved, LATER) == replace(
        before, ref=None, at=LATER
    )
    assert compare(follower.source, moved).reason == "same_commit"


async def test_nothing_at_all_is_remembered_of_what_was_never_there(repo: Repo) -> None:
    follower = Follower.of(repo)

    after = update_seen(follower.source, RefMissing(message="empty"), AT)

    assert (after.commit, after.meaning, after.items) == (None, None, ())


PIP: Files = {"requirements.txt": "-r more.txt\nnumpy\n", "more.txt": "six\n"}
AFTERWARDS: dict[str, tuple[Files, Verdict]] = {
    "same_fingerprint": ({**PIP, "README.md": "hello"}, Verdict.UNCHANGED),
    "same_meaning": ({**PIP, "more.txt": "six  # why\n"}, Verdict.COSMETIC),
    "include_changed": ({**PIP, "more.txt": "six==1.17.0\n"}, Verdict.CHANGED),
    "definition_changed": ({**PIP, "requirements.txt": "numpy\n"}, Verdict.CHANGED),
    "other_definition": (
        {"environment.yml": "dependencies: [numpy]\n"},
        Verdict.CHANGED,
    ),
    "definition_removed": ({"README.md": "hello"}, Verdict.NO_DEFINITION),
}


@pytest.mark.parametrize("reason", AFTERWARDS)
def test_every_verdict_has_its_reason(reason: str) -> None:
    files, verdict = AFTERWARDS[reason]
    source = a_source()
    first = Observed(head=Head(commit=CommitSha("a" * 40), ref=None), found=read(PIP))
    source = replace(source, seen=update_seen(source, first, LATER))
    head = Head(commit=CommitSha("b" * 40), ref=None)

    compared = compare(source, Observed(head=head, found=Commit(files).read()))

    assert (compared.verdict, compared.reason) == (verdict, reason)


def test_what_was_seen_first_is_initial() -> None:
    head = Head(commit=CommitSha("a" * 40), ref=None)

    compared = compare(a_source(), Observed(head=head, found=read(PIP)))

    assert (compared.verdict, compared.reason) == (Verdict.INITIAL, "first_definition")
