"""Any history of pushes gets the verdict that git itself would give it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, note, settings, strategies as st

from service.domain.evaluation.comparison import Verdict
from tests.look.oracle import Closure, closure
from tests.support.following import Follower
from tests.support.repos import Content, Link, MovedFrom, Repo
from tests.support.ways import WAYS, MetByApi, Way, met

PATHS = (
    "requirements.txt",
    "a.txt",
    "sub/b.txt",
    "sub/c.txt",
    "app/requirements.txt",
    "app/a.txt",
    "other/b.txt",
    "README.md",
)
LINES = (
    "numpy",
    "numpy  # fast",
    "pandas==2",
    "# a note",
    "",
    "-r a.txt",
    "-c a.txt",
    "-r sub/b.txt",
    "-r c.txt",
    "-c ../a.txt",
    "-r ../sub/b.txt",
    "-r way/b.txt",
    "-r missing.txt",
)
TARGETS = ("a.txt", "sub/b.txt", "../a.txt", "c.txt", "requirements.txt", "nowhere")
LINKED = ("sub", "other", "app", "nowhere")


@dataclass(frozen=True)
class Push:
    """What one push does."""

    how: str
    files: dict[str, Content]
    older: int
    """Which earlier commit it has to do with."""
    rename: tuple[str, str]


files = st.lists(st.sampled_from(LINES), max_size=4).map("\n".join)
contents = st.one_of(files, files, files, st.sampled_from(TARGETS).map(Link), st.none())
pushes = st.builds(
    Push,
    how=st.sampled_from(
        ("commit", "commit", "commit", "rename", "revert", "merge", "force", "orphan")
    ),
    files=st.dictionaries(st.sampled_from(PATHS), contents, max_size=3).flatmap(
        lambda chosen: st.one_of(
            st.just(chosen),
            st.sampled_from(LINKED).map(lambda text: {**chosen, "way": Link(text)}),
        )
    ),
    older=st.integers(0, 5),
    rename=st.tuples(st.sampled_from(PATHS), st.sampled_from(PATHS)),
)
STARTS = st.dictionaries(st.sampled_from(PATHS), files, min_size=2)


EXAMPLES = {"git": 10, "smart": 8, "github": 8, "gitlab": 8}
CAP = 5
"""Entries of a listing that the forge gives; some histories have more."""


@pytest.mark.parametrize("way", WAYS)
def test_every_push_gets_the_verdict_that_git_says(way: Way) -> None:
    # Examples are small as they come; to shrink them takes longer than a test may.
    @settings(
        max_examples=EXAMPLES[way],
        deadline=None,
        print_blob=True,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    @given(
        start=STARTS,
        history=st.lists(pushes, min_size=2, max_size=5),
        context_dir=st.sampled_from(("", "", "app")),
    )
    def holds(start: dict[str, str], history: Sequence[Push], context_dir: str) -> None:
        with TemporaryDirectory(prefix="history-") as folder:
            asyncio.run(_follow(way, Path(folder), start, history, context_dir))

    holds()


async def _follow(
    way: Way,
    folder: Path,
    start: dict[str, str],
    history: Sequence[Push],
    context_dir: str,
) -> None:
    async with met(folder, way) as repo:
        if isinstance(repo, MetByApi):
            repo.forge.tree_cap = CAP
        follower = Follower.of(repo, context_dir=context_dir)
        commits: list[str] = [repo.commit({"requirements.txt": "numpy\n", **start})]
        known: Closure | None = None
        for push in (None, *history):
            if push is not None:
                _push(repo, push, commits)
                commits.append(repo.tip())
            expected = closure(repo, commits[-1], context_dir)
            comparison = await follower.look()
            note(f"{push} → {comparison}")
            _compare(comparison.verdict, known, expected)
            if len(commits) > 1 and known is not None:
                _compare_trees(repo, commits[-2:], comparison.verdict)
            known = expected


def _push(repo: Repo, push: Push, commits: Sequence[str]) -> None:
    older, tip = commits[push.older % len(commits)], commits[-1]
    match push.how:
        case "commit":
            repo.commit(push.files)
        case "rename":
            _rename(repo, *push.rename)
        case "revert":
            _commit_tree(repo, older, parents=[tip])
        case "merge":
            repo.commit(push.files, parents=[tip, older] if older != tip else [tip])
        case "force":
            repo.commit(push.files, parents=[older])
        case _:
            repo.commit({"requirements.txt": "numpy\n", **push.files}, parents=())


def _rename(repo: Repo, old: str, new: str) -> None:
    if old != new and repo.git("ls-tree", "main", old):
        repo.commit({new: MovedFrom(old)})


def _commit_tree(repo: Repo, like: str, *, parents: Sequence[str]) -> None:
    person = ["-c", "user.name=A Person", "-c", "user.email=p@example.org"]
    parent = [word for text in parents for word in ("-p", text)]
    said = repo.git(*person, "commit-tree", f"{like}^{{tree}}", *parent, "-m", "back")
    repo.point("refs/heads/main", said.decode().strip())


def _compare(verdict: Verdict, known: Closure | None, now: Closure | None) -> None:
    if now is None:
        assert verdict is Verdict.NO_DEFINITION
    elif known is None:
        assert verdict is Verdict.INITIAL
    elif now.met == known.met:
        assert verdict is Verdict.UNCHANGED
    elif now.pending != known.pending:
        assert verdict is Verdict.CHANGED
    else:
        assert verdict in {Verdict.UNCHANGED, Verdict.COSMETIC, Verdict.CHANGED}


def _compare_trees(repo: Repo, commits: Sequence[str], verdict: Verdict) -> None:
    """A push that touches no file at all cannot change anything."""
    if not repo.git("diff-tree", "-r", *commits):
        assert verdict in {Verdict.UNCHANGED, Verdict.NO_DEFINITION}
