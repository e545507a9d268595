"""Deep values as JSON documents inside a row, and back.

Documents grow by optional keys only, so that rows of an older version stay readable.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from service.adapters.store.columns import JsonValue
from service.domain.build import (
    BuildId,
    BuildKey,
    Image,
    Package,
    PhaseTime,
    Plan,
    Recipe,
)
from service.domain.checkup import Ailment, Checkup
from service.domain.definition import Item, Kind
from service.domain.failure import Failure, FailureClass
from service.domain.findings import Finding, Severity
from service.domain.fingerprint import Fingerprint
from service.domain.repository import BlobId, CommitSha, Ref
from service.domain.source import Seen

__all__ = [
    "Document",
    "checkup_from",
    "checkup_to",
    "failure_from",
    "failure_to",
    "findings_from",
    "findings_to",
    "image_from",
    "image_to",
    "items_from",
    "items_to",
    "phases_from",
    "phases_to",
    "plan_from",
    "plan_to",
    "recipe_from",
    "recipe_to",
    "seen_from",
    "seen_to",
]

Document = Mapping[str, Any]


def items_to(items: Iterable[Item]) -> JsonValue:
    """Write a closure, one short row per path."""
    return [[it.path, it.mode, it.oid, it.role] for it in items]


def items_from(rows: Iterable[Sequence[str]]) -> tuple[Item, ...]:
    """Read a closure."""
    return tuple(
        Item(path=path, mode=mode, oid=BlobId(oid), role=role)
        for path, mode, oid, role in rows
    )


def findings_to(findings: Iterable[Finding]) -> JsonValue:
    """Write findings."""
    return [
        {
            "severity": it.severity.value,
            "code": it.code,
            "message": it.message,
            "path": it.path,
            "line": it.line,
            "column": it.column,
        }
        for it in findings
    ]


def findings_from(documents: Iterable[Document]) -> tuple[Finding, ...]:
    """Read findings."""
    return tuple(
        Finding(
            severity=Severity(it["severity"]),
            code=it["code"],
            message=it["message"],
            path=it["path"],
            line=it["line"],
            column=it["column"],
        )
        for it in documents
    )


def seen_to(seen: Seen | None) -> JsonValue:
    """Write what an evaluation saw."""
    if seen is None:
        return None
    return {
        "commit": seen.commit,
        "ref": seen.ref,
        "fingerprint": seen.fingerprint,
        "meaning": seen.meaning,
        "kind": seen.kind.value if seen.kind else None,
        "items": items_to(seen.items),
        "declared": list(seen.declared),
        "rules": seen.rules,
        "at": seen.at.isoformat(),
    }


def seen_from(document: Document | None) -> Seen | None:
    """Read what an evaluation saw."""
    if document is None:
        return None
    commit, ref, kind = document["commit"], document["ref"], document["kind"]
    fingerprint, meaning = document["fingerprint"], document["meaning"]
    return Seen(
        commit=None if commit is None else CommitSha(commit),
        ref=None if ref is None else Ref(ref),
        fingerprint=None if fingerprint is None else Fingerprint(fingerprint),
        meaning=None if meaning is None else Fingerprint(meaning),
        kind=None if kind is None else Kind(kind),
        items=items_from(document["items"]),
        declared=tuple(document.get("declared", ())),
        rules=document["rules"],
        at=datetime.fromisoformat(document["at"]),
    )


def recipe_to(recipe: Recipe) -> JsonValue:
    """Write a recipe."""
    return {
        "builder": recipe.builder,
        "frontend": recipe.frontend,
        "platform": recipe.platform,
        "builder_image": recipe.builder_image,
        "scope": recipe.scope,
    }


def recipe_from(document: Document) -> Recipe:
    """Read a recipe."""
    return Recipe(
        builder=document["builder"],
        frontend=document["frontend"],
        platform=document["platform"],
        builder_image=document["builder_image"],
        scope=document.get("scope", ""),
    )


def plan_to(plan: Plan | None) -> JsonValue:
    """Write a plan."""
    if plan is None:
        return None
    return {
        "evaluation_id": plan.evaluation_id,
        "generation": plan.generation,
        "key": plan.key,
        "recipe": recipe_to(plan.recipe),
        "kind": plan.kind.value,
        "commit": plan.commit,
        "path": plan.path,
        "declared": list(plan.declared),
        "kept": None if plan.kept is None else list(plan.kept),
        "traceparent": plan.traceparent,
    }


def plan_from(document: Document | None) -> Plan | None:
    """Read a plan."""
    if document is None:
        return None
    return Plan(
        evaluation_id=document["evaluation_id"],
        generation=document["generation"],
        key=BuildKey(document["key"]),
        recipe=recipe_from(document["recipe"]),
        kind=Kind(document["kind"]),
        commit=CommitSha(document["commit"]),
        path=document["path"],
        declared=tuple(document.get("declared", ())),
        kept=None if document.get("kept") is None else tuple(document["kept"]),
        traceparent=document.get("traceparent"),
    )


def failure_to(failure: Failure | None) -> JsonValue:
    """Write a failure."""
    if failure is None:
        return None
    return {
        "kind": failure.kind.word,
        "message": failure.message,
        "hint": failure.hint,
        "path": failure.path,
        "line": failure.line,
    }


def failure_from(document: Document | None) -> Failure | None:
    """Read a failure."""
    if document is None:
        return None
    return Failure(
        kind=FailureClass.from_word(document["kind"]),
        message=document["message"],
        hint=document["hint"],
        path=document["path"],
        line=document["line"],
    )


def image_to(image: Image | None) -> JsonValue:
    """Write an image with its packages, one short row each."""
    if image is None:
        return None
    return {
        "reference": image.reference,
        "size": image.size,
        "packages": [[it.name, it.version, it.manager] for it in image.packages],
        "built_at": image.built_at.isoformat(),
        "build_id": image.build_id,
    }


def image_from(document: Document | None) -> Image | None:
    """Read an image."""
    if document is None:
        return None
    return Image(
        reference=document["reference"],
        size=document["size"],
        packages=tuple(
            Package(name=name, version=version, manager=manager)
            for name, version, manager in document["packages"]
        ),
        built_at=datetime.fromisoformat(document["built_at"]),
        build_id=BuildId(document["build_id"]),
    )


def phases_to(phases: Iterable[PhaseTime]) -> JsonValue:
    """Write how long phases took, one short row each."""
    return [[it.name, it.took.total_seconds()] for it in phases]


def phases_from(rows: Iterable[tuple[str, float]] | None) -> tuple[PhaseTime, ...]:
    """Read how long phases took."""
    return tuple(
        PhaseTime(name=name, took=timedelta(seconds=seconds))
        for name, seconds in rows or ()
    )


def checkup_to(checkup: Checkup | None) -> JsonValue:
    """Write how a hook fared."""
    if checkup is None:
        return None
    return {
        "at": checkup.at.isoformat(),
        "ailments": [it.value for it in checkup.ailments],
        "since": checkup.since.isoformat() if checkup.since else None,
        "repaired": [it.value for it in checkup.repaired],
        "redelivered": checkup.redelivered,
        "place": checkup.place,
        "trouble": checkup.trouble,
    }


def checkup_from(document: Document | None) -> Checkup | None:
    """Read how a hook fared."""
    if document is None:
        return None
    since = document["since"]
    return Checkup(
        at=datetime.fromisoformat(document["at"]),
        ailments=tuple(Ailment(it) for it in document["ailments"]),
        since=datetime.fromisoformat(since) if since else None,
        repaired=tuple(Ailment(it) for it in document["repaired"]),
        redelivered=document["redelivered"],
        place=document["place"],
        trouble=document["trouble"],
    )
