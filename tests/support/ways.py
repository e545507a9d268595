"""A repository that tests push to, met in each way that the service can meet it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from service.ports.remote import Remote
from service.ports.time import Clock
from tests.support.apis import WatchedGit, a_routed
from tests.support.forge import Forge, HostedRepo, a_forge
from tests.support.repos import Repo

Way = Literal["git", "github", "gitlab", "gitea"]
WAYS: tuple[Way, ...] = ("git", "github", "gitlab")
"""Plain git, and both APIs."""


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
async def met(folder: Path, way: Way) -> AsyncIterator[Repo]:
    """Make an empty repository that is met in one of the ways."""
    if way == "git":
        yield Repo(folder / "repo")
        return
    async with met_by_api(folder, way) as repo:
        yield repo
