"""Replay a git history push by push, and compare each decision with git's diff.

Each push is evaluated as the service does it. The result is compared with git: whether
two commits differ at any path of the closure before or after. Git computes the diff,
but the paths come from our own parser; that the parser misses no path is tested by the
histories of the test suite.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from service.definitions.known_readings import KnownReadings
from service.domain.definition import Item
from service.domain.evaluation.comparison import Verdict, compare, update_seen
from service.domain.evaluation.replay import (
    ROOT,
    ReplayAction,
    ReplayedPush,
    Wanted,
    classify_push,
)
from service.domain.repository import CommitSha, Repository
from service.domain.source import Revision, Seen, Source, SourceId
from service.errors import PermanentError
from service.forges.changed_paths import likeliest_paths
from service.ports.remote import Remote
from service.ports.sandbox import Sandbox
from service.ports.time import Clock
from service.usecases.observe import observe

__all__ = ["ReplayEnvironment", "replay"]


class ReplayEnvironment(Protocol):
    """A repository that a history is pushed to."""

    @property
    def repository(self) -> Repository:
        """The repository; its default branch is what moves."""
        ...

    async def push(self, commit: CommitSha) -> None:
        """Move the branch to a commit."""
        ...

    async def changed_paths(self, one: CommitSha, other: CommitSha) -> Sequence[str]:
        """Return what the forge's delivery of a push would name.

        Args:
            one: The commit before it.
            other: The commit after it.
        """
        ...

    async def differ(
        self, one: CommitSha, other: CommitSha, paths: Mapping[str, bool]
    ) -> bool:
        """Return whether git finds a difference between two commits at some paths.

        Args:
            one: A commit.
            other: Another commit.
            paths: Paths from the root (`.` is the root itself), each with whether its
                content counts or only its presence.
        """
        ...


async def replay(
    commits: Sequence[CommitSha],
    *,
    stage: ReplayEnvironment,
    remote: Remote,
    sandbox: Sandbox,
    asked: Callable[[], int],
    context_dir: str,
    clock: Clock,
) -> AsyncIterator[ReplayedPush]:
    """Push commits one after the other, and report each push but the first.

    Args:
        commits: The head of the branch after each push; the first is the initial state.
        stage: The repository that they are pushed to.
        remote: Reads that repository.
        sandbox: Parses definitions.
        asked: Returns how many requests the remote got so far.
        context_dir: The directory of the definition; empty for the root.
        clock: The current time.

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
    pushed: CommitSha | None = None
    before: CommitSha | None = None
    """The commit whose definition was last seen: the next one is compared with it."""
    for commit in commits:
        await stage.push(commit)
        named = await stage.changed_paths(pushed, commit) if pushed else ()
        pushed = commit
        # Taken before the evaluation: git compares the closure of both sides, as a file
        # that left the closure with this push counts, too.
        known, begun = player.seen, asked()
        verdict, reason = await player.evaluate(likeliest_paths(named))
        requests = asked() - begun
        act = player.act(verdict)
        if before is not None:
            paths = _paths((*known, *player.seen))
            yield ReplayedPush(
                commit=commit,
                act=act,
                reason=reason,
                is_changed=await stage.differ(before, commit, paths),
                is_whole=paths.get(ROOT, False),
                requests=requests,
            )
        # After a push that could not be read the service still compares with what it
        # saw last, and so does git here.
        if verdict is not Verdict.UNKNOWN:
            before = commit


class _Player:
    """Evaluates the replayed repository as the service evaluates a source."""

    def __init__(
        self,
        *,
        stage: ReplayEnvironment,
        remote: Remote,
        sandbox: Sandbox,
        context_dir: str,
        clock: Clock,
    ) -> None:
        self._remote = remote
        self._sandbox = sandbox
        self._readings = KnownReadings()
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
        """The closure that was last seen, with its absent paths."""
        return self._source.seen.items if self._source.seen else ()

    async def evaluate(self, changed_paths: Sequence[str]) -> tuple[Verdict, str]:
        """Evaluate the head, update the source, and return verdict and reason."""
        source = self._source
        try:
            observed = await observe(
                self._remote,
                source.repository,
                source.revision,
                source.context_dir,
                sandbox=self._sandbox,
                readings=self._readings,
                known=source.seen,
                changed_paths=changed_paths,
            )
        except PermanentError:
            return Verdict.UNKNOWN, "unreadable"
        comparison = compare(source, observed)
        seen = update_seen(source, observed, self._clock.now())
        self._source = replace(source, generation=source.generation + 1, seen=seen)
        return comparison.verdict, comparison.reason

    def act(self, verdict: Verdict) -> ReplayAction:
        """Return the action that follows from a verdict, and remember the image."""
        wanted = _wanted(self._source.seen)
        act = classify_push(verdict, wanted, self._made)
        if wanted is not None:
            self._made.add(wanted)
        return act


def _paths(items: Iterable[Item]) -> Mapping[str, bool]:
    """Return every path, with whether its content counts in any of the closures."""
    paths: dict[str, bool] = {}
    for item in items:
        paths[item.path] = bool(item.oid) or paths.get(item.path, False)
    return paths


def _wanted(seen: Seen | None) -> Wanted | None:
    if seen is None or seen.kind is None or seen.meaning is None:
        return None
    return seen.kind, seen.meaning
