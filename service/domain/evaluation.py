"""One comparison of a source's head with what was last seen there."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from service.domain.definition import Definition, Item, Kind, NoDefinition
from service.domain.delivery import DeliveryId
from service.domain.findings import Finding
from service.domain.fingerprint import RULES_VERSION, Fingerprint
from service.domain.push import Evidence
from service.domain.repository import CommitSha, Ref
from service.domain.source import Head, Seen, Source, SourceId

__all__ = [
    "Evaluation",
    "EvaluationId",
    "Judgement",
    "Looked",
    "RefGone",
    "Verdict",
    "judge",
]

EvaluationId = NewType("EvaluationId", str)


class Verdict(Enum):
    """What an evaluation concluded."""

    INITIAL = "initial"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    COSMETIC = "cosmetic"
    NO_DEFINITION = "no_definition"
    REF_GONE = "ref_gone"
    UNKNOWN = "unknown"
    """Nobody could look; tried again, and never taken for unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefGone:
    """The source's revision does not exist at the remote."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at the head found."""

    head: Head
    found: Definition | NoDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict with its reason."""

    verdict: Verdict
    reason: str
    """A machine word: the rule that fired."""
    message: str
    """A sentence: what was compared and what follows."""
    changed: tuple[str, ...] = ()
    """Paths whose content, presence or kind differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A judgement, on record."""

    id: EvaluationId
    source_id: SourceId
    generation: int
    """The source's generation after it; 0 while unknown."""
    evidence: Evidence
    delivery_id: DeliveryId | None
    judgement: Judgement
    commit: CommitSha | None
    ref: Ref | None
    previous: Fingerprint | None
    """The fingerprint it was compared with."""
    fingerprint: Fingerprint | None
    kind: Kind | None
    items: tuple[Item, ...] = ()
    findings: tuple[Finding, ...] = ()
    started_at: datetime
    completed_at: datetime


def judge(source: Source, looked: Looked | RefGone) -> Judgement:
    """Compare what is there now with what was last seen."""
    seen = source.seen
    if isinstance(looked, RefGone):
        return Judgement(
            verdict=Verdict.REF_GONE, reason="ref_gone", message=looked.message
        )
    found = looked.found
    if isinstance(found, NoDefinition):
        return Judgement(
            verdict=Verdict.NO_DEFINITION,
            reason="definition_removed" if seen and seen.meaning else "no_definition",
            message=found.message,
        )
    if seen is None or seen.meaning is None:
        return Judgement(
            verdict=Verdict.INITIAL,
            reason="first_definition",
            message=f"First environment definition seen: {found.path}.",
            changed=(found.path,),
        )
    if seen.rules != RULES_VERSION:
        return Judgement(
            verdict=Verdict.INITIAL,
            reason="rules_changed",
            message="The rules of comparison changed with this version; built anew.",
        )
    return _compare(seen, looked.head, found)


def _compare(seen: Seen, head: Head, found: Definition) -> Judgement:
    if found.fingerprint == seen.fingerprint:
        same_commit = head.commit == seen.commit
        return Judgement(
            verdict=Verdict.UNCHANGED,
            reason="same_commit" if same_commit else "same_fingerprint",
            message=(
                f"The commit {head.commit[:12]} was evaluated already."
                if same_commit
                else f"No file that {found.path} depends on changed."
            ),
        )
    changed = changed_paths(seen.items, found.items)
    names = ", ".join(changed[:5]) + (" …" if len(changed) > 5 else "")  # noqa: PLR2004
    if found.meaning == seen.meaning and found.kind is seen.kind:
        return Judgement(
            verdict=Verdict.COSMETIC,
            reason="same_meaning",
            message=f"{names} changed, but not what gets installed.",
            changed=changed,
        )
    if found.kind is not seen.kind:
        return Judgement(
            verdict=Verdict.CHANGED,
            reason="other_definition",
            message=f"The environment is now defined by {found.path}.",
            changed=changed,
        )
    reason = "definition_changed" if found.path in changed else "include_changed"
    return Judgement(
        verdict=Verdict.CHANGED,
        reason=reason,
        message=f"The environment definition changed: {names}.",
        changed=changed,
    )


def changed_paths(old: tuple[Item, ...], new: tuple[Item, ...]) -> tuple[str, ...]:
    """Return the paths whose mode, content or presence differ, sorted."""
    before = {(it.path, it.mode, it.oid) for it in old}
    after = {(it.path, it.mode, it.oid) for it in new}
    return tuple(sorted({path for path, _, _ in before ^ after}))
