"""The port of git remotes: heads and trees of repositories."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from service.domain.definition import Entry
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import BlobId, CommitSha, Repository
from service.domain.source import Head, Revision

__all__ = [
    "NO_READS",
    "Branches",
    "ExpectedReads",
    "FullRemote",
    "Heads",
    "ProbedRemote",
    "Remote",
    "SweptRemote",
    "Tree",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedReads:
    """What will probably be read of a commit, most likely first.

    A hint, which changes no result: a remote may fetch these with the head or with
    the trees, in one request. What is not there is no error.
    """

    files: tuple[str, ...] = ()
    """Paths from the root whose content will be read."""
    directories: tuple[str, ...] = ()
    """Paths from the root whose entries will be read, in no order that matters but
    parents first. The root is always read and not among them."""
    listings: tuple[str, ...] = ()
    """Directories that will be listed with everything below; empty for the root."""
    large: tuple[str, ...] = ()
    """Directories that held too many others to be listed, and may still do: what shows
    that is expected of them, a few of their levels."""


NO_READS: Final = ExpectedReads()
"""Nothing: only the head is of interest."""


class Tree(Protocol):
    """The files of one commit, without a working tree. Paths from its root."""

    async def entries(self, paths: Iterable[str]) -> Mapping[str, Entry]:
        """Return the entry at each path; a missing path has the mode `absent`.

        Symlinks are not followed: the entry is the link itself. A path below a symlink,
        a file or a gitlink is absent.
        """
        ...

    async def listing(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        """Return a directory's own entries, and every symlink further down, by path.

        None when there is no such directory, or when it holds more than `limit`
        directories, itself included. Submodules are not listed.
        """
        ...

    async def read(self, oid: BlobId, *, limit: int) -> bytes | None:
        """Return a blob's content; None when it is larger than `limit` bytes."""
        ...


class Remote(Protocol):
    """Reads repositories of any host."""

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        """Return the commit that a revision points to now; an annotated tag is peeled.

        An empty repository has no refs: `RefMissing`. A repository with a number is
        read under its current path, where the remote supports numbers; the head then
        has that path. `expected` is what will be read of the commit, if it is new.

        Raises:
            RemoteRefusedError: The remote refuses the repository, or has another one
                under its path; `refusal` is the reason.
            TransientError: It did not answer, or not in time.
        """
        ...

    def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AbstractAsyncContextManager[Tree]:
        """Open the tree of a commit; only what is read or expected is fetched.

        Raises:
            RemoteRefusedError: The repository or the commit does not exist.
            TransientError: The remote did not answer, or not in time.
        """
        ...


class Heads(Protocol):
    """Reads many refs of a repository at once, with few requests."""

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        """Return the commit that each revision points to now, as `Remote.head` does.

        Raises:
            RemoteRefusedError: The remote refuses the repository.
            TransientError: It did not answer, or not in time.
        """
        ...


class Branches(Protocol):
    """Lists the branches of a repository."""

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        """Return the names of branches in order, `limit` of them at most.

        Raises:
            RemoteRefusedError: The remote refuses the repository.
            TransientError: It did not answer, or not in time.
        """
        ...


class ProbedRemote(Remote, Branches, Protocol):
    """A remote that can also show what there is to choose from."""


class SweptRemote(Remote, Heads, Protocol):
    """A remote that can also read many refs at once."""


class FullRemote(SweptRemote, ProbedRemote, Protocol):
    """A remote that can do all of it."""
