"""Read every host by its API where one is known, and by plain git otherwise.

Git is the fallback when an API does not answer, when the rate limit is used up or
when the token is refused. When an API reports that a repository does not exist or is
another one now, git is not tried: it knows the path only, not the number.
"""

from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.adapters.forge_api.errors import (
    BudgetSpentError,
    TokenRefusedError,
    UnprovenAnswerError,
)
from service.adapters.forge_api.fallback_tree import FallbackTree
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError, ServiceError, TransientError
from service.ports.remote import NO_READS, ExpectedReads, FullRemote, Remote, Tree
from service.ports.time import Clock

__all__ = ["RoutedRemote"]

log = structlog.get_logger(__name__)

API_BACKOFF: Final = timedelta(seconds=30)
"""How long an API that did not answer is skipped, so that not every evaluation has to
wait for its time-out."""

_API_FAILURES: Final = (TransientError, TokenRefusedError)
"""Errors of an API after which git is tried."""


class RoutedRemote:
    """Implement the port `FullRemote` for all hosts.

    One per process, used by every evaluation, sweep and preview. It keeps which API
    failed in memory: after a restart it is tried again.

    Args:
        git: Reaches every host.
        open_api: Opens the remote of a host's API; None when none is to be used.
        clock: Gives the time.
    """

    def __init__(
        self,
        *,
        git: FullRemote,
        open_api: Callable[[str], Remote | None],
        clock: Clock,
    ) -> None:
        self._git = git
        self._open_api = open_api
        self._clock = clock
        self._apis: dict[str, Remote | None] = {}
        self._retry_at: dict[str, datetime] = {}

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        api = self._api(repository.host)
        if api is None:
            return await self._git.head(repository, revision, expected=expected)
        try:
            # Inside the `try`: skipping an API that is away has the same consequence as
            # its failure, git.
            self._check_backoff(repository.host)
            return await api.head(repository, revision, expected=expected)
        except _API_FAILURES as exc:
            with self._use_git(repository.host, exc):
                return await self._git.head(repository, revision, expected=expected)

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        if self._api(repository.host) is None:
            return await self._git.heads(repository, revisions)
        return {
            revision: await self.head(repository, revision) for revision in revisions
        }

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        # Git alone: a list to choose from is no reason to spend a forge's budget, and
        # whoever knows a private repository knows its branches.
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
            api = self._api(repository.host)
            if api is None:
                git_tree = self._git.tree(repository, commit, expected=expected)
                yield await stack.enter_async_context(git_tree)
                return

            async def fall_back(exc: ServiceError) -> Tree:
                with self._use_git(repository.host, exc):
                    git_tree = self._git.tree(repository, commit, expected=expected)
                    return await stack.enter_async_context(git_tree)

            try:
                self._check_backoff(repository.host)
                first = await stack.enter_async_context(
                    api.tree(repository, commit, expected=expected)
                )
            except _API_FAILURES as exc:
                yield await fall_back(exc)
                return
            yield FallbackTree(first, fall_back=fall_back, failures=_API_FAILURES)

    def _api(self, host: str) -> Remote | None:
        if host not in self._apis:
            self._apis[host] = self._open_api(host)
        return self._apis[host]

    def _check_backoff(self, host: str) -> None:
        until = self._retry_at.get(host)
        if until is not None and self._clock.now() < until:
            raise _BackoffError(f"the API of {host} did not answer a moment ago")

    @contextmanager
    def _use_git(self, host: str, exc: ServiceError) -> Iterator[None]:
        """Run the block, which uses git, after an API failed.

        Raises:
            ServiceError: The API's error, when git is refused.
            TransientError: Git did not answer either.
        """
        # Git has no token, so a private repository is always refused to it: that
        # refusal would pass a failure of the moment off as a final one.
        is_unreachable = not isinstance(exc, _ANSWERED)
        # Only for a host that did not answer. A spent budget or a refused token has its
        # own end, and backing off would keep the API unused after it.
        if is_unreachable:
            self._retry_at[host] = self._clock.now() + API_BACKOFF
        log.info("git replaces the API", host=host, error=str(exc))
        try:
            yield
        except RemoteRefusedError as refused:
            # The API's error is transient and the source stays queued; git's refusal
            # would end the evaluation as unreadable.
            raise exc from refused


class _BackoffError(TransientError):
    """The API was skipped, because it did not answer a moment ago."""


_ANSWERED: Final = (
    BudgetSpentError,
    TokenRefusedError,
    UnprovenAnswerError,
    _BackoffError,
)
"""Errors that do not mean that the API is unreachable."""
