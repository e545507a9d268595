"""Commit statuses: what the forge shows on a commit about its environment.

A status is derived from the stored state, never from an event, so that an event that
arrives twice, late or out of order leads to the same status.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from service.domain.building.build import BuildState, Rebuild
from service.domain.evaluation.comparison import Evaluation, Verdict
from service.domain.push import Trigger
from service.domain.repository import Ref
from service.domain.source import Revision, RevisionKind, Source

__all__ = ["CONTEXT", "CommitState", "CommitStatus", "describe_status", "name_context"]

CONTEXT: Final = "relaunch/environment"
MAX_CONTEXT: Final = 200
"""Characters; forges allow 255."""


class CommitState(Enum):
    """The state of a commit status."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    SKIPPED = "skipped"
    """Nothing was built, and that is no failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """One status of a commit."""

    state: CommitState
    description: str
    """A sentence of any length; the adapters shorten it for their forge."""
    context: str
    """The subject of the status; a newer one of the same context replaces it."""
    ref: Ref | None = None
    """The branch or tag that was evaluated."""
    url: str = ""
    """The URL of the details; empty when there is no public URL."""


def describe_status(
    evaluation: Evaluation, rebuilds: Sequence[Rebuild], *, context: str
) -> CommitStatus | None:
    """Return the commit status for an evaluation; None when none is worth showing.

    Args:
        evaluation: An evaluation of the commit.
        rebuilds: The rebuilds that it requested, in their current state.
        context: The context of the status.
    """
    status = _of_rebuilds(evaluation, rebuilds) or _of_verdict(evaluation)
    if status is None:
        return None
    state, description = status
    return CommitStatus(
        state=state, description=description, context=context, ref=evaluation.ref
    )


def name_context(source: Source, others: Iterable[Source]) -> str:
    """Return a status context that is unique among the sources of a repository.

    Args:
        source: The source whose statuses use the context.
        others: All sources of the repository; `source` itself may be among them.
    """
    beside = [other for other in others if other.id != source.id]
    if not beside:
        return CONTEXT
    context = f"{CONTEXT}/{source.context_dir}".rstrip("/")
    if any(item.context_dir == source.context_dir for item in beside):
        context += f" ({_name(source.revision)})"
    is_long = len(context) > MAX_CONTEXT
    # The end is kept: it has the revision, which is what makes two contexts differ.
    return f"{context[:20]}…{context[21 - MAX_CONTEXT :]}" if is_long else context


def _name(revision: Revision) -> str:
    is_default = revision.kind is RevisionKind.DEFAULT
    return "default branch" if is_default else revision.to_text()


_ORDER: Final = (
    CommitState.PENDING,
    CommitState.FAILURE,
    CommitState.SUCCESS,
    CommitState.SKIPPED,
)
"""Which state wins among several rebuilds: all are pending while one is."""


def _of_rebuilds(
    evaluation: Evaluation, rebuilds: Sequence[Rebuild]
) -> tuple[CommitState, str] | None:
    statuses = [_of_rebuild(evaluation, rebuild) for rebuild in rebuilds]
    return min(statuses, key=lambda pair: _ORDER.index(pair[0]), default=None)


def _of_rebuild(evaluation: Evaluation, rebuild: Rebuild) -> tuple[CommitState, str]:
    message = evaluation.comparison.message
    match rebuild.state:
        case BuildState.QUEUED | BuildState.RUNNING:
            return CommitState.PENDING, f"Building. {message}"
        case BuildState.SUCCEEDED if rebuild.reason == "reused":
            return CommitState.SUCCESS, "Ready: the image was there already."
        case BuildState.SUCCEEDED:
            return CommitState.SUCCESS, f"Built. {message}"
        case BuildState.FAILED:
            failure = rebuild.failure
            cause = f"{failure.kind.word}: {failure.message}" if failure else "failed"
            return CommitState.FAILURE, cause
        case BuildState.CANCELLED:
            return CommitState.SKIPPED, "Not built: somebody cancelled it."
        case BuildState.SUPERSEDED:
            return CommitState.SKIPPED, "Not built: a newer commit took its place."


def _of_verdict(evaluation: Evaluation) -> tuple[CommitState, str] | None:
    """Return the status of an evaluation without rebuilds; None for no status."""
    comparison = evaluation.comparison
    match comparison.verdict:
        case Verdict.UNKNOWN | Verdict.REF_GONE:
            return None
        # A status that the commit has already would only move its time, and GitHub
        # allows 1,000 for each commit and context:
        # https://docs.github.com/en/rest/commits/statuses
        case _ if comparison.reason in _silent(evaluation):
            return None
        case Verdict.NO_DEFINITION:
            return CommitState.FAILURE, f"no_definition: {comparison.message}"
        case Verdict.UNCHANGED:
            return CommitState.SKIPPED, f"Not rebuilt: unchanged. {comparison.message}"
        case Verdict.COSMETIC:
            return CommitState.SKIPPED, f"Not rebuilt: {comparison.message}"
        case Verdict.INITIAL | Verdict.CHANGED:
            return CommitState.SKIPPED, f"Not rebuilt by itself. {comparison.message}"


def _silent(evaluation: Evaluation) -> frozenset[str]:
    """Return the reasons that get no status, by the trigger of the evaluation."""
    return _NOTHING_NEW if evaluation.trigger is Trigger.SWEEP else _KNOWN


_KNOWN: Final = frozenset({"same_commit"})
"""The earlier status of the commit still holds."""
_NOTHING_NEW: Final = frozenset({*_KNOWN, "same_fingerprint", "no_definition"})
"""After a sweep nobody waits for a status that reports no change."""
