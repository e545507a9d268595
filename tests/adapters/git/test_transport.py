"""Where plain git may be sent by somebody else's URL."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.adapters.egress import EgressPolicy
from service.adapters.git.remote import GitRemote
from service.domain.repository import Repository
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError
from service.ports.remote import Remote
from tests.support.githttp import GitForge, git_forge
from tests.support.repos import Repo
from tests.support.smart import smart_remote

MAIN = Revision.from_text("main")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "owner" / "name.git")
    repo.commit({"a": "1"})
    return repo


@pytest.fixture
async def forge(repo: Repo, tmp_path: Path) -> AsyncIterator[GitForge]:
    assert repo.tip()
    async with git_forge(tmp_path) as forge:
        yield forge


Opening = Callable[[EgressPolicy], Awaitable[Remote]]
Guarded = Callable[..., Awaitable[Remote]]


@pytest.fixture(params=["git", "smart"])
async def opening(request: pytest.FixtureRequest) -> AsyncIterator[Opening]:
    """Open what reads under a policy: git's command line, or our client before it."""
    async with AsyncExitStack() as stack:

        async def open_remote(gate: EgressPolicy) -> Remote:
            if request.param == "git":
                return GitRemote(environment={}, gate=gate)
            return await stack.enter_async_context(smart_remote(gate=gate))

        yield open_remote


@pytest.fixture
def guarded(opening: Opening) -> Guarded:
    return lambda *allowed: opening(EgressPolicy(allowed))


def at(url: str, path: str = "owner/name.git") -> Repository:
    return Repository.from_url(f"{url}/{path}")


def authority(url: str) -> str:
    return url.partition("://")[2]


async def reads(remote: Remote, repository: Repository) -> bytes | None:
    """Read a file by a head and its tree."""
    head = await remote.head(repository, MAIN)
    assert isinstance(head, Head)
    async with remote.tree(repository, head.commit) as tree:
        return await tree.read((await tree.entries(["a"]))["a"].oid, limit=10)


async def test_a_private_host_is_not_even_connected_to(
    guarded: Guarded, forge: GitForge, repo: Repo
) -> None:
    remote = await guarded()

    with pytest.raises(RemoteRefusedError, match="not public"):
        await remote.head(at(forge.url), MAIN)
    with pytest.raises(RemoteRefusedError, match="not public"):
        async with remote.tree(at(forge.url), repo.commit({"a": "2"})):
            pytest.fail("it is not fetched")

    assert forge.seen == []


async def test_a_host_that_is_named_in_the_settings_is_read(
    guarded: Guarded, forge: GitForge
) -> None:
    remote = await guarded(authority(forge.url))

    assert await reads(remote, at(forge.url)) == b"1"


async def test_git_connects_to_what_was_checked_whatever_the_name_stands_for(
    opening: Opening,
    forge: GitForge,
) -> None:
    class Settled(EgressPolicy):
        """Knows a name that no resolver knows: git can have it from here alone."""

        async def addresses(self, host: str, port: int) -> tuple[str, ...]:
            assert (host, str(port)) == ("forge.invalid", forge.url.rpartition(":")[2])
            return ("127.0.0.1",)

    remote = await opening(Settled(()))
    repository = at(forge.url.replace("127.0.0.1", "forge.invalid"))

    assert await reads(remote, repository) == b"1"


async def test_a_rename_is_followed_on_the_host(
    guarded: Guarded, forge: GitForge
) -> None:
    forge.faults.moved_to = "owner"
    remote = await guarded(authority(forge.url))

    assert await reads(remote, at(forge.url, "before/name.git")) == b"1"


@asynccontextmanager
async def sending_on(to: str) -> AsyncIterator[str]:
    """Run a host that sends everybody elsewhere."""

    async def send(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": to + request.path_qs})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", send)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        yield str(server.make_url("/")).rstrip("/")


async def test_a_redirect_leads_to_no_host_that_could_not_be_named(
    guarded: Guarded,
    forge: GitForge,
) -> None:
    async with sending_on(forge.url) as url:
        remote = await guarded(authority(url))

        with pytest.raises(RemoteRefusedError, match="not public"):
            await reads(remote, at(url))

    assert forge.seen == []


async def test_a_redirect_to_a_host_that_may_be_named_is_followed(
    guarded: Guarded,
    forge: GitForge,
) -> None:
    async with sending_on(forge.url) as url:
        remote = await guarded(authority(url), authority(forge.url))

        assert await reads(remote, at(url)) == b"1"


@pytest.mark.parametrize(
    "to",
    [
        *("file:///etc", "http://x.invalid/page", "git://h/x"),
        "ftp://h/info/refs",
        *("http://[/info/refs", "http://h:99999/info/refs", "http://h:x/info/refs"),
        *("http://-h.example/o/n/info/refs", "http://+h.example/o/n/info/refs"),
        *("http://*/o/n/info/refs", "http://h%2f/o/n/info/refs"),
    ],
)
async def test_a_redirect_to_what_is_no_repository_is_refused(
    guarded: Guarded, to: str
) -> None:
    async def send(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": to})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", send)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        url = str(server.make_url("/")).rstrip("/")

        with pytest.raises(RemoteRefusedError, match="redirects to what is no"):
            await (await guarded(authority(url))).head(at(url), MAIN)
