"""A replay says the same over plain git and over APIs, and agrees with the oracle."""

import random
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.adapters.git.history import open_history
from service.adapters.git.remote import GitRemote
from service.domain.evaluation.comparison import RefMissing
from service.domain.evaluation.replay import ReplayAction, ReplayedPush, Report
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.ports.remote import NO_READS, ExpectedReads, Tree
from tests.look.oracle import closure
from tests.support.made_histories import HISTORIES, commit_all
from tests.support.playing import judged, replayed
from tests.support.repos import Content, Executable, Link, Repo
from tests.support.ways import WAYS, MetByApi, MetByHttp, Way, met

PATHS = (
    "README.md",
    "notes/1.md",
    "data.csv",
    "requirements.txt",
    "a.txt",
    "sub/b.txt",
    "way",
)
LINES = ("six", "six==1.16.0", "six  # why", "-r a.txt", "-c sub/b.txt", "-r way/b.txt")


def a_history(repo: Repo, *, pushes: int, seed: int) -> list[CommitSha]:
    """Commit at random: most touch nothing that counts."""
    chance = random.Random(seed)
    made = [repo.commit({"requirements.txt": "six\n-r a.txt\n", "sub/b.txt": "six\n"})]
    for number in range(pushes):
        path = chance.choice(PATHS)
        lines = "\n".join(chance.choices(LINES, k=2)) + f"\n# {number}\n"
        content: Content = lines
        if path == "way":
            content = Link(chance.choice(("sub", "nowhere")))
        elif chance.random() < 0.1:
            content = Executable(lines) if chance.random() < 0.5 else None
        made.append(repo.commit({path: content, "README.md": f"{number}\n"}))
        if chance.random() < 0.1:
            made.append(repo.commit({path: "six\n"}, parents=[chance.choice(made)]))
    return made


PUSHES = {"git": 20, "smart": 40, "github": 50, "gitlab": 50}
"""Plain git runs a dozen processes for each."""


@pytest.mark.parametrize("way", WAYS)
async def test_no_push_of_any_history_is_missed_or_needless(
    tmp_path: Path, way: Way
) -> None:
    async with met(tmp_path, way) as repo:
        commits = a_history(repo, pushes=PUSHES[way], seed=7)

        report = await replayed(repo, commits)

        assert len(report.pushes) == len(commits) - 1
        assert (report.missed, report.needless) == (0, 0)
        assert report.count(ReplayAction.BUILT) > 3
        assert report.count(ReplayAction.REUSED, ReplayAction.SAME_MEANING) > 0
        assert report.count(ReplayAction.LEFT) > 5
        if isinstance(repo, MetByApi | MetByHttp):
            assert repo.git_instead.asked == []


async def test_what_git_says_of_a_push_is_what_the_oracle_says(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    commits = a_history(repo, pushes=20, seed=11)

    report = await replayed(repo, commits)

    known = [closure(repo, commit, "") for commit in commits]
    for before, now, push in zip(known, known[1:], report.pushes, strict=False):
        assert before is not None
        assert now is not None
        if before.pending != now.pending:
            assert push.is_changed, push
        if before.met == now.met:
            assert not push.is_changed, push


async def test_a_push_that_moves_nothing_costs_an_api_one_request(
    tmp_path: Path,
) -> None:
    async with met(tmp_path, "github") as repo:
        commits = [repo.commit({"requirements.txt": "six\n", "README.md": "0\n"})]
        commits += [repo.commit({"README.md": f"{number}\n"}) for number in range(1, 6)]

        report = await replayed(repo, commits)

        assert report.count(ReplayAction.LEFT) == 5
        assert [push.requests for push in report.pushes] == [1] * 5


@pytest.mark.parametrize(("way", "requests"), [("smart", 2), ("http", 4)])
async def test_a_push_that_moves_nothing_costs_plain_git_two_requests(
    tmp_path: Path, way: Way, requests: int
) -> None:
    """One lists the ref, the other brings directories; the command line asks more."""
    async with met(tmp_path, way) as repo:
        commits = [
            repo.commit(
                {"requirements.txt": "six\n-r a.txt\n", "a.txt": "", "README.md": "0\n"}
            )
        ]
        commits += [repo.commit({"README.md": f"{number}\n"}) for number in range(1, 6)]

        report = await replayed(repo, commits)

        assert report.count(ReplayAction.LEFT) == 5
        assert [push.requests for push in report.pushes][1:] == [requests] * 4


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize(("way", "most"), [("github", 1), ("gitlab", 1), ("smart", 3)])
async def test_what_a_push_names_comes_with_the_head(
    tmp_path: Path, name: str, way: Way, most: int
) -> None:
    """Members, includes, build scripts and their helpers, when they are first named."""
    async with met(tmp_path, way) as repo:
        report = await replayed(repo, commit_all(repo, name))

        assert (report.missed, report.needless) == (0, 0)
        assert report.changed == len(report.pushes) - 1
        assert max(push.requests for push in report.pushes) <= most
        if isinstance(repo, MetByApi | MetByHttp):
            assert repo.git_instead.asked == []


NAMED: Mapping[str, Sequence[str]] = {
    "nothing": (),
    "what is not there": ("gone/pyproject.toml", "requirements/gone.txt"),
    "what is no path": ("../x.toml", "/etc/x.txt", "a//b.txt", "bad\udcff.txt", ""),
    "other files": ("README.md", "packages/core/tests/test_core.py", "libs"),
}


@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize("way", ["github", "gitlab", "smart"])
async def test_whatever_a_push_names_the_verdicts_are_the_same(
    tmp_path: Path, way: Way, named: str
) -> None:
    async with met(tmp_path, way) as repo:
        commits = commit_all(repo, "workspace")
        told = await replayed(repo, commits)

        report = await replayed(repo, commits, named=NAMED[named])

        assert (report.missed, report.needless) == (0, 0)
        assert [push.act for push in report.pushes] == [
            push.act for push in told.pushes
        ]


def a_push(act: ReplayAction, *, is_changed: bool) -> ReplayedPush:
    return ReplayedPush(
        commit=CommitSha("c" * 40),
        act=act,
        reason="r",
        is_changed=is_changed,
        requests=2,
    )


def test_a_report_counts_what_was_missed_and_what_was_needless() -> None:
    """A confusion table that is always clean would show nothing."""
    report = Report(
        pushes=(
            a_push(ReplayAction.BUILT, is_changed=True),
            a_push(ReplayAction.REUSED, is_changed=True),
            a_push(ReplayAction.BUILT, is_changed=False),
            a_push(ReplayAction.LEFT, is_changed=True),
            a_push(ReplayAction.UNREAD, is_changed=True),
            a_push(ReplayAction.SAME_MEANING, is_changed=True),
            a_push(ReplayAction.LEFT, is_changed=False),
            a_push(ReplayAction.NO_DEFINITION, is_changed=True),
        )
    )

    assert (report.missed, report.needless, report.changed) == (2, 1, 6)
    assert report.requests_per_push(is_changed=True) == 2
    assert Report(pushes=()).requests_per_push(is_changed=False) is None
    assert report.precision == pytest.approx(2 / 3)
    assert report.recall == pytest.approx(4 / 6)
    assert (report.count(ReplayAction.BUILT), report.avoided, report.requests) == (
        2,
        6,
        16,
    )


async def test_a_remote_that_sees_nothing_move_is_found_out(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    commits = [
        repo.commit({"requirements.txt": f"six=={number}\n"}) for number in range(3)
    ]
    stuck = Repo(tmp_path / "stuck")
    stuck.commit({"requirements.txt": "six==0\n"})

    class Stuck(GitRemote):
        """Shows another repository, in which nothing moves."""

        async def heads(
            self, repository: Repository, revisions: Collection[Revision]
        ) -> Mapping[Revision, Head | RefMissing]:
            del repository
            return await super().heads(stuck.repository, revisions)

        @asynccontextmanager
        async def tree(
            self,
            repository: Repository,
            commit: CommitSha,
            *,
            expected: ExpectedReads = NO_READS,
        ) -> AsyncIterator[Tree]:
            del repository
            opened = super().tree(stuck.repository, commit, expected=expected)
            async with opened as tree:
                yield tree

    async with open_history(str(repo.path), environment={}) as history:
        report = await judged(commits, history, Stuck(environment={}, allow_files=True))

    assert report.missed == 2
    assert report.recall == 0
