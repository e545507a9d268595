"""What only the git command line can do wrong."""

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.git.command import Git
from service.adapters.git.remote import GitRemote
from service.domain.repository import CommitSha, Ref, Repository
from service.domain.source import Head, Revision
from service.errors import PermanentError, RemoteRefusedError, TransientError
from tests.support import processes
from tests.support.githttp import git_forge
from tests.support.repos import Repo

DEFAULT = Revision.from_text(None)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def _git(
    *, environment: dict[str, str] | None = None, seconds: float = 20, at_once: int = 2
) -> Git:
    return Git(
        environment=environment or {},
        protocols=("file",),
        deadline=timedelta(seconds=seconds),
        at_once=at_once,
    )


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _held(folder: Path) -> int:
    """Return how many bytes are in the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _children() -> Iterator[str]:
    """Command lines of every living git that this process started, and its helpers."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
            line = (status.parent / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        is_ours = text.rpartition(")")[2].split()[1] == str(os.getpid())
        # The broker and the sandbox of other tests in this process go on.
        if is_ours and not any(other in line for other in ("rabbitmq", "sandbox")):
            yield line


# what a command knows


async def test_nothing_of_our_environment_reaches_git_but_the_way_out() -> None:
    ours = {
        "GIT_DIR": "/etc",
        "GIT_SSH_COMMAND": "touch /tmp/owned",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "HOME": "/root",
        "https_proxy": "http://proxy.example:3128",
        "SSL_CERT_FILE": "/etc/ca.pem",
    }
    git = _git(environment=ours)

    said = await git.run("-c", "alias.env=!env", "env")

    told = dict(line.split("=", 1) for line in said.out.decode().splitlines())
    assert told["https_proxy"] == "http://proxy.example:3128"
    assert told["SSL_CERT_FILE"] == "/etc/ca.pem"
    assert told["HOME"] == "/dev/null"
    assert told["GIT_TERMINAL_PROMPT"] == "0"
    assert "GIT_SSH_COMMAND" not in told
    assert "AWS_SECRET_ACCESS_KEY" not in told


async def test_no_configuration_of_this_machine_is_read() -> None:
    said = await _git().run("config", "--list", "--show-scope")

    scopes = {line.split("\t")[0] for line in said.out.decode().splitlines()}
    assert scopes == {"command"}


async def test_a_proxy_is_used() -> None:
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        return web.Response(status=502)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy)
    async with TestServer(app) as server:
        remote = GitRemote(environment={"http_proxy": str(server.make_url("/"))})
        with pytest.raises(TransientError, match="502"):
            await remote.head(
                Repository.from_url("http://far.invalid/owner/name"), DEFAULT
            )

    assert asked == ["GET /owner/name/info/refs"]


async def test_files_of_this_machine_are_read_only_where_allowed(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1"})
    remote = GitRemote(environment={})

    with pytest.raises(RemoteRefusedError, match="not allowed"):
        await remote.head(repo.repository, DEFAULT)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
async def test_a_repository_of_another_user_is_refused_with_advice(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path / "a.git")
    repo.commit({"a": "1"})
    for path in (repo.path, *repo.path.rglob("*")):
        os.chown(path, 12345, 12345)
    remote = GitRemote(environment={}, allow_files=True)

    with pytest.raises(RemoteRefusedError, match="the user that owns it"):
        await remote.head(Repository.from_url(repo.url), DEFAULT)


async def test_a_redirect_to_a_file_is_not_followed(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1"})

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound(f"file://{repo.path}/info/refs")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", elsewhere)
    async with TestServer(app) as server:
        remote = GitRemote(environment={}, allow_files=True)
        with pytest.raises((TransientError, RemoteRefusedError)):
            await remote.head(
                Repository.from_url(str(server.make_url("/owner/name"))), DEFAULT
            )


async def test_a_commit_is_never_taken_for_an_option(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    remote = GitRemote(environment={}, allow_files=True)

    with pytest.raises(RemoteRefusedError, match="no commit id"):
        async with remote.tree(repo.repository, CommitSha("--upload-pack=touch x")):
            pytest.fail("there is no such tree")


# ends


async def test_what_a_command_started_ends_with_it() -> None:
    git = _git(seconds=0.3)

    with pytest.raises(TransientError, match="did not end within"):
        await git.run("-c", "alias.wait=!sleep 4321 & sleep 4321", "wait")

    assert not [line for line in _command_lines() if "4321" in line]


def _command_lines() -> list[str]:
    """Return the command line of every process of this machine."""
    return [processes.name(int(path.name)) for path in Path("/proc").glob("[0-9]*")]


async def test_a_command_that_says_too_much_is_ended() -> None:
    said = await _git().run("-c", "alias.yes=!yes", "yes", limit=100_000)

    assert said.is_cut
    assert len(said.out) == 100_000
    assert not list(_children())


async def test_a_flood_of_complaints_is_survived() -> None:
    git = _git()

    said = await git.run("-c", "alias.moan=!yes moan | head -c 9000000 >&2", "moan")

    assert said.code == 0
    assert len(said.err) < 20_000


async def test_at_most_so_many_commands_run_at_once(tmp_path: Path) -> None:
    git = _git(at_once=2)
    # The first waits for a second one, however slowly that starts.
    count = (
        f"!cd {tmp_path}; echo start >> log; "
        "while test $(grep -c start log) -lt 2; do sleep 0.02; done; "
        "sleep 0.1; echo end >> log"
    )

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(git.run("-c", f"alias.count={count}", "count"))

    running = most = 0
    for line in (tmp_path / "log").read_text().splitlines():
        running += 1 if line == "start" else -1
        most = max(most, running)
    assert most == 2


# temporary folders


async def test_the_temporary_folder_goes_when_the_tree_is_closed(
    tmp_path: Path, scratch: Path
) -> None:
    repo = Repo(tmp_path / "repo")
    commit = repo.commit({"a": "1"})
    remote = GitRemote(environment={}, allow_files=True, scratch=scratch)

    async with remote.tree(repo.repository, commit):
        assert len(_names(scratch)) == 1

    assert not _names(scratch)


async def test_the_temporary_folder_goes_when_the_fetch_fails(
    tmp_path: Path, scratch: Path
) -> None:
    repo = Repo(tmp_path / "repo")
    remote = GitRemote(environment={}, allow_files=True, scratch=scratch)

    with pytest.raises(RemoteRefusedError):
        async with remote.tree(repo.repository, CommitSha("5" * 40)):
            pytest.fail("there is no such tree")

    assert not _names(scratch)


async def test_nothing_stays_when_the_look_is_cancelled(
    tmp_path: Path, scratch: Path
) -> None:
    repo = Repo(tmp_path / "repo.git")
    commit = repo.commit({"a": "1"})
    remote = GitRemote(environment={}, scratch=scratch)
    async with git_forge(tmp_path) as forge:
        forge.faults.hangs = True
        repository = Repository.from_url(f"{forge.url}/repo.git")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), remote.tree(repository, commit):
                pytest.fail("it hangs")

        assert not list(_children())
        assert not _names(scratch)
        assert forge.seen


# sizes


async def test_a_fetch_that_is_too_large_is_given_up_for_good(
    tmp_path: Path, scratch: Path
) -> None:
    repo = Repo(tmp_path / "repo")
    repo.configure("uploadpack.allowFilter", "false")
    commit = repo.commit({"noise": os.urandom(400_000)})
    remote = GitRemote(
        environment={}, allow_files=True, scratch=scratch, max_download=200_000
    )

    with pytest.raises(PermanentError, match="too large"):
        async with remote.tree(repo.repository, commit):
            pytest.fail("it is larger than that")

    assert not _names(scratch)


async def test_a_file_over_its_limit_is_not_downloaded_whole(
    tmp_path: Path, scratch: Path
) -> None:
    repo = Repo(tmp_path / "repo")
    commit = repo.commit({"noise": os.urandom(4_000_000)})
    remote = GitRemote(environment={}, allow_files=True, scratch=scratch)

    async with remote.tree(repo.repository, commit) as tree:
        noise = (await tree.entries(["noise"]))["noise"]
        assert await tree.read(noise.oid, limit=1000) is None
        held = _held(scratch)

    assert held < 500_000


async def test_a_directory_of_ten_thousand_files_is_no_trouble(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    commit = repo.commit({f"dir/{number:05}": "same" for number in range(10_000)})
    remote = GitRemote(environment={}, allow_files=True)
    asked = ["dir", *(f"dir/{number:05}" for number in range(0, 20_000, 4))]

    async with remote.tree(repo.repository, commit) as tree:
        found = await tree.entries(asked)

    assert sum(entry.mode == "100644" for entry in found.values()) == 2500


async def test_a_repository_that_is_shallow_itself_is_read(tmp_path: Path) -> None:
    origin = Repo(tmp_path / "origin")
    origin.commit({"a": "1"})
    commit = origin.commit({"a": "2"})
    shallow = Repo(tmp_path / "shallow")
    shallow.git("fetch", "-q", "--depth=1", origin.url, "main:main")
    remote = GitRemote(environment={}, allow_files=True)

    async with remote.tree(shallow.repository, commit) as tree:
        found = (await tree.entries(["a"]))["a"]
        assert await tree.read(found.oid, limit=10) == b"2"


async def test_a_checkout_without_a_branch_has_a_head_all_the_same(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path)
    commit = repo.commit({"a": "1"})
    repo.git("update-ref", "--no-deref", "HEAD", commit)
    (tmp_path / "HEAD").write_text(f"{commit}\n")
    remote = GitRemote(environment={}, allow_files=True)

    head = await remote.head(repo.repository, DEFAULT)

    assert head == Head(commit=commit, ref=Ref("HEAD"))
