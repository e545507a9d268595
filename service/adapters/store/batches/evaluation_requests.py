"""The rows of the evaluation queue."""

from service.adapters.store.statements import Row, Values
from service.domain.evaluation.queue import DueEvaluation, EvaluationRequest
from service.domain.push import Trigger
from service.domain.source import SourceId

__all__ = ["read_due", "read_request", "request_to_row"]


def read_due(row: Row) -> DueEvaluation | None:
    """Read a due evaluation off the row of its source; None when it is not due."""
    if row["due_at"] is None:
        return None
    return DueEvaluation(
        source_id=SourceId(row["source_id"]),
        first_asked_at=row["first_asked_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        trouble=row["trouble"],
    )


def request_to_row(request: EvaluationRequest) -> Values:
    """Return the row of a request."""
    return {
        "source_id": request.source_id,
        "evidence": request.trigger.value,
        "delivery_id": request.delivery_id,
        "rebuild_ids": list(request.rebuild_ids),
        "traceparent": request.traceparent,
        "suggested_number": request.suggested_number,
        "changed_paths": list(request.changed_paths) or None,
        "asked_at": request.requested_at,
    }


def read_request(row: Row) -> EvaluationRequest:
    """Read a request off its row."""
    return EvaluationRequest(
        source_id=SourceId(row["source_id"]),
        trigger=Trigger(row["evidence"]),
        delivery_id=row["delivery_id"],
        rebuild_ids=tuple(row["rebuild_ids"]),
        traceparent=row["traceparent"],
        suggested_number=row["suggested_number"],
        changed_paths=tuple(row["changed_paths"] or ()),
        requested_at=row["asked_at"],
    )
