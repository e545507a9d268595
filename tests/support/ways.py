"""A repository that tests push to, met in each way that the service can meet it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from service.adapters.git.remote import GitRemote
from service.ports.remote import Remote, SweptRemote
from service.ports.time import Clock
from tests.support.apis import WatchedGit, a_routed
from tests.support.forge import Forge, HostedRepo, a_forge
from tests.support.githttp import GitForge, git_forge
from tests.support.repos import Repo
from tests.support.smart import smart_remote

Way = Literal["git", "smart", "github", "gitlab", "http", "gitea"]
WAYS: tuple[Way, ...] = ("git", "smart", "github", "gitlab")
"""Plain git by its command line and in this process, and both APIs."""


class MetByHttp(Repo):
    """A repository that git's own server serves over HTTP."""

    def __init__(
        self, path: Path, *, server: GitForge, remote: SweptRemote, git: WatchedGit
    ) -> None:
        super().__init__(path)
        self.server = server
        self.remote = remote
        self.git_instead = git
        """Git's command line, which is asked where our client does not do."""

    @property
    def url(self) -> str:
        return f"{self.server.url}/{self.path.relative_to(self.server.root)}"


class MetByApi(Repo):
    """A repository at a forge; pushes go into it without anybody being told.

    Commits, refs and tags are made as in any `Repo`.
    """

    def __init__(
        self, hosted: HostedRepo, forge: Forge, remote: Remote, git: WatchedGit
    ) -> None:
        # The repository is there already.
        self.path = hosted.bare.path
        self.hosted = hosted
        self.forge = forge
        self.remote = remote
        self.git_instead = git
        """Plain git, which is asked where the API does not do."""

    @property
    def url(self) -> str:
        return self.hosted.url


@asynccontextmanager
async def met_by_api(
    folder: Path,
    vendor: Literal["github", "gitlab", "gitea"],
    *,
    path: str = "ada/course",
    clock: Clock | None = None,
    is_reader: bool = False,
) -> AsyncIterator[MetByApi]:
    """Run a forge with one empty repository, and the remote that the service asks.

    Args:
        folder: Where everything lies.
        vendor: Whose API it has.
        path: What the repository is called.
        clock: The forge's, and ours.
        is_reader: Whether our token may only read what is public.
    """
    git = WatchedGit()
    async with a_forge(folder, vendor=vendor, clock=clock) as forge:
        token = forge.reader_token if is_reader else forge.token
        async with a_routed(forge, git=git, clock=clock, token=token) as remote:
            yield MetByApi(forge.create(path), forge, remote, git)


@asynccontextmanager
async def met_by_http(
    folder: Path, *, is_by_command: bool = False
) -> AsyncIterator[MetByHttp]:
    """Serve an empty repository over HTTP.

    Args:
        folder: Where everything lies.
        is_by_command: Whether git's command line is to read it.
    """
    git = WatchedGit()
    async with git_forge(folder) as server, smart_remote(git=git) as smart:
        path = folder / "ada" / "course.git"
        remote = GitRemote(environment={}) if is_by_command else smart
        yield MetByHttp(path, server=server, remote=remote, git=git)


@asynccontextmanager
async def met(folder: Path, way: Way) -> AsyncIterator[Repo]:
    """Make an empty repository that is met in one of the ways."""
    match way:
        case "git":
            yield Repo(folder / "repo")
        case "smart" | "http":
            is_by_command = way == "http"
            async with met_by_http(folder, is_by_command=is_by_command) as served:
                yield served
        case _:
            async with met_by_api(folder, way) as repo:
                yield repo
