"""Deep values as JSON documents inside a row, and back.

Documents grow by optional keys only, so that rows of an older version stay readable: a
key that is missing gets its field's default. A required one fails, so that a damaged
row is not read as an empty value. The keys are the names of the fields, unless a
document is older than a name.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from service.adapters.store.columns import JsonValue
from service.domain.building.build import BuildSpec, Image, PhaseTime, Plan
from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Item
from service.domain.findings import Finding
from service.domain.hook_health import HookHealth
from service.domain.repository import BlobId
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
    "seen_from",
    "seen_to",
    "spec_from",
    "spec_to",
]

Document = Mapping[str, Any]


def _write(value: object) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(value)
    return document


def items_to(items: Iterable[Item]) -> JsonValue:
    """Write a closure, one short row per path: thousands of rows hold one."""
    return [[item.path, item.mode, item.oid, item.role] for item in items]


def items_from(rows: Iterable[Sequence[str]]) -> tuple[Item, ...]:
    """Read a closure."""
    return tuple(
        Item(path=path, mode=mode, oid=BlobId(oid), role=role)
        for path, mode, oid, role in rows
    )


def findings_to(findings: Iterable[Finding]) -> JsonValue:
    """Write findings."""
    return [_write(finding) for finding in findings]


def findings_from(documents: Iterable[Document]) -> tuple[Finding, ...]:
    """Read findings."""
    return msgspec.convert(documents, tuple[Finding, ...])


def seen_to(seen: Seen | None) -> JsonValue:
    """Write what an evaluation saw."""
    return None if seen is None else _write(seen) | {"items": items_to(seen.items)}


def seen_from(document: Document | None) -> Seen | None:
    """Read what an evaluation saw."""
    if document is None:
        return None
    items = [_named(row, "path", "mode", "oid", "role") for row in document["items"]]
    # Rows of before say nothing of pins, which is not "no"; and a row without its rules
    # is damaged, as these digests cannot be compared with any.
    read = {"is_pinned": None, **document, "rules": document["rules"], "items": items}
    return msgspec.convert(read, Seen)


def spec_to(spec: BuildSpec) -> JsonValue:
    """Write the specification of a build."""
    return _write(spec)


def spec_from(document: Document) -> BuildSpec:
    """Read the specification of a build."""
    return msgspec.convert(document, BuildSpec)


def plan_to(plan: Plan | None) -> JsonValue:
    """Write a plan; the spec under its first name, which older processes read."""
    if plan is None:
        return None
    document = _write(plan)
    document["recipe"] = document.pop("spec")
    return document


def plan_from(document: Document | None) -> Plan | None:
    """Read a plan."""
    if document is None:
        return None
    return msgspec.convert({**document, "spec": document["recipe"]}, Plan)


# By hand: the members of `FailureClass` hold more than their word.
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
    packages = [
        [package.name, package.version, package.manager] for package in image.packages
    ]
    return _write(image) | {"packages": packages}


def image_from(document: Document | None) -> Image | None:
    """Read an image."""
    if document is None:
        return None
    packages = [
        _named(row, "name", "version", "manager") for row in document["packages"]
    ]
    return msgspec.convert({**document, "packages": packages}, Image)


def phases_to(phases: Iterable[PhaseTime]) -> JsonValue:
    """Write how long phases took, one short row each."""
    return [[phase.name, phase.took.total_seconds()] for phase in phases]


def phases_from(rows: Iterable[tuple[str, float]] | None) -> tuple[PhaseTime, ...]:
    """Read how long phases took."""
    return tuple(
        PhaseTime(name=name, took=timedelta(seconds=seconds))
        for name, seconds in rows or ()
    )


def checkup_to(health: HookHealth | None) -> JsonValue:
    """Write the health of a hook."""
    if health is None:
        return None
    document = _write(health)
    return document | {"ailments": document.pop("problems")}


def checkup_from(document: Document | None) -> HookHealth | None:
    """Read the health of a hook."""
    if document is None:
        return None
    return msgspec.convert({**document, "problems": document["ailments"]}, HookHealth)


def _named(row: Sequence[str], *names: str) -> dict[str, str]:
    return dict(zip(names, row, strict=True))
