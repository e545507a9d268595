"""Read any repository that git itself can reach."""

import re
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from service.adapters.egress import ANYWHERE, EgressPolicy
from service.adapters.git.command import CommandResult, Git
from service.adapters.git.errors import MovedError, translate_failure
from service.adapters.git.heads import HEAD, read_head
from service.adapters.git.transport import EndpointResolver, GitEndpoint
from service.adapters.git.tree import GitTree, is_tree_path
from service.domain.evaluation.comparison import RefMissing
from service.domain.repository import CommitSha, Ref, Repository, is_commit
from service.domain.source import Head, Revision, RevisionKind
from service.errors import RemoteRefusedError
from service.ports.remote import NO_READS, ExpectedReads, Tree

__all__ = ["SCRATCH_PREFIX", "GitRemote"]

SCRATCH_PREFIX: Final = "relaunch-git-"
"""The prefix of every temporary folder's name."""

DEADLINE: Final = timedelta(minutes=2)
"""For one command. A partial fetch of a large repository takes seconds."""

MAX_DOWNLOAD: Final = 512 * 1024 * 1024
"""Bytes that one fetch may download. The trees of the largest public repositories have
100 MB; only servers without partial clone send more."""

AT_ONCE: Final = 8
"""Forges refuse clients that open many connections at once."""

MAX_MOVES: Final = 4
"""Redirects in a row; a renamed and transferred repository has two."""

T = TypeVar("T")

_SYMREF: Final = re.compile(rb"^ref: (\S+)\tHEAD$", re.MULTILINE)
_LISTED: Final = re.compile(rb"^([0-9a-f]{40}(?:[0-9a-f]{24})?)\t(\S+)$", re.MULTILINE)
_BRANCHES: Final = Ref("refs/heads/*")


class GitRemote:
    """Implement the port `FullRemote` by running git.

    One per process, shared by every evaluation and sweep: it limits the number of
    git processes. It holds no state; a tree's temporary folder lives as long as the
    tree is open.

    Args:
        environment: The environment of this process, for proxies and certificates.
        allow_files: Whether `file://` repositories of this machine may be read.
        scratch: Parent of the temporary folders; None for the system's.
        deadline: How long one git command may take.
        max_download: How many bytes one fetch may download, on Linux only.
        at_once: How many git commands may run concurrently.
        gate: Which hosts may be connected to.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        allow_files: bool = False,
        scratch: Path | None = None,
        deadline: timedelta = DEADLINE,
        max_download: int = MAX_DOWNLOAD,
        at_once: int = AT_ONCE,
        gate: EgressPolicy = ANYWHERE,
    ) -> None:
        self._endpoints = EndpointResolver(
            gate=gate, environment=environment, deadline=deadline
        )
        self._scratch = scratch
        self._max_download = max_download
        self._git = Git(
            environment=environment,
            protocols=("http", "https", *(("file",) if allow_files else ())),
            deadline=deadline,
            at_once=at_once,
        )

    async def head(
        self,
        repository: Repository,
        revision: Revision,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> Head | RefMissing:
        del expected  # ls-remote sends no objects
        return (await self.heads(repository, (revision,)))[revision]

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefMissing]:
        refs = {revision: await self._refs(revision) for revision in revisions}
        wanted = list(dict.fromkeys(ref for names in refs.values() for ref in names))
        # Pinned commits need no request: whether one exists shows when its tree is
        # fetched.
        result = await self._ls_remote(repository, wanted) if wanted else None
        listed = _parse_listing(result.out) if result else {}
        default = _parse_default(result.out) if result else HEAD
        return {
            revision: read_head(
                repository, revision, refs[revision], listed, default=default
            )
            for revision in revisions
        }

    async def branches(self, repository: Repository, *, limit: int) -> Sequence[str]:
        result = await self._ls_remote(repository, [_BRANCHES])
        found = _parse_listing(result.out)
        return sorted(name.removeprefix("refs/heads/") for name in found)[:limit]

    async def _refs(self, revision: Revision) -> Sequence[Ref]:
        """Return the refs that a revision can name, without those git would refuse."""
        if revision.kind is RevisionKind.DEFAULT:
            return [HEAD]
        return [ref for ref in revision.refs if await self._is_valid(ref)]

    @asynccontextmanager
    async def tree(
        self,
        repository: Repository,
        commit: CommitSha,
        *,
        expected: ExpectedReads = NO_READS,
    ) -> AsyncIterator[Tree]:
        del expected  # git fetches trees at once, and files as they are read
        if not is_commit(commit):
            raise RemoteRefusedError(f"{commit[:80]!r} is no commit id")
        with TemporaryDirectory(
            prefix=SCRATCH_PREFIX, dir=self._scratch, ignore_cleanup_errors=True
        ) as folder:
            yield await self._follow_redirects(
                repository.url,
                lambda endpoint: self._open_tree(Path(folder), endpoint, commit),
            )

    async def _open_tree(
        self, folder: Path, endpoint: GitEndpoint, commit: CommitSha
    ) -> GitTree:
        tree = GitTree(
            git=self._git,
            folder=folder,
            endpoint=endpoint,
            commit=commit,
            max_download=self._max_download,
        )
        await tree.fetch()
        return tree

    async def _follow_redirects(
        self, url: str, work: Callable[[GitEndpoint], Awaitable[T]]
    ) -> T:
        """Run an operation at the repository's URL, and again where that redirects.

        Raises:
            RemoteRefusedError: There are too many redirects.
        """
        # Git itself follows none, so that every target passes the egress policy.
        # Each target is resolved and checked anew: a public host may redirect to a
        # private address.
        for _ in range(MAX_MOVES):
            try:
                return await work(await self._endpoints.resolve(url))
            except MovedError:
                url = await self._endpoints.resolve_redirect(url)
        raise RemoteRefusedError(f"{url}: more than {MAX_MOVES} redirects")

    async def _ls_remote(
        self, repository: Repository, refs: list[Ref]
    ) -> CommandResult:
        """List refs of a repository; annotated tags among them are peeled, too."""
        # A pattern alone is applied on our side: the server lists every ref, also the
        # hundred thousand of pull requests. --heads and --tags are sent to the server.
        namespaces = {"refs/heads/": "--heads", "refs/tags/": "--tags"}
        filters = [
            option
            for prefix, option in namespaces.items()
            if any(ref.startswith(prefix) for ref in refs)
        ]
        # With --heads or --tags the server leaves HEAD out, and the default branch
        # would seem to be missing.
        if HEAD in refs:
            filters = []  # HEAD is in neither namespace.
        names = [name for ref in refs for name in (ref, f"{ref}^{{}}")]

        async def ask(endpoint: GitEndpoint) -> CommandResult:
            options = ("--symref", *filters, "--end-of-options", endpoint.url)
            result = await self._git.run(
                "ls-remote", *options, *names, config=endpoint.config
            )
            if result.code or result.is_cut:
                raise translate_failure(result, f"look up a ref of {repository.url}")
            return result

        return await self._follow_redirects(repository.url, ask)

    async def _is_valid(self, ref: Ref) -> bool:
        """Check a ref name with git itself."""
        if not is_tree_path(ref):
            return False  # It cannot be passed as an argument.
        return (await self._git.run("check-ref-format", ref)).code == 0


def _parse_default(out: bytes) -> Ref:
    """Parse the branch that HEAD refers to; `HEAD` itself where it is detached."""
    symref = _SYMREF.search(out)
    return Ref(_text(symref[1])) if symref else HEAD


def _parse_listing(out: bytes) -> Mapping[Ref, CommitSha]:
    """Parse the output of `ls-remote`: id, tab, ref; `^{}` marks a peeled tag."""
    return {
        Ref(_text(name)): CommitSha(oid.decode("ascii"))
        for oid, name in _LISTED.findall(out)
    }


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
