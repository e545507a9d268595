"""A remote that leaves this machine alone: tests name repositories of real forges."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import TransientError
from service.ports.remote import NO_READS, Branches, ExpectedReads, Remote, Tree

__all__ = ["NearbyRemote"]

HERE = ("localhost", "127.0.0.1", "[::1]")


class NearbyRemote:
    """Reads what is on this machine; every other host does not answer.

    As a machine without a network: what is named there is neither found nor refused.

    Args:
        remote: Reads heads and trees.
        branches: Shows branches.
        is_silent: Whether nobody answers now, on this machine either.
    """

    def __init__(
        self, remote: Remote, *, branches: Branches, is_silent: Callable[[], bool]
    ) -> None:
        self._remote = remote
        self._branches = branches
        self._is_silent = is_silent

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        self._check(repository)
        return await self._remote.head(repository, revision, expected=expected)

    def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AbstractAsyncContextManager[Tree]:
        return self._remote.tree(repository, commit, expected=expected)

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        self._check(repository)
        return await self._branches.branches(repository, limit=limit)

    def _check(self, repository: Repository) -> None:
        if self._is_silent() or repository.host.partition(":")[0] not in HERE:
            raise TransientError(f"{repository.host} did not answer")
