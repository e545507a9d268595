"""A history, replayed over plain git or at a forge."""

from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass

from service.adapters.clock import SystemClock
from service.adapters.git.counting import Counted
from service.adapters.git.history import History, open_history
from service.adapters.git.remote import GitRemote
from service.domain.evaluation.replay import Report
from service.domain.repository import CommitSha, Repository
from service.ports.remote import Remote
from service.usecases.replay import ReplayEnvironment, replay
from tests.support.repos import Repo
from tests.support.sandbox import SANDBOX
from tests.support.ways import MetByApi, MetByHttp


@dataclass(frozen=True)
class AtForge:
    """Implements `ReplayEnvironment` by a repository at a forge, or another server."""

    repo: MetByApi | MetByHttp
    history: History
    """Its own, to ask git for differences."""
    named: Sequence[str] | None = None
    """What each push says that it changed; None says what git says."""

    @property
    def repository(self) -> Repository:
        if isinstance(self.repo, MetByApi):
            return self.repo.hosted.repository
        return self.repo.repository

    async def push(self, commit: CommitSha) -> None:
        self.repo.point("refs/heads/main", commit)

    async def changed_paths(self, one: CommitSha, other: CommitSha) -> Sequence[str]:
        if self.named is not None:
            return self.named
        return await self.history.changed_paths(one, other)

    async def differ(
        self, one: CommitSha, other: CommitSha, paths: Mapping[str, bool]
    ) -> bool:
        return await self.history.differ(one, other, paths)


async def replayed(
    repo: Repo, commits: Sequence[CommitSha], *, named: Sequence[str] | None = None
) -> Report:
    """Push a repository's commits once more, the way it is met.

    Args:
        repo: The repository.
        commits: Its commits.
        named: What each push is to say that it changed, instead of what it did.
    """
    async with open_history(str(repo.path), environment={}) as history:
        if isinstance(repo, MetByApi | MetByHttp):
            asked: Sized = (
                repo.forge.requests if isinstance(repo, MetByApi) else repo.server.seen
            )
            stage = AtForge(repo, history, named)
            return await judged(commits, stage, repo.remote, lambda: len(asked))
        git = Counted(GitRemote(environment={}, allow_files=True))
        return await judged(commits, history, git, lambda: git.requests)


async def judged(
    commits: Sequence[CommitSha],
    stage: ReplayEnvironment,
    remote: Remote,
    asked: Callable[[], int] = lambda: 0,
) -> Report:
    """Replay onto a stage, with whatever remote answers for it."""
    pushes = replay(
        commits,
        stage=stage,
        remote=remote,
        sandbox=SANDBOX,
        asked=asked,
        context_dir="",
        clock=SystemClock(),
    )
    return Report(pushes=tuple([push async for push in pushes]))
