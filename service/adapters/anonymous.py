"""Read repositories as anybody does: without any credentials.

What is read so may be shown to whoever asked for it. A private repository is refused
in the words of one that does not exist; the forge itself cannot tell more, as it is
asked by nobody in particular.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import LOCAL_HOST, CommitSha, Repository
from service.domain.source import Head, Revision
from service.errors import RemoteRefusedError
from service.ports.remote import NO_READS, ExpectedReads, FullRemote, Tree

__all__ = ["AnonymousRemote"]


class AnonymousRemote:
    """Implement the port `FullRemote`; nothing but what is public can be read.

    Args:
        git: Reads repositories, without credentials.
        closed: Hosts where being reachable from this machine is a right of its own, so
            that nothing there is public.
    """

    def __init__(self, git: FullRemote, *, closed: Collection[str]) -> None:
        self._git = git
        # Files of this machine are its owner's, whoever may name a path.
        self._closed = {LOCAL_HOST} | {host.strip().lower() for host in closed}

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        with self._public_only(repository):
            return await self._git.head(repository, revision, expected=expected)

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        with self._public_only(repository):
            return await self._git.heads(repository, revisions)

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        with self._public_only(repository):
            return await self._git.branches(repository, limit=limit)

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        with self._public_only(repository):
            opened = self._git.tree(repository, commit, expected=expected)
            async with opened as tree:
                yield tree

    @contextmanager
    def _public_only(self, repository: Repository) -> Iterator[None]:
        if repository.host in self._closed:
            raise _absent(repository)
        try:
            yield
        except RemoteRefusedError as exc:
            # One sentence for all: what git prints differs between a repository that
            # is not there and one that is closed at some servers.
            raise _absent(repository) from exc


def _absent(repository: Repository) -> RemoteRefusedError:
    return RemoteRefusedError(
        f"{repository.url} does not exist, or is not public and not granted to this "
        "project; an administrator can grant it"
    )
