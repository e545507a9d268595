"""One comparison of a source's head with what was last seen there."""

from dataclasses import dataclass, replace
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
    "SameHead",
    "Verdict",
    "defined",
    "judge",
    "remembered",
    "seen_after",
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
class SameHead:
    """The head is the commit whose definition was last seen: nobody looked again."""

    head: Head


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
    delivery_ids: tuple[DeliveryId, ...]
    """Every delivery that this one look answers."""
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


def judge(source: Source, looked: Looked | SameHead | RefGone) -> Judgement:
    """Compare what is there now with what was last seen."""
    seen = source.seen
    if isinstance(looked, SameHead):
        return _same_commit(looked.head)
    if isinstance(looked, RefGone):
        return Judgement(
            verdict=Verdict.REF_GONE, reason="ref_gone", message=looked.message
        )
    found = looked.found
    if isinstance(found, NoDefinition):
        reason = "definition_removed" if seen and seen.meaning else "no_definition"
        return Judgement(
            verdict=Verdict.NO_DEFINITION,
            reason=found.reason or reason,
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
        if head.commit == seen.commit:
            return _same_commit(head)
        return Judgement(
            verdict=Verdict.UNCHANGED,
            reason="same_fingerprint",
            message=f"No file that {found.path} depends on changed.",
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
    roles = {it.path: it.role for it in (*seen.items, *found.items)}
    if changed and all(roles[path] == "code" for path in changed):
        return Judgement(
            verdict=Verdict.CHANGED,
            reason="code_changed",
            message=f"The code of an installed local project changed: {names}.",
            changed=changed,
        )
    reason = "definition_changed" if found.path in changed else "include_changed"
    return Judgement(
        verdict=Verdict.CHANGED,
        reason=reason,
        message=f"The environment definition changed: {names}.",
        changed=changed,
    )


def _same_commit(head: Head) -> Judgement:
    return Judgement(
        verdict=Verdict.UNCHANGED,
        reason="same_commit",
        message=f"The commit {head.commit[:12]} was evaluated already.",
    )


def changed_paths(old: tuple[Item, ...], new: tuple[Item, ...]) -> tuple[str, ...]:
    """Return the paths whose mode, content or presence differ, sorted."""
    before = {(it.path, it.mode, it.oid) for it in old}
    after = {(it.path, it.mode, it.oid) for it in new}
    return tuple(sorted({path for path, _, _ in before ^ after}))


def seen_after(
    source: Source, looked: Looked | SameHead | RefGone, at: datetime
) -> Seen:
    """Return what the source has seen once a look is over.

    While its ref is gone the last definition stays known, to be compared with when
    the ref is back. Where there is no definition any more, what was looked for stays.
    """
    if isinstance(looked, Looked):
        return _seen(looked, at)
    seen = source.seen or Seen(
        commit=None, ref=None, fingerprint=None, meaning=None, kind=None, at=at
    )
    if isinstance(looked, RefGone):
        return replace(seen, commit=None, ref=None, at=at)
    return replace(seen, commit=looked.head.commit, ref=looked.head.ref, at=at)


def _seen(looked: Looked, at: datetime) -> Seen:
    found = looked.found
    nothing = Seen(
        commit=looked.head.commit,
        ref=looked.head.ref,
        fingerprint=None,
        meaning=None,
        kind=None,
        items=found.items,
        at=at,
    )
    if isinstance(found, NoDefinition):
        return nothing
    return replace(
        nothing,
        fingerprint=found.fingerprint,
        meaning=found.meaning,
        kind=found.kind,
        declared=found.declared,
    )


def remembered(source: Source, same: SameHead) -> Looked:
    """Return what a look would find at a head that was seen before.

    Raises:
        ValueError: The source has seen no definition.
    """
    found = defined(source)
    if found is None:
        raise ValueError(f"source {source.id} has seen no definition")
    return Looked(head=same.head, found=found)


def defined(source: Source) -> Definition | None:
    """Return the definition that was last seen; None while none is at the head."""
    seen = source.seen
    if not seen or not seen.kind or not seen.fingerprint or not seen.meaning:
        return None
    if seen.commit is None:
        return None
    return Definition(
        kind=seen.kind,
        path=next(it.path for it in seen.items if it.role == "definition"),
        items=seen.items,
        fingerprint=seen.fingerprint,
        meaning=seen.meaning,
        declared=seen.declared,
    )
