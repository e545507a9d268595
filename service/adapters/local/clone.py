"""Bring one commit's files here: no history, no hooks, no filters."""

import os
from typing import Final

from service.adapters.local.bench import Bench
from service.adapters.local.failures import StepFailedError
from service.adapters.local.folders import remove_tree
from service.adapters.local.variables import git_variables

__all__ = ["clone", "drop_history"]

_HARDENED: Final = (
    "git",
    "-c",
    f"core.hooksPath={os.devnull}",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "credential.helper=",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "fetch.fsckObjects=true",
    "-c",
    "gc.auto=0",
    "-c",
    "advice.detachedHead=false",
)
"""Nothing of the repository or of this machine's configuration gets to run."""


_REFUSALS: Final = (
    "unadvertised object",
    "not our ref",
    "does not support shallow",
)
"""Said by servers that give no commit by its id, or no part of a history."""


def clone(bench: Bench) -> None:
    """Check out the build's commit into the source folder.

    Raises:
        StepFailedError: git could not; the transcript says why.
    """
    bench.source.mkdir(parents=True)
    bench.say(f"commit {bench.job.commit} of {bench.job.repository_url}")
    _git(bench, "init", "--quiet")
    _fetch(bench)
    _git(bench, "checkout", "--quiet", "--force", "--detach", bench.job.commit)
    if (bench.source / ".gitmodules").exists():
        bench.note("submodules are not checked out; builds do not see them")


def drop_history(bench: Bench) -> None:
    """Remove what only git needs."""
    remove_tree(bench.source / ".git")


def _fetch(bench: Bench) -> None:
    """Fetch the commit by its id, or all refs where the server allows only those."""
    url, commit = bench.job.repository_url, bench.job.commit
    try:
        _git(bench, "fetch", "--quiet", "--depth=1", "--no-tags", url, commit)
    except StepFailedError:
        if not _names_only(bench.transcript.tail):
            raise
        bench.say("the server gives no commit by its id; fetching all refs")
        refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        _git(bench, "fetch", "--quiet", url, *refs)


def _names_only(lines: tuple[str, ...]) -> bool:
    """Say whether the server refused because no ref points at the commit."""
    said = "\n".join(lines)
    return any(it in said for it in _REFUSALS)


def _git(bench: Bench, *arguments: str) -> None:
    variables = git_variables(bench.job, bench.own)
    bench.run_git([*_HARDENED, *arguments], variables)
