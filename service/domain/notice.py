"""What is said on a commit about its environment: facts in, words out.

A notice is read off the ledger as it stands, never off an event: whoever hears of an
event again, late or out of order finds the same thing to say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from service.domain.build import BuildState, Rebuild
from service.domain.evaluation import Evaluation, Verdict
from service.domain.push import Evidence
from service.domain.repository import Ref
from service.domain.source import Revision, RevisionKind, Source

__all__ = ["CONTEXT", "Notice", "NoticeState", "context_of", "notice_of"]

CONTEXT: Final = "relaunch/environment"
MAX_CONTEXT: Final = 200
"""Characters; forges keep 255."""


class NoticeState(Enum):
    """How a commit's environment fares."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    SKIPPED = "skipped"
    """Nothing was built, and nothing is wrong with that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One status of a commit."""

    state: NoticeState
    description: str
    """A sentence, as long as it is; forges cut it where they must."""
    context: str
    """What the status is about; a newer one of the same context takes its place."""
    ref: Ref | None = None
    """The branch or tag that was looked at."""
    url: str = ""
    """Where the whole story is; empty when nobody could open it."""


def notice_of(
    evaluation: Evaluation, rebuilds: Sequence[Rebuild], *, context: str
) -> Notice | None:
    """Return what an evaluation makes worth saying; None when nothing.

    Args:
        evaluation: A look at the commit.
        rebuilds: What it asked for, as it stands now.
        context: What the notice is about.
    """
    said = _of_rebuilds(evaluation, rebuilds) or _of_verdict(evaluation)
    if said is None:
        return None
    state, description = said
    return Notice(
        state=state, description=description, context=context, ref=evaluation.ref
    )


def context_of(source: Source, others: Iterable[Source]) -> str:
    """Name what a source's notices are about, apart from those of its repository.

    Args:
        source: Whose notices they are.
        others: Everything that is followed of its repository; itself may be there.
    """
    beside = [it for it in others if it.id != source.id]
    if not beside:
        return CONTEXT
    context = f"{CONTEXT}/{source.context_dir}".rstrip("/")
    if any(it.context_dir == source.context_dir for it in beside):
        context += f" ({_name(source.revision)})"
    is_long = len(context) > MAX_CONTEXT
    return f"{context[:20]}…{context[21 - MAX_CONTEXT :]}" if is_long else context


def _name(revision: Revision) -> str:
    is_default = revision.kind is RevisionKind.DEFAULT
    return "default branch" if is_default else revision.to_text()


_ORDER: Final = (
    NoticeState.PENDING,
    NoticeState.FAILURE,
    NoticeState.SUCCESS,
    NoticeState.SKIPPED,
)
"""Which of several rebuilds speaks for all: nothing has ended while one has not."""


def _of_rebuilds(
    evaluation: Evaluation, rebuilds: Sequence[Rebuild]
) -> tuple[NoticeState, str] | None:
    said = [_of_rebuild(evaluation, it) for it in rebuilds]
    return min(said, key=lambda it: _ORDER.index(it[0]), default=None)


def _of_rebuild(evaluation: Evaluation, rebuild: Rebuild) -> tuple[NoticeState, str]:
    message = evaluation.judgement.message
    match rebuild.state:
        case BuildState.QUEUED | BuildState.RUNNING:
            return NoticeState.PENDING, f"Building. {message}"
        case BuildState.SUCCEEDED if rebuild.reason == "reused":
            return NoticeState.SUCCESS, "Ready: the image was there already."
        case BuildState.SUCCEEDED:
            return NoticeState.SUCCESS, f"Built. {message}"
        case BuildState.FAILED:
            failure = rebuild.failure
            told = f"{failure.kind.word}: {failure.message}" if failure else "failed"
            return NoticeState.FAILURE, told
        case BuildState.CANCELLED:
            return NoticeState.SKIPPED, "Not built: somebody cancelled it."
        case BuildState.SUPERSEDED:
            return NoticeState.SKIPPED, "Not built: a newer commit took its place."


def _of_verdict(evaluation: Evaluation) -> tuple[NoticeState, str] | None:
    """Say what follows where nothing was asked for."""
    judgement = evaluation.judgement
    match judgement.verdict:
        case Verdict.UNKNOWN | Verdict.REF_GONE:
            return None
        case _ if judgement.reason in _silent(evaluation):
            return None
        case Verdict.NO_DEFINITION:
            return NoticeState.FAILURE, f"no_definition: {judgement.message}"
        case Verdict.UNCHANGED:
            return NoticeState.SKIPPED, f"Not rebuilt: unchanged. {judgement.message}"
        case Verdict.COSMETIC:
            return NoticeState.SKIPPED, f"Not rebuilt: {judgement.message}"
        case Verdict.INITIAL | Verdict.CHANGED:
            return NoticeState.SKIPPED, f"Not rebuilt by itself. {judgement.message}"


def _silent(evaluation: Evaluation) -> frozenset[str]:
    """Return the reasons that are not worth a word, by who asked for the look."""
    return _NOTHING_NEW if evaluation.evidence is Evidence.SWEEP else _KNOWN


_KNOWN: Final = frozenset({"same_commit"})
"""What was said of the commit before still holds."""
_NOTHING_NEW: Final = frozenset({*_KNOWN, "same_fingerprint", "no_definition"})
"""Nobody pushed, as far as we know, and nobody waits to hear that nothing is."""
