"""Sources, and the results of their evaluations."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from handlers.api.schemas.models import ResponseModel
from service.domain.definition import Item
from service.domain.evaluation.comparison import Evaluation
from service.domain.findings import Finding
from service.domain.launcher import LauncherId
from service.domain.source import Seen, Source
from service.ports.store import Page

__all__ = [
    "EvaluationQueued",
    "EvaluationResponse",
    "FindingResponse",
    "ItemResponse",
    "LastSeenResponse",
    "SourceResponse",
]


class LastSeenResponse(ResponseModel):
    """What was last seen at a source."""

    commit: str | None = None
    ref: str | None = None
    kind: str | None = None
    fingerprint: str | None = None
    at: datetime

    @classmethod
    def of(cls, seen: Seen) -> "LastSeenResponse":
        """Describe what was seen."""
        return cls(
            commit=seen.commit,
            ref=seen.ref,
            kind=seen.kind.value if seen.kind else None,
            fingerprint=seen.fingerprint,
            at=seen.at,
        )


class SourceResponse(ResponseModel):
    """What launchers follow."""

    id: str
    repository: str
    repository_number: int | None = Field(
        default=None, description="The forge's own id, once a delivery told it."
    )
    revision: str | None = Field(
        default=None, description="Absent for the default branch."
    )
    context_dir: str | None = None
    generation: int
    seen: LastSeenResponse | None = None
    created_at: datetime
    launchers: tuple[str, ...] = Field(description="The oldest 50 that follow it.")
    launchers_total: int

    @classmethod
    def of(cls, source: Source, launchers: Page[LauncherId]) -> "SourceResponse":
        """Report a source and who follows it."""
        return cls(
            id=source.id,
            repository=source.repository.url,
            repository_number=source.repository.number,
            revision=source.revision.to_text() or None,
            context_dir=source.context_dir or None,
            generation=source.generation,
            seen=LastSeenResponse.of(source.seen) if source.seen else None,
            created_at=source.created_at,
            launchers=tuple(launchers),
            launchers_total=launchers.total,
        )


class EvaluationQueued(ResponseModel):
    """The evaluation is queued."""

    status: Literal["queued"] = "queued"
    source_id: str


class FindingResponse(ResponseModel):
    """What a user should know about a definition."""

    severity: Literal["error", "warning", "note"]
    code: str
    message: str
    path: str | None = None
    line: int | None = None
    column: int | None = None

    @classmethod
    def of(cls, finding: Finding) -> "FindingResponse":
        """Report a finding."""
        return cls.model_validate(
            {
                "severity": finding.severity.value,
                "code": finding.code,
                "message": finding.message,
                "path": finding.path or None,
                "line": finding.line,
                "column": finding.column,
            }
        )


class ItemResponse(ResponseModel):
    """One path that was considered."""

    path: str
    role: str
    mode: str = Field(description="A git mode, or `absent`.")
    oid: str | None = None

    @classmethod
    def of(cls, item: Item) -> "ItemResponse":
        """Report a path."""
        return cls(
            path=plain_path(item.path),
            role=item.role,
            mode=item.mode,
            oid=item.oid or None,
        )


def plain_path(path: str) -> str:
    """Write a path that JSON can carry: bytes that are no UTF-8 become a sign."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class EvaluationResponse(ResponseModel):
    """One comparison of a source's head with what was last seen."""

    id: str
    source_id: str
    generation: int
    trigger: str
    delivery_ids: tuple[str, ...]
    verdict: str
    reason: str
    message: str
    changed: tuple[str, ...]
    commit: str | None = None
    ref: str | None = None
    kind: str | None = None
    previous_fingerprint: str | None = None
    fingerprint: str | None = None
    items: tuple[ItemResponse, ...]
    findings: tuple[FindingResponse, ...]
    started_at: datetime
    completed_at: datetime

    @classmethod
    def of(cls, evaluation: Evaluation) -> "EvaluationResponse":
        """Report an evaluation."""
        comparison = evaluation.comparison
        return cls(
            id=evaluation.id,
            source_id=evaluation.source_id,
            generation=evaluation.generation,
            trigger=evaluation.trigger.value,
            delivery_ids=tuple(evaluation.delivery_ids),
            verdict=comparison.verdict.value,
            reason=comparison.reason,
            message=plain_path(comparison.message),
            changed=tuple(plain_path(text) for text in comparison.changed),
            commit=evaluation.commit,
            ref=evaluation.ref,
            kind=evaluation.kind.value if evaluation.kind else None,
            previous_fingerprint=evaluation.previous,
            fingerprint=evaluation.fingerprint,
            items=tuple(ItemResponse.of(item) for item in evaluation.items),
            findings=tuple(
                FindingResponse.of(finding) for finding in evaluation.findings
            ),
            started_at=evaluation.started_at,
            completed_at=evaluation.completed_at,
        )
