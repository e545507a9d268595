"""What is left to git's command line, and what is not."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.git.remote import GitRemote
from service.domain.repository import Repository
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError, TransientError
from service.ports.remote import Remote
from tests.support.apis import WatchedGit
from tests.support.githttp import git_forge
from tests.support.repos import Repo
from tests.support.smart import smart_remote

MAIN = Revision.from_text("main")


async def read(remote: Remote, repository: Repository) -> bytes | None:
    head = await remote.head(repository, MAIN)
    assert isinstance(head, Head)
    async with remote.tree(repository, head.commit) as tree:
        return await tree.read((await tree.entries(["a"]))["a"].oid, limit=10)


@pytest.mark.parametrize(
    ("quirk", "asked"),
    [("none", []), ("unfiltered", ["tree"]), ("old", ["head", "tree"])],
)
async def test_git_is_asked_for_what_the_server_cannot_do(
    tmp_path: Path, quirk: str, asked: list[str]
) -> None:
    repo = Repo(tmp_path / "owner" / "name.git")
    repo.commit({"a": "1"})
    if quirk == "unfiltered":
        repo.configure("uploadpack.allowFilter", "false")
    git = WatchedGit()
    async with git_forge(tmp_path) as forge, smart_remote(git=git) as remote:
        forge.faults.is_old = quirk == "old"
        repository = Repository.from_url(f"{forge.url}/owner/name.git")

        assert await read(remote, repository) == b"1"

    assert git.asked == asked


async def test_a_huge_directory_is_read_by_git(tmp_path: Path) -> None:
    """Nobody else waits while its megabyte of entries is parsed."""
    repo = Repo(tmp_path / "owner" / "name.git")
    many = {f"{number:05}{'x' * 240}": "" for number in range(4000)}
    repo.commit({"a": "1", **many})
    git = WatchedGit()
    async with git_forge(tmp_path) as forge, smart_remote(git=git) as remote:
        repository = Repository.from_url(f"{forge.url}/owner/name.git")

        assert await read(remote, repository) == b"1"

    assert git.asked == ["tree"]


async def test_a_repository_of_this_machine_is_gits(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit({"a": "1"})
    git = WatchedGit(GitRemote(environment={}, allow_files=True))

    async with smart_remote(git=git) as remote:
        assert await read(remote, repo.repository) == b"1"

    assert git.asked == ["head", "tree"]


async def test_a_proxy_is_used() -> None:
    requests: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        requests.append(f"{request.method} {request.path}")
        return web.Response(status=502)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy)
    git = WatchedGit()
    async with TestServer(app) as server:
        environment = {"http_proxy": str(server.make_url("/"))}
        async with smart_remote(git=git, environment=environment) as remote:
            with pytest.raises(TransientError, match="502"):
                await remote.head(Repository.from_url("http://far.invalid/o/n"), MAIN)

    assert requests == ["GET /o/n/info/refs"]
    assert git.asked == []


@pytest.mark.parametrize("proxy", ["socks5h://127.0.0.1:1", "127.0.0.1:1"])
async def test_a_proxy_that_only_git_can_take_is_gits(proxy: str) -> None:
    environment = {"http_proxy": proxy}
    git = WatchedGit(GitRemote(environment=environment))

    async with smart_remote(git=git, environment=environment) as remote:
        with pytest.raises((TransientError, RemoteRefusedError)):
            await remote.head(Repository.from_url("http://far.invalid/o/n"), MAIN)

    assert git.asked == ["head"]


async def test_a_server_that_stops_serving_files_is_left_to_git_halfway(
    tmp_path: Path,
) -> None:
    repo = Repo(tmp_path / "owner" / "name.git")
    commit = repo.commit({"a": "1", "d/b": "2"})
    git = WatchedGit()
    async with git_forge(tmp_path) as forge, smart_remote(git=git) as remote:
        repository = Repository.from_url(f"{forge.url}/owner/name.git")
        async with remote.tree(repository, commit) as tree:
            found = await tree.entries(["a", "d/b"])
            forge.faults.is_old = True

            assert await tree.read(found["a"].oid, limit=10) == b"1"
            assert await tree.read(found["d/b"].oid, limit=10) == b"2"

    assert git.asked == ["tree"]
