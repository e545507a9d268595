"""Read repositories over smart HTTP in this process, and by git where that does not do.

Results are those of the command line, which is the fallback and the oracle of tests.
"""

from collections.abc import AsyncIterator, Collection, Hashable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Final

import structlog

from service.adapters.egress import proxy_for
from service.adapters.forge_api.api_tree import ApiTree, Kept, load_root
from service.adapters.forge_api.caches import ImmutableCache
from service.adapters.forge_api.fallback_tree import FallbackTree
from service.adapters.forge_api.http import HttpClient
from service.adapters.git.heads import HEAD, read_head
from service.adapters.smart_http.errors import UnsuitableError
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Ref, Repository, is_commit, is_ref
from service.domain.source import Head, Revision, RevisionKind
from service.errors import ServiceError
from service.ports.remote import NO_READS, ExpectedReads, FullRemote, Tree
from service.ports.time import Clock

if TYPE_CHECKING:
    from service.adapters.smart_http.client import SmartHttpClient

__all__ = ["SmartHttpRemote"]

log = structlog.get_logger(__name__)

_SHA1: Final = 40
"""Hex digits of an id."""


class SmartHttpRemote:
    """Implement the port `FullRemote` over smart HTTP, with git behind it.

    One per process and policy. Git's command line reads what has another scheme, what
    is behind a proxy that is not of HTTP, and what is unsuitable (`UnsuitableError`). A
    server that does not answer is not asked again by another program.

    Args:
        git: Git's command line, under the same policy.
        http: Carries the requests.
        environment: The environment of this process, for proxies.
        kept: The cache of objects.
        scope: The policy, as part of every key in the cache: what could be read under
            one may be refused under another.
        clock: Gives the time.
    """

    def __init__(
        self,
        *,
        git: FullRemote,
        http: HttpClient,
        environment: Mapping[str, str],
        kept: ImmutableCache[Kept],
        scope: str,
        clock: Clock,
    ) -> None:
        self._git = git
        self._http = http
        self._environment = environment
        self._kept = kept
        self._scope = scope
        self._clock = clock

    @cached_property
    def _client(self) -> "SmartHttpClient":
        # Receivers hardly ever read a repository, and the library of packs takes a
        # tenth of a second and five megabytes.
        from service.adapters.smart_http.client import (  # noqa: PLC0415
            SmartHttpClient,
        )

        return SmartHttpClient(http=self._http, clock=self._clock)

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        del expected  # refs come without objects
        return (await self.heads(repository, (revision,)))[revision]

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        if not self._serves(repository):
            return await self._git.heads(repository, revisions)
        refs = {revision: _refs(revision) for revision in revisions}
        wanted = dict.fromkeys(ref for names in refs.values() for ref in names)
        listed: Mapping[Ref, CommitSha] = {}
        default = HEAD
        # Pinned commits need no request, as with git's command line.
        if wanted:
            try:
                listing = await self._client.list_refs(repository.url, wanted)
            except UnsuitableError as exc:
                _log_fallback(repository, exc)
                return await self._git.heads(repository, revisions)
            listed, default = listing.ids, listing.default
        return {
            revision: read_head(
                repository, revision, refs[revision], listed, default=default
            )
            for revision in revisions
        }

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        # Asked once when a person creates a launcher: not worth a second reader.
        return await self._git.branches(repository, limit=limit)

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        async with AsyncExitStack() as stack:

            async def open_git() -> Tree:
                git_tree = self._git.tree(repository, commit, expected=expected)
                return await stack.enter_async_context(git_tree)

            async def fall_back(exc: ServiceError) -> Tree:
                _log_fallback(repository, exc)
                return await open_git()

            if not (self._serves(repository) and _is_sha1(commit)):
                yield await open_git()
                return
            try:
                first = await self._open(repository, commit, expected)
            except UnsuitableError as exc:
                yield await fall_back(exc)
                return
            yield FallbackTree(first, fall_back=fall_back, failures=(UnsuitableError,))

    async def _open(
        self, repository: Repository, commit: CommitSha, expected: ExpectedReads
    ) -> Tree:
        from service.adapters.smart_http.objects import CommitObjects  # noqa: PLC0415

        owner: Hashable = (self._scope, repository.url)
        objects = CommitObjects(
            client=self._client,
            url=repository.url,
            commit=commit,
            expected=expected,
            kept=self._kept,
            owner=owner,
        )
        root = await load_root(commit, owner=owner, kept=self._kept, ask=objects.root)
        objects.begin_at(root)
        return ApiTree(objects=objects, root=root, kept=self._kept, owner=owner)

    def _serves(self, repository: Repository) -> bool:
        """Return whether a repository can be met over HTTP here."""
        url = repository.url
        # curl takes proxies of SOCKS, too, and such without a scheme.
        proxy = proxy_for(url, self._environment)
        return url.startswith(("http://", "https://")) and (
            proxy is None or proxy.startswith(("http://", "https://"))
        )


def _refs(revision: Revision) -> Sequence[Ref]:
    """Return the refs that a revision can name, without those git would refuse."""
    if revision.kind is RevisionKind.DEFAULT:
        return [HEAD]
    return [ref for ref in revision.refs if is_ref(ref)]


def _is_sha1(commit: CommitSha) -> bool:
    """Return whether an id can be read here; the longer ones of SHA-256 are git's."""
    return is_commit(commit) and len(commit) == _SHA1


def _log_fallback(repository: Repository, exc: ServiceError) -> None:
    log.info("git's command line is used", url=repository.url, error=str(exc))
