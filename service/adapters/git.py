"""Any repository that git itself can reach."""

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

from service.adapters.gate import ANYWHERE, Gate
from service.adapters.git_command import Git, Said
from service.adapters.git_errors import MovedError, failure
from service.adapters.git_roads import Road, Roads
from service.adapters.git_tree import GitTree, is_tree_path
from service.domain.evaluation import RefGone
from service.domain.repository import CommitSha, Ref, Repository, is_commit
from service.domain.source import Head, Revision, RevisionKind
from service.errors import RemoteRefusedError
from service.ports.remote import Tree

__all__ = ["SCRATCH_PREFIX", "GitRemote"]

SCRATCH_PREFIX: Final = "relaunch-git-"
"""Begins the name of every temporary folder."""

DEADLINE: Final = timedelta(minutes=2)
"""For one command. A partial fetch of a large repository takes seconds."""

MAX_DOWNLOAD: Final = 512 * 1024 * 1024
"""Bytes one fetch may bring. The trees of the largest public repositories have 100 MB;
more comes from servers that cannot leave files out."""

AT_ONCE: Final = 8
"""Forges refuse clients that open many connections at once."""

MAX_MOVES: Final = 4
"""Redirects in a row; a rename and a transfer are two."""

T = TypeVar("T")

_SYMREF: Final = re.compile(rb"^ref: (\S+)\tHEAD$", re.MULTILINE)
_LISTED: Final = re.compile(rb"^([0-9a-f]{40}(?:[0-9a-f]{24})?)\t(\S+)$", re.MULTILINE)
_HEAD: Final = Ref("HEAD")


class GitRemote:
    """Answers for repositories by running git.

    Args:
        environment: Ours; only proxies and certificates are taken from it.
        allow_files: Whether `file://` repositories of this machine may be read.
        scratch: Where temporary folders are made; the system's place when None.
        deadline: How long one git command may take.
        max_download: How many bytes one fetch may bring, where it can be limited.
        at_once: How many git commands may run at one time.
        gate: Which hosts may be asked.
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
        gate: Gate = ANYWHERE,
    ) -> None:
        self._roads = Roads(gate=gate, environment=environment, deadline=deadline)
        self._scratch = scratch
        self._max_download = max_download
        self._git = Git(
            environment=environment,
            protocols=("http", "https", *(("file",) if allow_files else ())),
            deadline=deadline,
            at_once=at_once,
        )

    async def head(self, repository: Repository, revision: Revision) -> Head | RefGone:
        return (await self.heads(repository, (revision,)))[revision]

    async def heads(
        self, repository: Repository, revisions: Collection[Revision]
    ) -> Mapping[Revision, Head | RefGone]:
        refs = {it: await self._refs(it) for it in revisions}
        asked = list(dict.fromkeys(ref for each in refs.values() for ref in each))
        said = await self._ls_remote(repository, asked) if asked else None
        listed = _listed(said.out) if said else {}
        default = _default(said.out) if said else _HEAD
        return {
            it: _head(repository, it, refs[it], listed, default=default)
            for it in revisions
        }

    async def _refs(self, revision: Revision) -> Sequence[Ref]:
        """Return the refs that can carry a revision, and that git allows."""
        if revision.kind is RevisionKind.DEFAULT:
            return [_HEAD]
        return [ref for ref in revision.refs if await self._is_valid(ref)]

    @asynccontextmanager
    async def tree(
        self, repository: Repository, commit: CommitSha
    ) -> AsyncIterator[Tree]:
        if not is_commit(commit):
            raise RemoteRefusedError(f"{commit[:80]!r} is no commit id")
        with TemporaryDirectory(
            prefix=SCRATCH_PREFIX, dir=self._scratch, ignore_cleanup_errors=True
        ) as folder:
            yield await self._on_the_way(
                repository.url,
                lambda road: self._fetched(Path(folder), road, commit),
            )

    async def _fetched(self, folder: Path, road: Road, commit: CommitSha) -> GitTree:
        tree = GitTree(
            git=self._git,
            folder=folder,
            road=road,
            commit=commit,
            max_download=self._max_download,
        )
        await tree.fetch()
        return tree

    async def _on_the_way(self, url: str, work: Callable[[Road], Awaitable[T]]) -> T:
        """Do something with a repository, wherever it has moved to."""
        for _ in range(MAX_MOVES):
            try:
                return await work(await self._roads.to(url))
            except MovedError:
                url = await self._roads.moved(url)
        raise RemoteRefusedError(f"{url} sends us in circles")

    async def _ls_remote(self, repository: Repository, refs: list[Ref]) -> Said:
        """Ask for refs; where they say where they are, for nothing else."""
        places = {"refs/heads/": "--heads", "refs/tags/": "--tags"}
        where = [places[it] for it in places if any(ref.startswith(it) for ref in refs)]
        if _HEAD in refs:
            where = []  # It is in neither place.
        names = [name for ref in refs for name in (ref, f"{ref}^{{}}")]

        async def ask(road: Road) -> Said:
            options = ("--symref", *where, "--end-of-options", road.url)
            said = await self._git.run(
                "ls-remote", *options, *names, config=road.config
            )
            if said.code or said.is_cut:
                raise failure(said, f"look up a ref of {repository.url}")
            return said

        return await self._on_the_way(repository.url, ask)

    async def _is_valid(self, ref: Ref) -> bool:
        """Ask git, whose rules they are."""
        if not is_tree_path(ref):
            return False  # It cannot even be written on a command line.
        return (await self._git.run("check-ref-format", ref)).code == 0


def _head(
    repository: Repository,
    revision: Revision,
    refs: Sequence[Ref],
    listed: Mapping[Ref, CommitSha],
    *,
    default: Ref,
) -> Head | RefGone:
    """Say what a revision stands for, among the refs that a remote listed."""
    if revision.kind is RevisionKind.COMMIT:
        return Head(commit=CommitSha(revision.name), ref=None)
    for ref in refs:
        commit = listed.get(Ref(f"{ref}^{{}}")) or listed.get(ref)
        if commit:
            return Head(commit=commit, ref=default if ref == _HEAD else ref)
    if revision.kind is RevisionKind.DEFAULT:
        message = f"{repository.url} has no commits on a default branch yet."
    elif refs:
        message = f"{repository.url} has no {' or '.join(refs)}."
    else:
        message = f"{revision.name[:200]!r} is no name git allows."
    return RefGone(message=message)


def _default(out: bytes) -> Ref:
    """Read which branch HEAD is; one that somebody works in may have none."""
    symref = _SYMREF.search(out)
    return Ref(_text(symref[1])) if symref else _HEAD


def _listed(out: bytes) -> Mapping[Ref, CommitSha]:
    """Read `ls-remote`: an id, a tab, a ref; `^{}` marks what a tag stands for."""
    return {
        Ref(_text(name)): CommitSha(oid.decode("ascii"))
        for oid, name in _LISTED.findall(out)
    }


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
