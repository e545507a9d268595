"""What every `Remote` and `Tree` promises, over every way that a remote can be met."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.git.remote import GitRemote
from service.adapters.git.worktree import Folder
from service.definitions.queries import MAX_LOCK
from service.domain.definition import (
    ABSENT,
    DIRECTORY,
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    Entry,
)
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import BlobId, CommitSha, Ref, Repository
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError, TransientError
from service.ports.remote import Remote, Tree
from tests.support.apis import an_api
from tests.support.forge import Vendor, a_forge
from tests.support.githttp import Faults, git_forge
from tests.support.repos import Content, Executable, Link, Repo, Submodule, git
from tests.support.smart import smart_remote

ELSEWHERE = "5" * 40
ODD = 'we\nird "näme" \udcff'

GIT = ["file", "sha256", "http", "http-first-protocol", "http-unfiltered"]
IN_PROCESS = ["smart", "smart-first-protocol", "smart-unfiltered", "smart-sha256"]
"""The latter three are left to git's command line, wholly or in part."""
APIS: list[Vendor] = ["github", "gitlab", "gitea"]


@dataclass
class Place:
    """A repository, and how the remote under test reaches it."""

    repo: Repo
    remote: Remote
    repository: Repository
    faults: Faults = field(default_factory=Faults)
    speaks_bytes: bool = True
    """Whether it can name what is no UTF-8; what comes as JSON cannot."""

    async def head(self, revision: str | None = None) -> Head | RefMissing:
        return await self.remote.head(self.repository, Revision.from_text(revision))


@pytest.fixture(params=[*GIT, *IN_PROCESS, *APIS])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    opened = _by_api if request.param in APIS else _by_git
    async with opened(request.param, tmp_path) as here:
        yield here


@asynccontextmanager
async def _by_api(vendor: Vendor, folder: Path) -> AsyncIterator[Place]:
    async with a_forge(folder, vendor=vendor) as forge, an_api(forge) as remote:
        hosted = forge.create("owner/name")
        yield Place(
            repo=hosted.bare,
            remote=remote,
            repository=Repository.from_url(hosted.url),
            speaks_bytes=False,
        )


@asynccontextmanager
async def _by_git(way: str, folder: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        hashing = "sha256" if way.endswith("sha256") else "sha1"
        repo = Repo(folder / "owner" / "name.git", hashing=hashing)
        remote: Remote = GitRemote(
            environment={}, allow_files=True, deadline=timedelta(seconds=20)
        )
        if way in IN_PROCESS:
            remote = await stack.enter_async_context(smart_remote())
        here = Place(repo=repo, remote=remote, repository=repo.repository)
        if way.startswith(("http", "smart")):
            forge = await stack.enter_async_context(git_forge(folder))
            here.repository = Repository.from_url(f"{forge.url}/owner/name.git")
            forge.faults.is_old = way.endswith("first-protocol")
            here.faults = forge.faults
        if way.endswith("unfiltered"):
            repo.configure("uploadpack.allowFilter", "false")
        yield here


# heads


async def test_the_default_branch_is_whatever_the_remote_calls_so(place: Place) -> None:
    place.repo.commit({"a": "1"}, branch="main")
    other = place.repo.commit({"a": "2"}, branch="trunk")
    place.repo.make_default("trunk")

    assert await place.head() == Head(commit=other, ref=Ref("refs/heads/trunk"))


async def test_a_branch_with_a_slash_is_not_the_branch_after_the_slash(
    place: Place,
) -> None:
    main = place.repo.commit({"a": "1"}, branch="main")
    feature = place.repo.commit({"a": "2"}, branch="feature/main")

    assert await place.head("main") == Head(commit=main, ref=Ref("refs/heads/main"))
    assert await place.head("feature/main") == Head(
        commit=feature, ref=Ref("refs/heads/feature/main")
    )


async def test_a_name_is_a_branch_before_it_is_a_tag(place: Place) -> None:
    first = place.repo.commit({"a": "1"})
    second = place.repo.commit({"a": "2"})
    place.repo.tag("main", first)
    place.repo.tag("v1", first)

    assert await place.head("main") == Head(commit=second, ref=Ref("refs/heads/main"))
    assert await place.head("refs/tags/main") == Head(
        commit=first, ref=Ref("refs/tags/main")
    )
    assert await place.head("v1") == Head(commit=first, ref=Ref("refs/tags/v1"))


async def test_an_annotated_tag_is_peeled_even_when_it_tags_a_tag(place: Place) -> None:
    commit = place.repo.commit({"a": "1"})
    tag = place.repo.tag("v1", commit, message="one")
    place.repo.tag("v1-again", tag, message="the same")

    assert await place.head("v1") == Head(commit=commit, ref=Ref("refs/tags/v1"))
    assert await place.head("v1-again") == Head(
        commit=commit, ref=Ref("refs/tags/v1-again")
    )


async def test_a_moved_tag_is_seen_where_it_is_now(place: Place) -> None:
    place.repo.tag("v1", place.repo.commit({"a": "1"}), message="one")
    second = place.repo.commit({"a": "2"})
    place.repo.tag("v1", second, message="two")

    assert await place.head("v1") == Head(commit=second, ref=Ref("refs/tags/v1"))


async def test_a_pinned_commit_is_answered_without_asking_git(place: Place) -> None:
    place.faults.status = 500
    pinned = CommitSha("a" * 40)

    assert await place.head(pinned) == Head(commit=pinned, ref=None)


@pytest.mark.parametrize(
    "name",
    [
        "gone",
        "mai",
        "heads/main",
        "*",
        "mai?",
        "a..b",
        "x.lock",
        "main^{}",
        "--upload-pack=touch /tmp/owned",
        "-h",
        "with space",
        "nul\0",
        "\ud800",
        "x" * 10_000,
    ],
)
async def test_a_name_that_no_ref_has_is_gone(tmp_path: Path, name: str) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1"})
    remote = GitRemote(environment={}, allow_files=True)

    answer = await remote.head(repo.repository, Revision.from_text(name))

    assert isinstance(answer, RefMissing)


async def test_a_deleted_branch_is_gone(place: Place) -> None:
    place.repo.commit({"a": "1"}, branch="feature")
    place.repo.commit({"a": "1"})
    place.repo.delete("refs/heads/feature")

    assert isinstance(await place.head("feature"), RefMissing)


async def test_an_empty_repository_has_no_head_of_any_kind(place: Place) -> None:
    assert isinstance(await place.head(), RefMissing)
    assert isinstance(await place.head("main"), RefMissing)
    assert isinstance(await place.head("refs/tags/v1"), RefMissing)


async def test_a_default_branch_without_commits_is_gone(place: Place) -> None:
    place.repo.commit({"a": "1"}, branch="other")

    assert isinstance(await place.head(), RefMissing)


async def test_a_repository_that_is_not_there_refuses(place: Place) -> None:
    nowhere = Repository.from_url(place.repository.url.replace("name.git", "no.git"))

    with pytest.raises(RemoteRefusedError):
        await place.remote.head(nowhere, Revision.from_text("main"))
    with pytest.raises(RemoteRefusedError):
        async with place.remote.tree(nowhere, CommitSha(ELSEWHERE)):
            pytest.fail("there is no such tree")


async def test_revisions_that_are_asked_together_are_answered_as_each_alone(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path)
    first = repo.commit({"a": "1"})
    repo.commit({"a": "2"}, branch="feature/x")
    repo.tag("v1", first, message="one")
    remote = GitRemote(environment={}, allow_files=True)
    names = [None, "main", "feature/x", "v1", "gone", "a..b", first]
    revisions = [Revision.from_text(name) for name in names]

    together = await remote.heads(repo.repository, revisions)

    alone = {
        revision: await remote.head(repo.repository, revision) for revision in revisions
    }
    assert together == alone
    assert isinstance(together[revisions[0]], Head)


# trees


@asynccontextmanager
async def _tree(place: Place, commit: CommitSha) -> AsyncIterator[Tree]:
    async with place.remote.tree(place.repository, commit) as tree:
        yield tree


async def _text(tree: Tree, path: str, *, limit: int = 1000) -> bytes | None:
    return await tree.read((await tree.entries([path]))[path].oid, limit=limit)


async def test_every_kind_of_entry_has_its_mode(place: Place) -> None:
    width = 64 if "sha256" in place.repo.git("config", "--list").decode() else 40
    link = Submodule("5" * width)
    commit = place.repo.commit(
        {
            "file": "text",
            "run.sh": Executable("#!"),
            "link": Link("file"),
            "dir/inner/deep": "x",
            "module": link,
        }
    )
    paths = ["file", "run.sh", "link", "dir", "dir/inner/deep", "module", "no", ""]

    async with _tree(place, commit) as tree:
        found = await tree.entries(paths)

    assert {path: entry.mode for path, entry in found.items()} == {
        "file": FILE,
        "run.sh": EXECUTABLE,
        "link": SYMLINK,
        "dir": DIRECTORY,
        "dir/inner/deep": FILE,
        "module": GITLINK,
        "no": ABSENT,
        "": DIRECTORY,
    }
    assert found["module"].oid == link.commit
    assert found["no"] == Entry(mode=ABSENT, oid=BlobId(""))
    assert found[""].oid == place.repo.git("rev-parse", "main^{tree}").decode().strip()


async def test_ids_are_those_of_git(place: Place) -> None:
    commit = place.repo.commit({"file": "text", "dir/x": "y"})

    async with _tree(place, commit) as tree:
        found = await tree.entries(["file", "dir"])

    for path in ("file", "dir"):
        assert found[path].oid == (
            place.repo.git("rev-parse", f"{commit}:{path}").decode().strip()
        )


async def test_nothing_is_below_a_symlink_a_file_or_a_submodule(place: Place) -> None:
    width = len(place.repo.commit({"dir/x": "y"}))
    commit = place.repo.commit(
        {"link": Link("dir"), "file": "x", "module": Submodule("5" * width)}
    )
    paths = ["link/x", "file/x", "module/x"]

    async with _tree(place, commit) as tree:
        found = await tree.entries(paths)

    assert {found[path].mode for path in paths} == {ABSENT}


@pytest.mark.parametrize(
    "path",
    [
        "../file",
        "dir/../file",
        "./file",
        "/file",
        "file/",
        "dir//x",
        ".",
        "..",
        ".git/config",
        ":(glob)*",
        ":/file",
        "fil*",
        "File",
        "-r",
        "--",
        "nul\0",
        "\ud800",
        "x" * 5000,
        "/".join(["dir"] * 3000),
    ],
)
async def test_a_path_is_looked_up_as_it_is_or_not_at_all(
    tmp_path: Path, path: str
) -> None:
    repo = Repo(tmp_path)
    commit = repo.commit({"file": "text", "dir/x": "y"})
    remote = GitRemote(environment={}, allow_files=True)

    async with remote.tree(repo.repository, commit) as tree:
        found = await tree.entries([path, "file"])

    assert found[path] == Entry(mode=ABSENT, oid=BlobId(""))
    assert found["file"].mode == FILE


async def test_paths_are_opaque_bytes(place: Place) -> None:
    names = ["-r", "--", ":(glob)*", "a*b", "Z\u0065\u0301", "Z\u00e9", "tab\tx"]
    names += [ODD] if place.speaks_bytes else ["100%", "a?b#c", "a+b", "%2F", "back\\"]
    commit = place.repo.commit({name: f"at {name!a}" for name in names})

    async with _tree(place, commit) as tree:
        found = await tree.entries(names)
        texts = [await tree.read(found[name].oid, limit=100) for name in names]

    assert texts == [f"at {name!a}".encode() for name in names]


@pytest.mark.parametrize("path", [ODD, f"dir/{ODD}"])
async def test_what_cannot_be_named_exactly_is_not_taken_for_absent(
    place: Place, path: str
) -> None:
    commit = place.repo.commit({path: "odd"})

    async with AsyncExitStack() as stack:
        if not place.speaks_bytes:
            stack.enter_context(pytest.raises(TransientError, match=r"listing|UTF-8"))
        tree = await stack.enter_async_context(_tree(place, commit))
        assert (await tree.entries([path]))[path].mode == FILE


async def test_only_what_was_asked_is_answered(place: Place) -> None:
    commit = place.repo.commit({"d/a": "1", "d/b": "2", "d/e/c": "3"})

    async with _tree(place, commit) as tree:
        assert set(await tree.entries(["d", "d/a", "d/e/c"])) == {"d", "d/a", "d/e/c"}
        assert await tree.entries([]) == {}


async def test_content_is_given_up_to_the_limit(place: Place) -> None:
    commit = place.repo.commit({"ten": "0123456789", "empty": "", "link": Link("ten")})

    async with _tree(place, commit) as tree:
        assert await _text(tree, "ten", limit=10) == b"0123456789"
        assert await _text(tree, "ten", limit=9) is None
        assert await _text(tree, "empty", limit=0) == b""
        assert await _text(tree, "link") == b"ten"


async def test_content_is_bytes_as_they_are(place: Place) -> None:
    content = bytes(range(256)) * 40 + b"\r\n\n\0"
    commit = place.repo.commit({"raw": content, ".gitattributes": "* text eol=crlf"})

    async with _tree(place, commit) as tree:
        assert await _text(tree, "raw", limit=len(content)) == content


async def test_a_file_that_is_far_too_large_is_not_given(place: Place) -> None:
    noise = place.repo.git("rev-parse", "--git-dir") + bytes(range(256)) * 8_000
    commit = place.repo.commit({"large": noise})

    async with _tree(place, commit) as tree:
        assert await _text(tree, "large", limit=1000) is None


async def test_a_lock_file_of_the_largest_size_is_given(place: Place) -> None:
    lines = (f"{number:063d}\n" for number in range(MAX_LOCK // 64))
    content = "".join(lines).encode()
    commit = place.repo.commit({"uv.lock": content, "larger": content + b"#"})

    async with _tree(place, commit) as tree:
        assert await _text(tree, "uv.lock", limit=MAX_LOCK) == content
        assert await _text(tree, "larger", limit=MAX_LOCK) is None


async def test_a_commit_that_no_ref_points_at_any_more_is_read(place: Place) -> None:
    first = place.repo.commit({"a": "1"})
    place.repo.commit({"a": "2"})

    async with _tree(place, first) as tree:
        assert await _text(tree, "a") == b"1"


async def test_a_commit_that_is_not_there_refuses(place: Place) -> None:
    width = len(place.repo.commit({"a": "1"}))

    with pytest.raises(RemoteRefusedError):
        async with _tree(place, CommitSha("5" * width)):
            pytest.fail("there is no such tree")


async def test_history_and_unread_files_are_not_fetched(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path / "repo")
    repo.commit({"old": "history"})
    commit = repo.commit({"old": None, "read": "1", "unread": "2"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    remote = GitRemote(environment={}, allow_files=True, scratch=scratch)

    async with remote.tree(repo.repository, commit) as tree:
        await _text(tree, "read")
        (fetched,) = scratch.iterdir()
        here = git("-C", fetched, "cat-file", "--batch-all-objects", "--batch-check")

    kinds = sorted(line.split()[1] for line in here.decode().splitlines())
    assert kinds == ["blob", "commit", "tree"]


# a folder keeps the promises of a tree


@pytest.fixture
async def checkout(tmp_path: Path) -> tuple[Repo, Path]:
    repo = Repo(tmp_path / "repo")
    repo.commit(
        {
            "file": "text\n",
            "run.sh": Executable("#!"),
            "link": Link("dir"),
            "loop": Link("loop"),
            "dir/inner/deep": "x",
            ODD: "odd",
        }
    )
    work = tmp_path / "work"
    work.mkdir()
    repo.git("--work-tree", str(work), "checkout", "-q", "-f", "main")
    return repo, work


async def test_a_folder_answers_as_its_commit_does(
    checkout: tuple[Repo, Path],
) -> None:
    repo, work = checkout
    paths = ["file", "run.sh", "link", "loop", "dir", "dir/inner/deep", ODD, "no"]
    paths += ["link/inner", "file/x", "../repo/HEAD", "/etc/passwd", "dir/", "nul\0"]
    remote = GitRemote(environment={}, allow_files=True)
    commit = CommitSha(repo.tip())
    folder = Folder(work)

    async with remote.tree(repo.repository, commit) as tree:
        expected = await tree.entries(paths)
        found = await folder.entries(paths)
        for path in paths:
            assert found[path].mode == expected[path].mode, path
            if found[path].mode not in {ABSENT, DIRECTORY}:
                oid = found[path].oid
                assert oid == expected[path].oid, path
                assert await folder.read(oid, limit=99) == await tree.read(
                    oid, limit=99
                )


# trouble


@pytest.fixture(params=["git", "smart"])
async def forge_place(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Place]:
    repo = Repo(tmp_path / "owner" / "name.git")
    repo.commit({"a": "1"})
    deadline = timedelta(seconds=6)
    async with git_forge(tmp_path) as forge, smart_remote(deadline=deadline) as smart:
        git_alone = GitRemote(environment={}, deadline=deadline)
        remote: Remote = smart if request.param == "smart" else git_alone
        yield Place(
            repo=repo,
            remote=remote,
            repository=Repository.from_url(f"{forge.url}/owner/name.git"),
            faults=forge.faults,
        )


@pytest.mark.parametrize("status", [401, 403, 404, 410, 451])
async def test_a_refusal_is_final(forge_place: Place, status: int) -> None:
    forge_place.faults.status = status

    with pytest.raises(RemoteRefusedError, match=r"owner/name|127\.0\.0\.1"):
        await forge_place.head()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_fault_of_the_moment_passes(forge_place: Place, status: int) -> None:
    forge_place.faults.status = status

    with pytest.raises(TransientError, match=str(status)):
        await forge_place.head()


async def test_a_forge_that_fails_between_head_and_tree_is_a_fault_of_the_moment(
    forge_place: Place,
) -> None:
    head = await forge_place.head()
    assert isinstance(head, Head)
    forge_place.faults.status = 500

    with pytest.raises(TransientError, match="500"):
        async with _tree(forge_place, head.commit):
            pytest.fail("it does not answer")


async def test_a_forge_that_fails_before_a_file_is_read_is_a_fault_of_the_moment(
    forge_place: Place,
) -> None:
    head = await forge_place.head()
    assert isinstance(head, Head)

    async with _tree(forge_place, head.commit) as tree:
        found = await tree.entries(["a"])
        forge_place.faults.status = 503
        with pytest.raises(TransientError, match="503"):
            await tree.read(found["a"].oid, limit=10)


async def test_a_forge_that_hangs_is_left_at_the_deadline(forge_place: Place) -> None:
    forge_place.faults.hangs = True

    with pytest.raises(
        TransientError, match=r"did not (end|answer) within|no answer in"
    ):
        await forge_place.head()


async def test_a_pack_that_breaks_off_is_a_fault_of_the_moment(
    forge_place: Place,
) -> None:
    commit = forge_place.repo.commit(
        {f"{number}/{number}": str(number) for number in range(200)}
    )
    forge_place.faults.breaks = True

    with pytest.raises(TransientError):
        async with _tree(forge_place, commit):
            pytest.fail("it is not whole")


async def test_a_web_page_is_no_repository(forge_place: Place) -> None:
    forge_place.faults.is_web_page = True

    with pytest.raises(RemoteRefusedError, match="is this a git repository"):
        await forge_place.head()


async def test_a_server_of_mere_files_is_refused_in_words(forge_place: Place) -> None:
    forge_place.repo.git("update-server-info")
    forge_place.faults.is_static = True

    with pytest.raises(RemoteRefusedError, match="dumb http"):
        async with _tree(forge_place, CommitSha(forge_place.repo.tip())):
            pytest.fail("nothing can be fetched in part")


async def test_a_renamed_repository_is_followed(forge_place: Place) -> None:
    forge_place.faults.moved_to = "owner"
    old = Repository.from_url(forge_place.repository.url.replace("owner", "before"))

    head = await forge_place.remote.head(old, Revision.from_text(None))
    assert isinstance(head, Head)
    async with forge_place.remote.tree(old, head.commit) as tree:
        assert await _text(tree, "a") == b"1"


@pytest.mark.parametrize(
    "url", ["http://nowhere.invalid/owner/name", "http://127.0.0.1:1/owner/name"]
)
async def test_a_host_that_cannot_be_reached_is_a_fault_of_the_moment(url: str) -> None:
    remote = GitRemote(environment={})

    with pytest.raises(TransientError):
        await remote.head(Repository.from_url(url), Revision.from_text(None))


# listings


async def test_a_directory_is_listed_with_the_links_below_it(place: Place) -> None:
    commit = place.repo.commit(
        {
            "lib/a.py": "1",
            "lib/run": Executable("1"),
            "lib/deep/er/here": Link("../../a.py"),
            "lib/deep/er/b.py": "1",
            "lib2/c.py": "1",
            "top": Link("lib"),
        }
    )

    async with place.remote.tree(place.repository, commit) as tree:
        below = await tree.listing("lib", limit=3)
        root = await tree.listing("", limit=5)

        assert below is not None
        assert {path: entry.mode for path, entry in below.items()} == {
            "lib/a.py": FILE,
            "lib/deep": DIRECTORY,
            "lib/deep/er/here": SYMLINK,
            "lib/run": EXECUTABLE,
        }
        assert below == await tree.entries(below)
        assert root is not None
        assert set(root) == {"lib", "lib/deep/er/here", "lib2", "top"}
        assert await tree.listing("lib", limit=2) is None
        assert await tree.listing("", limit=4) is None
        assert await tree.listing("lib/a.py", limit=9) is None
        assert await tree.listing("nowhere", limit=9) is None
        assert await tree.listing("top", limit=9) is None


async def test_what_was_listed_can_be_read(place: Place) -> None:
    files: dict[str, Content] = {"lib/a.py": "1", "lib/deep/here": Link("../a.py")}
    commit = place.repo.commit(files)

    async with place.remote.tree(place.repository, commit) as tree:
        listed = await tree.listing("lib", limit=9)

        assert listed is not None
        assert await tree.read(listed["lib/a.py"].oid, limit=99) == b"1"
        assert await tree.read(listed["lib/deep/here"].oid, limit=99) == b"../a.py"
