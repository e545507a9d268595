"""What an evaluation is expected to read, and what it then reads."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.adapters.git.remote import GitRemote
from service.domain.definition import ABSENT, Entry, Item
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import BlobId, CommitSha, Ref, Repository
from service.domain.source import Head, Revision, Seen
from service.ports.remote import NO_READS, ExpectedReads, Tree
from service.usecases.expected_reads import MAX_NEW, MAX_UNLIKELY, expect_reads
from service.usecases.observe import observe
from tests.support.following import Follower
from tests.support.repos import Content, Link, Repo
from tests.support.sandbox import SANDBOX

MAIN = Revision.from_text("main")
POETRY = (
    '[tool.poetry]\nname = "x"\nversion = "1"\n[tool.poetry.dependencies]\nsix = "*"\n'
)


@dataclass
class Recorder:
    """Implements the port `Remote`; notes what was expected, and what is read."""

    git: GitRemote
    expected: ExpectedReads = NO_READS
    read: set[BlobId] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        self.expected = expected
        return await self.git.head(repository, revision, expected=expected)

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        assert expected == self.expected
        async with self.git.tree(repository, commit) as tree:
            yield _RecordedTree(tree, self)


class _RecordedTree:
    """Implements the port `Tree`."""

    def __init__(self, tree: Tree, recorder: Recorder) -> None:
        self._tree = tree
        self._recorder = recorder

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        return await self._tree.entries(paths)

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        self._recorder.listed.add(path)
        return await self._tree.listing(path, limit=limit)

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        self._recorder.read.add(oid)
        return await self._tree.read(oid, limit=limit)


async def seen_in(repo: Repo) -> Seen:
    follower = Follower.of(repo, revision="main")
    await follower.look()
    assert follower.source.seen is not None
    return follower.source.seen


FILES: Mapping[str, Mapping[str, Content]] = {
    "includes": {
        "requirements.txt": "-r more/a.txt\n-c more/deep/c.txt\n",
        "more/a.txt": "six\n",
        "more/deep/c.txt": "six<2\n",
    },
    "a link": {"requirements.txt": Link("real.txt"), "real.txt": "six\n"},
    "a linked directory": {
        "requirements.txt": "-r way/a.txt\n",
        "way": Link("sub"),
        "sub/a.txt": "six\n",
    },
    "conda": {"environment.yml": "dependencies: [python=3.11]\n"},
    "an installed project": {
        "pyproject.toml": POETRY,
        "src/x/__init__.py": "",
        "src/x/deep/more.py": "",
    },
    "a start script": {"requirements.txt": "six\n", "init.d/run.sh": "true\n"},
}


@pytest.mark.parametrize("name", FILES)
async def test_after_the_first_evaluation_everything_that_is_read_was_expected(
    tmp_path: Path, name: str
) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit(FILES[name])
    known = await seen_in(repo)
    commit = repo.commit({"README.md": "touched\n"})
    recorder = Recorder(GitRemote(environment={}, allow_files=True))

    await observe(recorder, repo.repository, MAIN, "", sandbox=SANDBOX, known=known)

    async with recorder.git.tree(repo.repository, commit) as tree:
        entries = await tree.entries(recorder.expected.files)
    assert recorder.read
    assert recorder.read <= {entry.oid for entry in entries.values()}
    # What is listed below a listed directory has come with it.
    assert all(
        any(f"{path}/".startswith(f"{top}/" if top else "") for top in listings)
        for listings in [recorder.expected.listings]
        for path in recorder.listed
    )


def test_without_a_history_the_files_of_every_kind_are_expected() -> None:
    expected = expect_reads(None, "course/env")

    assert "course/env/requirements.txt" in expected.files
    assert "course/env/uv.lock" in expected.files
    assert expected.directories == ("course", "course/env")
    assert expected.listings == ()


async def test_where_no_definition_was_a_push_has_more_asked_for_than_the_head(
    tmp_path: Path,
) -> None:
    """A remote that expects no reads is only asked for the head."""
    repo = Repo(tmp_path / "repo")
    repo.commit({"README.md": "a course"})

    expected = expect_reads(await seen_in(repo), "", ("README.md",))

    assert "requirements.txt" in expected.files


async def test_a_definition_that_counts_as_a_whole_commit_is_not_expected_to_be_listed(
    tmp_path: Path,
) -> None:
    """Fetching more than a hundred with every head would cost more than it saves."""
    repo = Repo(tmp_path / "repo")
    code = {f"d{number}/x.py": "" for number in range(120)}
    repo.commit({"requirements.txt": ".\n", "setup.py": "", **code})
    known = await seen_in(repo)

    assert "." in {item.path for item in known.items}, known.items
    assert expect_reads(known, "").listings == ()


SEEN: Mapping[str, Content] = {
    "requirements.txt": "-e ./libs/one\n",
    "libs/one/pyproject.toml": '[project]\nname = "one"\nversion = "1"\n',
    "libs/one/one/__init__.py": "",
}


async def test_what_was_pushed_is_expected_before_what_was_read_last(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit(SEEN)
    pushed = ("libs/one/pyproject.toml", "libs/two/pyproject.toml", "more/r.txt")

    expected = expect_reads(await seen_in(repo), "", pushed)

    assert expected.files[:3] == pushed
    assert "requirements.txt" in expected.files[3:]
    assert "uv.lock" not in expected.files, "it was not there, and is not named"
    assert expected.directories[:4] == ("libs", "more", "libs/one", "libs/two")
    assert expected.listings[0] == "libs/two"
    assert "libs/one" in expected.listings[1:]


async def test_directories_of_code_that_a_push_changed_are_expected_first(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit({**SEEN, "libs/one/one/deep/er/x.py": "", "libs/one/data/y.bin": ""})
    pushed = ("libs/one/one/deep/er/x.py", "libs/one/data/y.bin", "docs/a.png")

    expected = expect_reads(await seen_in(repo), "", pushed)

    assert set(expected.directories[:6]) == {
        *("libs", "libs/one", "libs/one/data", "libs/one/one"),
        *("libs/one/one/deep", "libs/one/one/deep/er"),
    }
    assert "docs" not in expected.directories
    assert not {*pushed} & {*expected.files}


async def test_programs_are_expected_beside_projects_alone(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit(SEEN)
    known = await seen_in(repo)
    near = ("libs/one/helper.py", "libs/one/scripts/hook.py", "libs/two/hatch_build.py")
    far = ("libs/one/one/deep/api.py", "docs/conf.py", "tests/test_x.py")

    expected = expect_reads(known, "", ("libs/two/pyproject.toml", *near, *far))

    assert set(near) <= set(expected.files)
    assert not {*far} & {*expected.files}


def test_of_a_push_that_changes_much_a_few_files_are_expected() -> None:
    likely = tuple(f"docs/requirements{number}.txt" for number in range(100))
    unlikely = tuple(f"data/{number}.txt" for number in range(100))

    of_many = expect_reads(None, "", likely)
    of_data = expect_reads(None, "", unlikely)

    assert len({*of_many.files} & {*likely}) == MAX_NEW
    assert len({*of_data.files} & {*unlikely}) == MAX_UNLIKELY
    assert "requirements.txt" in of_many.files[MAX_NEW:]


LEVELS = "a/" * 200_000
"""As directories above a file: 40 GB of paths."""


@pytest.mark.parametrize("path", [LEVELS, "a/" * 1900, "é" * 4000])
def test_a_path_that_no_repository_has_is_not_foretold(path: str) -> None:
    items = (
        Item(path=f"{path}b", mode=ABSENT, oid=BlobId(""), role="constraint"),
        Item(path="c/d.txt", mode=ABSENT, oid=BlobId(""), role="requirements"),
    )

    seen = Seen(
        commit=CommitSha("1" * 40),
        ref=Ref("refs/heads/main"),
        fingerprint=None,
        meaning=None,
        kind=None,
        items=items,
        at=datetime(2026, 3, 1, tzinfo=UTC),
    )

    foretold = expect_reads(seen, "")

    assert foretold.directories == ("c",)


def test_what_a_storm_names_costs_little_to_look_through() -> None:
    paths = [f"course-{number}/requirements.txt" for number in range(10_000)]
    began = time.thread_time()

    expected = expect_reads(None, "", paths)

    assert time.thread_time() - began < 0.5
    assert set(paths[:MAX_NEW]) == set(expected.files) & set(paths)
