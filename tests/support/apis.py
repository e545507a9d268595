"""Remotes over the forge of our own making, as the service makes them."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from service.adapters.clock import SystemClock
from service.adapters.forge_api.routing import RoutedRemote
from service.adapters.forge_api.wire import open_wire
from service.adapters.gate import ANYWHERE, Gate
from service.adapters.git import GitRemote
from service.adapters.gitlab.threads import open_threads
from service.app.forges import Forges
from service.domain.evaluation import RefGone
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.ports.remote import Remote, SweptRemote, Tree
from service.ports.time import Clock
from service.settings import ForgeSettings
from tests.support.forge import Forge


@dataclass
class WatchedGit:
    """Implements the port `Remote` by plain git; remembers that it was asked."""

    git: Remote = field(default_factory=lambda: GitRemote(environment={}))
    asked: list[str] = field(default_factory=list)

    async def head(self, repository: Repository, revision: Revision) -> Head | RefGone:
        self.asked.append("head")
        return await self.git.head(repository, revision)

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefGone]:
        return {it: await self.head(repository, it) for it in revisions}

    @asynccontextmanager
    async def tree(
        self, repository: Repository, commit: CommitSha
    ) -> AsyncIterator[Tree]:
        self.asked.append("tree")
        async with self.git.tree(repository, commit) as tree:
            yield tree


@asynccontextmanager
async def forges_of(
    forge: Forge,
    *,
    token: str | None = None,
    clock: Clock | None = None,
    gate: Gate = ANYWHERE,
    **settings: object,
) -> AsyncIterator[Forges]:
    """Open clients of a test forge, with its owner's token unless another is given."""
    given = ForgeSettings.model_validate(
        {
            "tokens": f"{forge.host}={token or forge.token}",
            "kinds": {forge.host: forge.vendor},
            **settings,
        }
    )
    async with open_wire(gate=gate, environment={}, deadline=given.deadline) as wire:
        with open_threads() as threads:
            yield Forges(
                settings=given,
                wire=wire,
                threads=threads,
                clock=clock or SystemClock(),
            )


@asynccontextmanager
async def an_api(
    forge: Forge, *, token: str | None = None, clock: Clock | None = None
) -> AsyncIterator[Remote]:
    """Open the remote of a test forge's API, without plain git behind it."""
    async with forges_of(forge, token=token, clock=clock) as forges:
        remote = forges.remote(forge.host)
        assert remote is not None
        yield remote


@asynccontextmanager
async def a_routed(
    forge: Forge,
    *,
    git: SweptRemote,
    token: str | None = None,
    clock: Clock | None = None,
    **settings: object,
) -> AsyncIterator[RoutedRemote]:
    """Open the remote that the service asks, with plain git behind the API."""
    clock = clock or SystemClock()
    async with forges_of(forge, token=token, clock=clock, **settings) as forges:
        yield RoutedRemote(git=git, open_api=forges.remote, clock=clock)
