"""Check out one commit: no history, no hooks, no filters."""

import asyncio
import os
import re
from datetime import timedelta
from typing import Final

from service.adapters.egress import EgressPolicy
from service.adapters.git.transport import EndpointResolver, GitEndpoint
from service.adapters.local.errors import StepFailedError, StoppedError
from service.adapters.local.folders import remove_tree
from service.adapters.local.worker.context import BuildContext
from service.adapters.local.worker.environment import git_variables
from service.domain.building.failure import FailureClass
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
"""Keeps git from running programs of the repository or of this machine's settings."""

_DEADLINE: Final = timedelta(minutes=1)
"""For looking up a redirect."""
_MAX_MOVES: Final = 4
"""Redirects in a row; a renamed and transferred repository has two."""
_MOVED: Final = re.compile(r"returned error: 30[12378]")
"""Printed by git for a redirect, where `http.followRedirects` is off."""

_REFUSALS: Final = (
    "unadvertised object",
    "not our ref",
    "does not support shallow",
)
"""Answers of servers that serve no commit by its id, or no partial history."""


def clone(context: BuildContext) -> None:
    """Check out the build's commit into the source folder.

    Raises:
        StepFailedError: git failed; the transcript has its output.
        StoppedError: The policy does not allow the host, or it cannot be resolved.
    """
    context.source.mkdir(parents=True)
    context.log(f"commit {context.job.commit} of {context.job.repository_url}")
    _git(context, "init", "--quiet")
    asyncio.run(_fetch_wherever_it_is(context))
    # By the id, and git checks that: a server that sends another commit fails here.
    _git(context, "checkout", "--quiet", "--force", "--detach", context.job.commit)
    if (context.source / ".gitmodules").exists():
        context.note("submodules are not checked out; builds do not see them")


def drop_history(context: BuildContext) -> None:
    """Remove the folder `.git`."""
    remove_tree(context.source / ".git")


async def _fetch_wherever_it_is(context: BuildContext) -> None:
    """Fetch the commit, following redirects within the egress policy."""
    variables = git_variables(context.job, context.own)
    endpoints = EndpointResolver(
        gate=EgressPolicy(context.job.private_hosts),
        environment=variables,
        deadline=_DEADLINE,
    )
    url = context.job.repository_url
    try:
        for _ in range(_MAX_MOVES):
            try:
                _fetch(context, await endpoints.resolve(url))
            except StepFailedError:
                # Git has no exit code of its own for a redirect.
                if not _MOVED.search("\n".join(context.transcript.tail)):
                    raise
                url = await endpoints.resolve_redirect(url)
                context.log(f"the repository is at {url} now")
            else:
                return
    except RemoteRefusedError as exc:
        raise StoppedError(FailureClass.CLONE_FAILED, str(exc)) from exc
    except TransientError as exc:
        raise StoppedError(FailureClass.NETWORK, str(exc)) from exc
    message = f"{url}: more than {_MAX_MOVES} redirects"
    raise StoppedError(FailureClass.CLONE_FAILED, message)


def _fetch(context: BuildContext, endpoint: GitEndpoint) -> None:
    """Fetch the commit by its id, or all refs where the server allows only those."""
    url, commit = endpoint.url, context.job.commit
    options = [
        part for key in endpoint.config.items() for part in ("-c", "=".join(key))
    ]
    try:
        _git(
            context, *options, "fetch", "--quiet", "--depth=1", "--no-tags", url, commit
        )
    except StepFailedError:
        if not _names_only(context.transcript.tail):
            raise
        context.log("the server gives no commit by its id; fetching all refs")
        refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        _git(context, *options, "fetch", "--quiet", url, *refs)


def _names_only(lines: tuple[str, ...]) -> bool:
    """Return whether the server refused because no ref points at the commit."""
    output = "\n".join(lines)
    return any(refusal in output for refusal in _REFUSALS)


def _git(context: BuildContext, *arguments: str) -> None:
    variables = git_variables(context.job, context.own)
    context.run_git([*_HARDENED, *arguments], variables)
