"""Answers for repositories, wherever they are."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from service.domain.definition import Entry
from service.domain.evaluation import RefGone
from service.domain.repository import BlobId, CommitSha, Repository
from service.domain.source import Head, Revision

__all__ = ["Heads", "Remote", "SweptRemote", "Tree"]


class Tree(Protocol):
    """The files of one commit, without a working tree. Paths from its root."""

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        """Return what is at each path: an entry of mode `absent` where nothing is.

        No symlink is followed; the entry of a symlink is the link. A path below a
        symlink, a file or a gitlink is absent.
        """
        ...

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        """Return a directory's own entries, and every symlink further down, by path.

        None when there is no such directory, or when it holds more than `limit`
        directories, itself included. Submodules are not looked into.
        """
        ...

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        """Return a blob's content; None when it is larger than `limit` bytes."""
        ...


class Remote(Protocol):
    """Answers for repositories, wherever they are."""

    async def head(self, repository: Repository, revision: Revision) -> Head | RefGone:
        """Ask what the revision stands for now; an annotated tag is peeled.

        An empty repository has no refs: `RefGone`. A repository with a number is
        found under whatever name it has now, where the remote knows numbers; the head
        then says which.

        Raises:
            RemoteRefusedError: The remote has no such repository for us, or another
                one under its name; `refusal` says which.
            TransientError: It did not answer, or not in time.
        """
        ...

    def tree(
        self, repository: Repository, commit: CommitSha
    ) -> AbstractAsyncContextManager[Tree]:
        """Open the tree of a commit; what it needs is fetched, and no more.

        Raises:
            RemoteRefusedError: The repository or the commit is not there.
            TransientError: The remote did not answer, or not in time.
        """
        ...


class Heads(Protocol):
    """Says where much of a repository is at once, as cheaply as it can."""

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefGone]:
        """Ask what each revision stands for now, as `Remote.head` does.

        Raises:
            RemoteRefusedError: The remote has no such repository for us.
            TransientError: It did not answer, or not in time.
        """
        ...


class SweptRemote(Remote, Heads, Protocol):
    """Both."""
