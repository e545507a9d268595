"""Bring one commit's files here: no history, no hooks, no filters."""

import asyncio
import os
import re
from datetime import timedelta
from typing import Final

from service.adapters.gate import Gate
from service.adapters.git_roads import Road, Roads
from service.adapters.local.bench import Bench
from service.adapters.local.failures import StepFailedError, StoppedError
from service.adapters.local.folders import remove_tree
from service.adapters.local.variables import git_variables
from service.domain.failure import FailureClass
from service.errors import RemoteRefusedError, TransientError

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

_DEADLINE: Final = timedelta(minutes=1)
"""For a redirect to be looked up."""
_MAX_MOVES: Final = 4
"""Redirects in a row; a rename and a transfer are two."""
_MOVED: Final = re.compile(r"returned error: 30[12378]")
"""Said by git where it is told to follow no redirect, and meets one."""

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
        StoppedError: Its host may not be asked, or cannot be found.
    """
    bench.source.mkdir(parents=True)
    bench.say(f"commit {bench.job.commit} of {bench.job.repository_url}")
    _git(bench, "init", "--quiet")
    asyncio.run(_fetch_wherever_it_is(bench))
    _git(bench, "checkout", "--quiet", "--force", "--detach", bench.job.commit)
    if (bench.source / ".gitmodules").exists():
        bench.note("submodules are not checked out; builds do not see them")


def drop_history(bench: Bench) -> None:
    """Remove what only git needs."""
    remove_tree(bench.source / ".git")


async def _fetch_wherever_it_is(bench: Bench) -> None:
    """Fetch by the same roads as looks take: to checked addresses, and no others."""
    variables = git_variables(bench.job, bench.own)
    roads = Roads(
        gate=Gate(bench.job.private_hosts), environment=variables, deadline=_DEADLINE
    )
    url = bench.job.repository_url
    try:
        for _ in range(_MAX_MOVES):
            try:
                _fetch(bench, await roads.to(url))
            except StepFailedError:
                if not _MOVED.search("\n".join(bench.transcript.tail)):
                    raise
                url = await roads.moved(url)
                bench.say(f"the repository is at {url} now")
            else:
                return
    except RemoteRefusedError as exc:
        raise StoppedError(FailureClass.CLONE_FAILED, str(exc)) from exc
    except TransientError as exc:
        raise StoppedError(FailureClass.NETWORK, str(exc)) from exc
    raise StoppedError(FailureClass.CLONE_FAILED, f"{url} sends us in circles")


def _fetch(bench: Bench, road: Road) -> None:
    """Fetch the commit by its id, or all refs where the server allows only those."""
    url, commit = road.url, bench.job.commit
    options = [part for key in road.config.items() for part in ("-c", "=".join(key))]
    try:
        _git(bench, *options, "fetch", "--quiet", "--depth=1", "--no-tags", url, commit)
    except StepFailedError:
        if not _names_only(bench.transcript.tail):
            raise
        bench.say("the server gives no commit by its id; fetching all refs")
        refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        _git(bench, *options, "fetch", "--quiet", url, *refs)


def _names_only(lines: tuple[str, ...]) -> bool:
    """Say whether the server refused because no ref points at the commit."""
    said = "\n".join(lines)
    return any(it in said for it in _REFUSALS)


def _git(bench: Bench, *arguments: str) -> None:
    variables = git_variables(bench.job, bench.own)
    bench.run_git([*_HARDENED, *arguments], variables)
