"""Any repository that git itself can reach."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from service.adapters.git_command import Git, Said
from service.adapters.git_errors import failure
from service.adapters.git_tree import GitTree, is_tree_path
from service.domain.evaluation import RefGone
from service.domain.repository import CommitSha, Ref, Repository, is_commit
from service.domain.source import Head, Revision, RevisionKind
from service.errors import RemoteRefusedError
from service.ports.remote import Tree

__all__ = ["SCRATCH_PREFIX", "GitRemote"]

SCRATCH_PREFIX: Final = "relaunch-git-"
"""Begins the name of every temporary folder; one that outlived a killed process may
be removed."""

DEADLINE: Final = timedelta(minutes=2)
"""For one command. A partial fetch of a large repository takes seconds."""

MAX_DOWNLOAD: Final = 512 * 1024 * 1024
"""Bytes one fetch may bring. The trees of the largest public repositories have 100 MB;
more comes from servers that cannot leave files out."""

AT_ONCE: Final = 8
"""Forges refuse clients that open many connections at once."""

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
    ) -> None:
        self._scratch = scratch
        self._max_download = max_download
        self._git = Git(
            environment=environment,
            protocols=("http", "https", *(("file",) if allow_files else ())),
            deadline=deadline,
            at_once=at_once,
        )

    async def head(self, repository: Repository, revision: Revision) -> Head | RefGone:
        if revision.kind is RevisionKind.COMMIT:
            return Head(commit=CommitSha(revision.name), ref=None)
        if revision.kind is RevisionKind.DEFAULT:
            return await self._default_head(repository)
        refs = [ref for ref in revision.refs if await self._is_valid(ref)]
        if not refs:
            return RefGone(message=f"{revision.name[:200]!r} is no name git allows.")
        listed = _listed(await self._ls_remote(repository, refs))
        for ref in refs:
            commit = listed.get(Ref(f"{ref}^{{}}")) or listed.get(ref)
            if commit:
                return Head(commit=commit, ref=ref)
        names = " or ".join(refs)
        return RefGone(message=f"{repository.url} has no {names}.")

    @asynccontextmanager
    async def tree(
        self, repository: Repository, commit: CommitSha
    ) -> AsyncIterator[Tree]:
        if not is_commit(commit):
            raise RemoteRefusedError(f"{commit[:80]!r} is no commit id")
        with TemporaryDirectory(
            prefix=SCRATCH_PREFIX, dir=self._scratch, ignore_cleanup_errors=True
        ) as folder:
            tree = GitTree(
                git=self._git,
                folder=Path(folder),
                url=repository.url,
                commit=commit,
                max_download=self._max_download,
            )
            await tree.fetch()
            yield tree

    async def _default_head(self, repository: Repository) -> Head | RefGone:
        said = await self._ls_remote(repository, [_HEAD])
        commit = _listed(said).get(_HEAD)
        if commit is None:
            return RefGone(
                message=f"{repository.url} has no commits on a default branch yet."
            )
        symref = _SYMREF.search(said.out)
        # A repository that somebody works in may have no branch checked out.
        ref = Ref(_text(symref[1])) if symref else _HEAD
        return Head(commit=commit, ref=ref)

    async def _ls_remote(self, repository: Repository, refs: list[Ref]) -> Said:
        """Ask for refs; where they say where they are, for nothing else."""
        places = {"refs/heads/": "--heads", "refs/tags/": "--tags"}
        said = await self._git.run(
            "ls-remote",
            "--symref",
            *(places[it] for it in places if any(ref.startswith(it) for ref in refs)),
            "--end-of-options",
            repository.url,
            *(name for ref in refs for name in (ref, f"{ref}^{{}}")),
        )
        if said.code or said.is_cut:
            raise failure(said, f"look up a ref of {repository.url}")
        return said

    async def _is_valid(self, ref: Ref) -> bool:
        """Ask git, whose rules they are."""
        if not is_tree_path(ref):
            return False  # It cannot even be written on a command line.
        return (await self._git.run("check-ref-format", ref)).code == 0


def _listed(said: Said) -> Mapping[Ref, CommitSha]:
    """Read `ls-remote`: an id, a tab, a ref; `^{}` marks what a tag stands for."""
    return {
        Ref(_text(name)): CommitSha(oid.decode("ascii"))
        for oid, name in _LISTED.findall(said.out)
    }


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
