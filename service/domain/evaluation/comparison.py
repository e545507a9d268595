"""Comparison of the definition at a source's head with the one last seen there."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import NewType

from service.domain.definition import Definition, Item, Kind, NoDefinition
from service.domain.delivery import DeliveryId
from service.domain.findings import Finding
from service.domain.fingerprint import RULES_VERSION, Fingerprint
from service.domain.push import Trigger
from service.domain.repository import CommitSha, Ref
from service.domain.source import Head, Seen, Source, SourceId

__all__ = [
    "Comparison",
    "Evaluation",
    "EvaluationId",
    "HeadUnchanged",
    "Observed",
    "RefMissing",
    "Verdict",
    "compare",
    "from_last_seen",
    "get_definition",
    "update_seen",
]

EvaluationId = NewType("EvaluationId", str)


class Verdict(Enum):
    """The result of an evaluation."""

    INITIAL = "initial"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    COSMETIC = "cosmetic"
    NO_DEFINITION = "no_definition"
    REF_GONE = "ref_gone"
    UNKNOWN = "unknown"
    """The head could not be read: retried, and never taken for unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefMissing:
    """The source's revision does not exist at the remote."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The head and the definition that were read."""

    head: Head
    found: Definition | NoDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadUnchanged:
    """The head is the commit that was last seen: its definition was not read again."""

    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A verdict with its reason."""

    verdict: Verdict
    reason: str
    """A machine-readable name of the rule that applied."""
    message: str
    """A sentence: what was compared, and the conclusion."""
    changed: tuple[str, ...] = ()
    """The paths whose content, presence or mode differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The record of one evaluation of a source.

    The evaluation worker writes it in the same transaction as the rebuilds it plans and
    the events it publishes; it is never changed afterwards.
    """

    id: EvaluationId
    source_id: SourceId
    generation: int
    """The source's generation after it; 0 while unknown."""
    trigger: Trigger
    delivery_ids: tuple[DeliveryId, ...]
    """Every delivery that this evaluation covers."""
    comparison: Comparison
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


def compare(
    source: Source, observed: Observed | HeadUnchanged | RefMissing
) -> Comparison:
    """Compare an observation of the head with what was last seen."""
    seen = source.seen
    if isinstance(observed, HeadUnchanged):
        return _same_commit(observed.head)
    if isinstance(observed, RefMissing):
        return Comparison(
            verdict=Verdict.REF_GONE, reason="ref_gone", message=observed.message
        )
    found = observed.found
    if isinstance(found, NoDefinition):
        reason = "definition_removed" if seen and seen.meaning else "no_definition"
        return Comparison(
            verdict=Verdict.NO_DEFINITION,
            reason=found.reason or reason,
            message=found.message,
        )
    # A definition that comes back after it was removed is a first one: the launchers
    # have been behind nothing meanwhile.
    if seen is None or seen.meaning is None:
        return Comparison(
            verdict=Verdict.INITIAL,
            reason="first_definition",
            message=f"First environment definition seen: {found.path}.",
            changed=(found.path,),
        )
    # Digests of two versions of the rules cannot be compared, and taking them for
    # different files would blame the author.
    if seen.rules != RULES_VERSION:
        return Comparison(
            verdict=Verdict.INITIAL,
            reason="rules_changed",
            message="The rules of comparison changed with this version; built anew.",
        )
    return _compare(seen, observed.head, found)


def _compare(seen: Seen, head: Head, found: Definition) -> Comparison:
    if found.fingerprint == seen.fingerprint:
        if head.commit == seen.commit:
            return _same_commit(head)
        return Comparison(
            verdict=Verdict.UNCHANGED,
            reason="same_fingerprint",
            message=f"No file that {found.path} depends on changed.",
        )
    changed = changed_paths(seen.items, found.items)
    names = ", ".join(changed[:5]) + (" …" if len(changed) > 5 else "")  # noqa: PLR2004
    # Meaning alone is not enough: two installers may mean different environments by
    # files with equal digests.
    if found.meaning == seen.meaning and found.kind is seen.kind:
        return Comparison(
            verdict=Verdict.COSMETIC,
            reason="same_meaning",
            message=f"{names} changed, but not what gets installed.",
            changed=changed,
        )
    if found.kind is not seen.kind:
        return Comparison(
            verdict=Verdict.CHANGED,
            reason="other_definition",
            message=f"The environment is now defined by {found.path}.",
            changed=changed,
        )
    # The present role wins; a path that left the closure keeps the one it had.
    roles = {item.path: item.role for item in (*seen.items, *found.items)}
    if changed and all(roles[path] == "code" for path in changed):
        return Comparison(
            verdict=Verdict.CHANGED,
            reason="code_changed",
            message=f"The code of an installed local project changed: {names}.",
            changed=changed,
        )
    reason = "definition_changed" if found.path in changed else "include_changed"
    return Comparison(
        verdict=Verdict.CHANGED,
        reason=reason,
        message=f"The environment definition changed: {names}.",
        changed=changed,
    )


def _same_commit(head: Head) -> Comparison:
    return Comparison(
        verdict=Verdict.UNCHANGED,
        reason="same_commit",
        message=f"The commit {head.commit[:12]} was evaluated already.",
    )


def changed_paths(old: tuple[Item, ...], new: tuple[Item, ...]) -> tuple[str, ...]:
    """Return the paths whose mode, content or presence differ, sorted."""
    before = {(item.path, item.mode, item.oid) for item in old}
    after = {(item.path, item.mode, item.oid) for item in new}
    return tuple(sorted({path for path, _, _ in before ^ after}))


def update_seen(
    source: Source, observed: Observed | HeadUnchanged | RefMissing, at: datetime
) -> Seen:
    """Return the last-seen state of a source after an observation.

    While its ref is missing the last definition is kept, to compare with when the ref
    is back. Without a definition the candidates are kept.
    """
    seen = source.seen or Seen(
        commit=None, ref=None, fingerprint=None, meaning=None, kind=None, at=at
    )
    if isinstance(observed, RefMissing):
        # The definition stays: a branch that is deleted and pushed again needs no new
        # build.
        return replace(seen, commit=None, ref=None, at=at)
    is_private = observed.head.is_private
    if is_private is None:  # the forge did not report it: keep what is known
        is_private = seen.is_private
    if isinstance(observed, Observed):
        return replace(_seen(observed, at), is_private=is_private)
    head = observed.head
    return replace(seen, commit=head.commit, ref=head.ref, is_private=is_private, at=at)


def _seen(observed: Observed, at: datetime) -> Seen:
    found = observed.found
    nothing = Seen(
        commit=observed.head.commit,
        ref=observed.head.ref,
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
        is_pinned=found.is_pinned,
    )


def from_last_seen(source: Source, same: HeadUnchanged) -> Observed:
    """Return the observation of an unchanged head, from what was last seen.

    Raises:
        ValueError: The source has seen no definition.
    """
    found = get_definition(source)
    if found is None:
        raise ValueError(f"source {source.id} has seen no definition")
    return Observed(head=same.head, found=found)


def get_definition(source: Source) -> Definition | None:
    """Return the definition that was last seen; None while the head has none."""
    seen = source.seen
    if not seen or not seen.kind or not seen.fingerprint or not seen.meaning:
        return None
    if seen.commit is None:
        return None
    return Definition(
        kind=seen.kind,
        path=next(item.path for item in seen.items if item.role == "definition"),
        items=seen.items,
        fingerprint=seen.fingerprint,
        meaning=seen.meaning,
        declared=seen.declared,
        is_pinned=bool(seen.is_pinned),
    )
