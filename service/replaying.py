"""Replaying: a history that is known, pushed once more and judged push by push.

Each push is looked at and judged as the service does it. What came of it is compared
with what git says: whether two commits differ at any path of the closure before or
after. Git finds the difference, the paths are ours; that the reading of definitions
finds every path is what the histories of the test suite show.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from service.domain.definition import Item
from service.domain.evaluation import Verdict, judge, seen_after
from service.domain.replaying import ROOT, Act, Played, Wanted, act_of
from service.domain.repository import CommitSha, Repository
from service.domain.source import Revision, Seen, Source, SourceId
from service.errors import PermanentError
from service.look import look
from service.ports.remote import Remote
from service.ports.sandbox import Sandbox
from service.ports.time import Clock

__all__ = ["Stage", "replay"]


class Stage(Protocol):
    """A repository that a history is pushed to once more."""

    @property
    def repository(self) -> Repository:
        """Where it is to be looked at; its default branch is what moves."""
        ...

    async def push(self, commit: CommitSha) -> None:
        """Move the branch to a commit."""
        ...

    async def differ(
        self, one: CommitSha, other: CommitSha, paths: Mapping[str, bool]
    ) -> bool:
        """Say whether git finds a difference between two commits at some paths.

        Args:
            one: A commit.
            other: Another.
            paths: From the root (`.` is the root itself), each with whether what is
                in it counts; else only whether it is there.
        """
        ...


async def replay(
    commits: Sequence[CommitSha],
    *,
    stage: Stage,
    remote: Remote,
    sandbox: Sandbox,
    asked: Callable[[], int],
    context_dir: str,
    clock: Clock,
) -> AsyncIterator[Played]:
    """Push commits one after the other, and judge each push but the first.

    Args:
        commits: Where the branch was after each push; the first is what is known.
        stage: Where they are pushed to.
        remote: Answers for the stage.
        sandbox: Where definitions are read.
        asked: Says how often the remote was asked so far.
        context_dir: Where the definition is; empty for the root.
        clock: Tells the time.

    Raises:
        TransientError: The remote did not answer.
    """
    player = _Player(
        stage=stage,
        remote=remote,
        sandbox=sandbox,
        context_dir=context_dir,
        clock=clock,
    )
    before: CommitSha | None = None
    """The commit whose definition was last seen: it is what the next is judged by."""
    for commit in commits:
        await stage.push(commit)
        known, begun = player.seen, asked()
        verdict, reason = await player.look()
        requests = asked() - begun
        act = player.act(verdict)
        if before is not None:
            paths = _paths((*known, *player.seen))
            yield Played(
                commit=commit,
                act=act,
                reason=reason,
                is_changed=await stage.differ(before, commit, paths),
                is_whole=paths.get(ROOT, False),
                requests=requests,
            )
        if verdict is not Verdict.UNKNOWN:
            before = commit


class _Player:
    """Follows the stage as the service follows a source."""

    def __init__(
        self,
        *,
        stage: Stage,
        remote: Remote,
        sandbox: Sandbox,
        context_dir: str,
        clock: Clock,
    ) -> None:
        self._remote = remote
        self._sandbox = sandbox
        self._clock = clock
        self._made: set[Wanted] = set()
        self._source = Source(
            id=SourceId("replayed"),
            repository=stage.repository,
            revision=Revision.from_text(None),
            context_dir=context_dir,
            created_at=clock.now(),
        )

    @property
    def seen(self) -> Sequence[Item]:
        """The closure that was last seen, with what was looked for in vain."""
        return self._source.seen.items if self._source.seen else ()

    async def look(self) -> tuple[Verdict, str]:
        """Look at the head, advance the source, return the verdict and its reason."""
        source = self._source
        try:
            looked = await look(
                self._remote,
                source.repository,
                source.revision,
                source.context_dir,
                sandbox=self._sandbox,
                known=source.seen,
            )
        except PermanentError:
            return Verdict.UNKNOWN, "unreadable"
        judgement = judge(source, looked)
        seen = seen_after(source, looked, self._clock.now())
        self._source = replace(source, generation=source.generation + 1, seen=seen)
        return judgement.verdict, judgement.reason

    def act(self, verdict: Verdict) -> Act:
        """Say what a verdict leads to, and remember the image it makes."""
        wanted = _wanted(self._source.seen)
        act = act_of(verdict, wanted, self._made)
        if wanted is not None:
            self._made.add(wanted)
        return act


def _paths(items: Iterable[Item]) -> Mapping[str, bool]:
    """Return every path with whether its content counts for anybody."""
    paths: dict[str, bool] = {}
    for it in items:
        paths[it.path] = bool(it.oid) or paths.get(it.path, False)
    return paths


def _wanted(seen: Seen | None) -> Wanted | None:
    if seen is None or seen.kind is None or seen.meaning is None:
        return None
    return seen.kind, seen.meaning
