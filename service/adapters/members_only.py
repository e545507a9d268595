"""Treat all repositories of some hosts as private, whatever the host reports.

A forge that requires a login for everything still reports repositories as public; a
server in a private network requires no password, because nobody else can reach it.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Repository
from service.domain.source import Head, Revision
from service.ports.remote import NO_READS, ExpectedReads, FullRemote, Tree

__all__ = ["MembersOnly"]


class MembersOnly:
    """Implement the port `FullRemote`; repositories of some hosts are private.

    Args:
        remote: Answers for repositories.
        hosts: The hosts whose repositories are all private.
    """

    def __init__(self, remote: FullRemote, *, hosts: Collection[str]) -> None:
        self._remote = remote
        self._hosts = frozenset(host.strip().lower() for host in hosts)

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        return self._mark_private(
            repository, await self._remote.head(repository, revision, expected=expected)
        )

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        heads = await self._remote.heads(repository, revisions)
        return {
            name: self._mark_private(repository, head) for name, head in heads.items()
        }

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        return await self._remote.branches(repository, limit=limit)

    def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AbstractAsyncContextManager[Tree]:
        return self._remote.tree(repository, commit, expected=expected)

    def _mark_private(
        self, repository: Repository, answer: Head | RefMissing
    ) -> Head | RefMissing:
        if isinstance(answer, Head) and repository.host in self._hosts:
            return replace(answer, is_private=True)
        return answer
