"""Evaluations: what was decided, and why."""

import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, select

from service.adapters.store.documents import (
    findings_from,
    findings_to,
    items_from,
    items_to,
)
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables import evaluation_deliveries, evaluations
from service.domain.definition import Kind
from service.domain.delivery import DeliveryId
from service.domain.evaluation import Evaluation, EvaluationId, Judgement, Verdict
from service.domain.push import Evidence
from service.domain.source import SourceId
from service.errors import ConflictError

__all__ = ["SqlEvaluations"]

_HEX: Final = re.compile("[0-9a-f]+")
_AFTER_HEX: Final = "g"
"""Sorts after every hex digit: the end of the commits with a prefix."""


class SqlEvaluations:
    """Implements the port `Evaluations`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def add(self, evaluation: Evaluation) -> None:
        if not await self._run.add(evaluations, _to_row(evaluation)):
            raise ConflictError(f"there is an evaluation {evaluation.id!r} already")
        links: list[Values] = [
            {"delivery_id": delivery, "evaluation_id": evaluation.id}
            for delivery in sorted(set(evaluation.delivery_ids))
        ]
        await self._run.add_all(evaluation_deliveries, links)

    async def get(self, evaluation: EvaluationId) -> Evaluation:
        query = select(evaluations).where(evaluations.c.id == evaluation)
        row = await self._run.the_one(query, what="evaluation", id_=evaluation)
        return _from_row(row)

    async def of_source(
        self, source: SourceId, *, limit: int = 50
    ) -> Sequence[Evaluation]:
        return await self._newest(evaluations.c.source_id == source, limit=limit)

    async def of_delivery(self, delivery: DeliveryId) -> Sequence[Evaluation]:
        links = evaluation_deliveries.c
        ids = select(links.evaluation_id).where(links.delivery_id == delivery)
        return await self._newest(evaluations.c.id.in_(ids))

    async def of_commit(self, prefix: str) -> Sequence[Evaluation]:
        prefix = prefix.lower()
        if not _HEX.fullmatch(prefix):
            return []
        return await self._newest(
            evaluations.c.commit_id >= prefix,
            evaluations.c.commit_id < prefix + _AFTER_HEX,
        )

    async def _newest(
        self, *where: ColumnElement[bool], limit: int | None = None
    ) -> Sequence[Evaluation]:
        query = (
            select(evaluations)
            .where(*where)
            .order_by(evaluations.c.completed_at.desc(), evaluations.c.id.desc())
            .limit(limit)
        )
        return [_from_row(row) for row in await self._run.rows(query)]


def _to_row(evaluation: Evaluation) -> Values:
    return {
        "id": evaluation.id,
        "source_id": evaluation.source_id,
        "generation": evaluation.generation,
        "evidence": evaluation.evidence.value,
        "delivery_ids": list(evaluation.delivery_ids),
        "verdict": evaluation.judgement.verdict.value,
        "reason": evaluation.judgement.reason,
        "message": evaluation.judgement.message,
        "changed": list(evaluation.judgement.changed),
        "commit_id": evaluation.commit,
        "ref": evaluation.ref,
        "previous": evaluation.previous,
        "fingerprint": evaluation.fingerprint,
        "kind": evaluation.kind.value if evaluation.kind else None,
        "items": items_to(evaluation.items),
        "findings": findings_to(evaluation.findings),
        "started_at": evaluation.started_at,
        "completed_at": evaluation.completed_at,
    }


def _from_row(row: Row) -> Evaluation:
    return Evaluation(
        id=EvaluationId(row["id"]),
        source_id=SourceId(row["source_id"]),
        generation=row["generation"],
        evidence=Evidence(row["evidence"]),
        delivery_ids=tuple(row["delivery_ids"]),
        judgement=Judgement(
            verdict=Verdict(row["verdict"]),
            reason=row["reason"],
            message=row["message"],
            changed=tuple(row["changed"]),
        ),
        commit=row["commit_id"],
        ref=row["ref"],
        previous=row["previous"],
        fingerprint=row["fingerprint"],
        kind=None if row["kind"] is None else Kind(row["kind"]),
        items=items_from(row["items"]),
        findings=findings_from(row["findings"]),
        started_at=row["started_at"],
        completed_at=row["completed_at"],
    )
