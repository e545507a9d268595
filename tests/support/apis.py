"""Remotes over the forge of our own making, as the service makes them."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from service.adapters.clock import SystemClock
from service.adapters.egress import ANYWHERE, EgressPolicy
from service.adapters.forge_api.api_tree import object_cache
from service.adapters.forge_api.http import open_http_client
from service.adapters.forge_api.routing import RoutedRemote
from service.adapters.git.remote import GitRemote
from service.adapters.gitlab.executor import open_executors
from service.app.forges import Forges
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.ports.remote import (
    NO_READS,
    ExpectedReads,
    FullRemote,
    ProbedRemote,
    Remote,
    Tree,
)
from service.ports.time import Clock
from service.settings import ForgeSettings
from tests.support.forge import Forge


@dataclass
class WatchedGit:
    """Implements the port `Remote` by plain git; remembers that it was asked."""

    git: ProbedRemote = field(default_factory=lambda: GitRemote(environment={}))
    asked: list[str] = field(default_factory=list)

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        self.asked.append("head")
        return await self.git.head(repository, revision, expected=expected)

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        return {
            revision: await self.head(repository, revision) for revision in revisions
        }

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        self.asked.append("branches")
        return await self.git.branches(repository, limit=limit)

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        self.asked.append("tree")
        async with self.git.tree(repository, commit, expected=expected) as tree:
            yield tree


@asynccontextmanager
async def forges_of(
    forge: Forge,
    *,
    token: str | None = None,
    clock: Clock | None = None,
    gate: EgressPolicy = ANYWHERE,
    **settings: Any,
) -> AsyncIterator[Forges]:
    """Open clients of a test forge, with its owner's token unless another is given."""
    given = ForgeSettings.model_validate(
        {
            "tokens": f"{forge.host}={token or forge.token}",
            "kinds": {forge.host: forge.vendor},
            **settings,
        }
    )
    async with open_http_client(
        gate=gate, environment={}, deadline=given.deadline
    ) as http:
        with open_executors() as executors:
            yield Forges(
                settings=given,
                http=http,
                executors=executors,
                kept=object_cache(given.cache_mb),
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
    git: FullRemote,
    token: str | None = None,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[RoutedRemote]:
    """Open the remote that the service asks, with plain git behind the API."""
    clock = clock or SystemClock()
    async with forges_of(forge, token=token, clock=clock, **settings) as forges:
        yield RoutedRemote(git=git, open_api=forges.remote, clock=clock)
