"""A remote for every host: its API where one is known, plain git elsewhere.

Plain git is also asked when an API does not answer, when its token may not ask any
more, or when it does not take the token. What an API says is not there, or is another
repository now, is not asked again: a path alone cannot tell who has it.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from datetime import datetime, timedelta
from typing import Final

import structlog

from service.adapters.forge_api.either import EitherTree
from service.adapters.forge_api.failing import (
    BudgetSpentError,
    TokenRefusedError,
    UnprovenAnswerError,
)
from service.domain.evaluation import RefGone
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError, ServiceError, TransientError
from service.ports.remote import Remote, SweptRemote, Tree
from service.ports.time import Clock

__all__ = ["RoutedRemote"]

log = structlog.get_logger(__name__)

ALONE: Final = timedelta(seconds=30)
"""How long an API that did not answer is not asked: every look would wait for it."""


class RoutedRemote:
    """Implements the port `Remote` for all hosts.

    Args:
        git: Reaches every host.
        open_api: Makes the remote of a host's API; None when none is to be used.
        clock: Tells the time.
    """

    def __init__(
        self,
        *,
        git: SweptRemote,
        open_api: Callable[[str], Remote | None],
        clock: Clock,
    ) -> None:
        self._git = git
        self._open_api = open_api
        self._clock = clock
        self._apis: dict[str, Remote | None] = {}
        self._alone_until: dict[str, datetime] = {}

    async def head(self, repository: Repository, revision: Revision) -> Head | RefGone:
        api = self._api(repository.host)
        if api is None:
            return await self._git.head(repository, revision)
        try:
            self._leave_alone(repository.host)
            return await api.head(repository, revision)
        except (TransientError, TokenRefusedError) as exc:
            with self._by_git(repository.host, exc):
                return await self._git.head(repository, revision)

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefGone]:
        if self._api(repository.host) is None:
            return await self._git.heads(repository, revisions)
        return {it: await self.head(repository, it) for it in revisions}

    @asynccontextmanager
    async def tree(
        self, repository: Repository, commit: CommitSha
    ) -> AsyncIterator[Tree]:
        async with AsyncExitStack() as stack:
            api = self._api(repository.host)
            if api is None:
                by_git = self._git.tree(repository, commit)
                yield await stack.enter_async_context(by_git)
                return

            async def fall_back(exc: ServiceError) -> Tree:
                with self._by_git(repository.host, exc):
                    by_git = self._git.tree(repository, commit)
                    return await stack.enter_async_context(by_git)

            try:
                self._leave_alone(repository.host)
                first = await stack.enter_async_context(api.tree(repository, commit))
            except (TransientError, TokenRefusedError) as exc:
                yield await fall_back(exc)
                return
            yield EitherTree(first, fall_back=fall_back)

    def _api(self, host: str) -> Remote | None:
        if host not in self._apis:
            self._apis[host] = self._open_api(host)
        return self._apis[host]

    def _leave_alone(self, host: str) -> None:
        until = self._alone_until.get(host)
        if until is not None and self._clock.now() < until:
            raise _LeftAloneError(f"the API of {host} did not answer a moment ago")

    @contextmanager
    def _by_git(self, host: str, exc: ServiceError) -> Iterator[None]:
        """Let plain git try; that it is refused without a token proves nothing.

        Raises:
            ServiceError: What the API said, when git is refused.
            TransientError: Git did not answer either.
        """
        is_silence = not isinstance(exc, _NO_SILENCE)
        if is_silence:
            self._alone_until[host] = self._clock.now() + ALONE
        log.info("asking git in the place of an API", host=host, error=str(exc))
        try:
            yield
        except RemoteRefusedError as refused:
            raise exc from refused


class _LeftAloneError(TransientError):
    """The API was not asked."""


_NO_SILENCE: Final = (
    BudgetSpentError,
    TokenRefusedError,
    UnprovenAnswerError,
    _LeftAloneError,
)
"""What an API that answers well can still come to."""
