"""Reads in this process what git's own command line reads, or leaves it to that."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, note, settings, strategies as st

from service.adapters.git.remote import GitRemote
from service.domain.definition import ABSENT, DIRECTORY, GITLINK
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import ServiceError
from service.ports.remote import SweptRemote
from tests.support.githttp import Faults, git_forge
from tests.support.repos import Content, Executable, Link, Repo, Submodule
from tests.support.smart import smart_remote

NAMES = ("a", "ab", "main", "A", "-r", "ü", "sp ace", 'q"uote', "\udcff", "new\nline")
BRANCHES = ("main", "ma", "mai", "feature/x", "feature/y/z", "ünï")
TAGS = ("v1", "main", "v1-again")
ASKED = (None, *BRANCHES, *TAGS, "gone", "feature", "refs/tags/main", "refs/heads/ma")
INVALID = ("a..b", "x.lock", "with space", "main^{}", "-h", "*", "@{0}", "a//b", "é~1")

contents = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(Executable),
    st.sampled_from(("a", "../a", "nowhere", "\udcff")).map(Link),
    st.sampled_from(("1" * 40, "2" * 40)).map(Submodule),
    st.none(),
)
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)


@dataclass(frozen=True)
class Change:
    """What one push does."""

    how: str
    branch: str
    tag: str
    older: int
    files: Mapping[str, Content]


changes = st.builds(
    Change,
    how=st.sampled_from(
        ("commit", "commit", "commit", "orphan", "delete", "tag", "note", "default")
    ),
    branch=st.sampled_from(BRANCHES),
    tag=st.sampled_from(TAGS),
    older=st.integers(0, 5),
    files=st.dictionaries(paths, contents, max_size=4),
)

QUIRKS: Mapping[str, Mapping[str, str]] = {
    "as it is": {},
    "the first protocol alone": {"protocol.version": "1"},
    "no filter": {"uploadpack.allowFilter": "false"},
    "no files by their ids": {"uploadpack.allowAnySHA1InWant": "false"},
    "no unborn HEAD": {"lsrefs.unborn": "ignore"},
    "hidden refs": {"transfer.hideRefs": "refs/heads/feature"},
}
EXAMPLES = {"as it is": 20}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_every_repository_reads_as_git_reads_it(quirk: str) -> None:
    @settings(
        max_examples=EXAMPLES.get(quirk, 5),
        deadline=None,
        print_blob=True,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    @given(pushes=st.lists(changes, max_size=8))
    def holds(pushes: Sequence[Change]) -> None:
        with TemporaryDirectory(prefix="oracle-") as folder:
            repo = _made(Path(folder), pushes)
            for key, value in QUIRKS[quirk].items():
                repo.configure(key, value)
            faults = Faults(is_old="protocol.version" in QUIRKS[quirk])
            asyncio.run(_compare(repo, faults))

    holds()


def _made(folder: Path, pushes: Sequence[Change]) -> Repo:
    repo = Repo(folder / "owner" / "name.git")
    commits: list[str] = []
    for push in pushes:
        note(str(push))
        _push(repo, push, commits)
    return repo


def _push(repo: Repo, push: Change, commits: list[str]) -> None:
    older = commits[push.older % len(commits)] if commits else None
    match push.how:
        case "commit" | "orphan":
            parents: list[str] | None = [] if push.how == "orphan" else None
            files = _without_conflicts(push.files)
            commits.append(repo.commit(files, branch=push.branch, parents=parents))
        case "delete":
            repo.delete(f"refs/heads/{push.branch}")
        case "default":
            repo.make_default(push.branch)
        case "tag" if older:
            repo.tag(push.tag, older)
        case "note" if older:
            repo.tag(push.tag, repo.tip(f"refs/tags/{TAGS[0]}") or older, message="n")


def _without_conflicts(files: Mapping[str, Content]) -> Mapping[str, Content]:
    """Leave out paths below others of the same push, which cannot both be."""
    return {
        path: content
        for path, content in files.items()
        if not any(path.startswith(f"{other}/") for other in files)
    }


async def _compare(repo: Repo, faults: Faults) -> None:
    async with AsyncExitStack() as stack:
        forge = await stack.enter_async_context(git_forge(repo.path.parents[1]))
        forge.faults = faults
        smart = await stack.enter_async_context(smart_remote())
        repository = Repository.from_url(f"{forge.url}/owner/name.git")
        oracle = GitRemote(environment={}, allow_files=True)
        revisions = [Revision.from_text(name) for name in (*ASKED, *INVALID)]
        expected = await oracle.heads(repository, revisions)
        assert await smart.heads(repository, revisions) == expected
        heads = {head.commit for head in expected.values() if isinstance(head, Head)}
        for commit in sorted(heads):
            paths = _every_path(repo, commit)
            # The oracle over the file system, which takes a tenth of the time.
            by_git = await _contents(oracle, repo.repository, commit, paths)
            assert await _contents(smart, repository, commit, paths) == by_git


def _every_path(repo: Repo, commit: str) -> Sequence[str]:
    listed = repo.git("ls-tree", "-rtz", "--name-only", commit).split(b"\0")
    known = [raw.decode("utf-8", "surrogateescape") for raw in listed if raw]
    return ["", *known, "gone", *(f"{path}/below" for path in known)]


async def _contents(
    remote: SweptRemote, repository: Repository, commit: str, paths: Sequence[str]
) -> object:
    """Return everything that a tree says."""
    async with remote.tree(repository, CommitSha(commit)) as tree:
        entries = await tree.entries(paths)
        unread = {DIRECTORY, GITLINK, ABSENT}
        return (
            entries,
            {
                path: (
                    await tree.read(entry.oid, limit=30),
                    await tree.read(entry.oid, limit=1000),
                )
                for path, entry in entries.items()
                if entry.mode not in unread
            },
            {
                (path, limit): await tree.listing(path, limit=limit)
                for path in paths
                for limit in (1, 2, 100)
            },
        )


@pytest.mark.parametrize("kind", ["tree", "blob", "tag"])
async def test_what_is_no_commit_is_read_as_git_reads_it(
    tmp_path: Path, kind: str
) -> None:
    repo = Repo(tmp_path / "owner" / "name.git")
    commit = repo.commit({"a": "1", "d/b": "2"})
    ids = {
        "tree": repo.git("rev-parse", f"{commit}^{{tree}}").decode().strip(),
        "blob": repo.git("rev-parse", f"{commit}:a").decode().strip(),
        "tag": repo.tag("v1", commit, message="one"),
    }
    async with git_forge(tmp_path) as forge, smart_remote() as smart:
        repository = Repository.from_url(f"{forge.url}/owner/name.git")

        answers = [
            await _outcome(remote, repository, ids[kind])
            for remote in (GitRemote(environment={}), smart)
        ]

    assert answers[0] == answers[1]


async def _outcome(remote: SweptRemote, repository: Repository, oid: str) -> object:
    try:
        return await _contents(remote, repository, oid, ["", "a", "d", "d/b"])
    except ServiceError as exc:
        return type(exc), str(exc)


async def test_a_repository_of_longer_ids_is_left_to_git(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "owner" / "name.git", hashing="sha256")
    commit = repo.commit({"a": "1", "d/b": "2"})
    async with git_forge(tmp_path) as forge, smart_remote() as smart:
        repository = Repository.from_url(f"{forge.url}/owner/name.git")

        head = await smart.head(repository, Revision.from_text("main"))
        read = await _contents(smart, repository, commit, ["", "a", "d/b", "no"])
        expected = await _contents(
            GitRemote(environment={}, allow_files=True),
            repo.repository,
            commit,
            ["", "a", "d/b", "no"],
        )

    assert isinstance(head, Head)
    assert (head.commit, read) == (commit, expected)
