"""Evaluations: what was decided, and why."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, select

from service.adapters.store.json_columns import (
    findings_from,
    findings_to,
    items_from,
    items_to,
)
from service.adapters.store.keyset import Order
from service.adapters.store.membership import among
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.configuration import sources as sources_table
from service.adapters.store.tables.evaluations import evaluation_deliveries, evaluations
from service.domain.definition import Kind
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import (
    Comparison,
    Evaluation,
    EvaluationId,
    Verdict,
)
from service.domain.push import Trigger
from service.domain.source import SourceId
from service.ports.store.paging import Cursor

__all__ = ["SqlEvaluations"]

_HEX: Final = re.compile("[0-9a-f]+")
_AFTER_HEX: Final = "g"
"""Sorts after every hex digit: the end of the commits with a prefix."""
_NEWEST_FIRST: Final = Order(
    at=evaluations.c.completed_at, id=evaluations.c.id, is_newest_first=True
)


class SqlEvaluations:
    """Implement the port `Evaluations`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def add(self, evaluation: Evaluation) -> None:
        await self.add_all([evaluation])

    async def add_all(self, new: Sequence[Evaluation]) -> None:
        await self._run.add_all(evaluations, [_to_row(item) for item in new])
        links = [
            {"delivery_id": delivery, "evaluation_id": item.id}
            for item in new
            for delivery in sorted(set(item.delivery_ids))
        ]
        await self._run.add_all(evaluation_deliveries, links)

    async def get(self, evaluation: EvaluationId) -> Evaluation:
        query = select(evaluations).where(evaluations.c.id == evaluation)
        row = await self._run.the_one(query, what="Evaluation", id_=evaluation)
        return _from_row(row)

    async def of_source(
        self, source: SourceId, *, limit: int = 50, after: Cursor | None = None
    ) -> Sequence[Evaluation]:
        return await self._newest(
            evaluations.c.source_id == source,
            *_NEWEST_FIRST.behind(after),
            limit=limit,
        )

    async def latest_verdicts(
        self, sources: Iterable[SourceId]
    ) -> Mapping[SourceId, Verdict]:
        # For each source the index is read at its newest end alone.
        newest = (
            select(evaluations.c.verdict)
            .where(evaluations.c.source_id == sources_table.c.id)
            .order_by(*_NEWEST_FIRST.keys)
            .limit(1)
            .scalar_subquery()
        )
        query = select(sources_table.c.id, newest.label("verdict")).where(
            among(sources_table.c.id, sources)
        )
        return {
            SourceId(row["id"]): Verdict(row["verdict"])
            for row in await self._run.rows(query)
            if row["verdict"] is not None
        }

    async def of_deliveries(
        self, deliveries: Iterable[DeliveryId]
    ) -> Sequence[Evaluation]:
        links = evaluation_deliveries.c
        ids = select(links.evaluation_id).where(among(links.delivery_id, deliveries))
        return await self._newest(evaluations.c.id.in_(ids))

    async def of_commit(self, prefix: str, *, limit: int = 50) -> Sequence[Evaluation]:
        prefix = prefix.lower()
        if not _HEX.fullmatch(prefix):
            return []
        # A range and not LIKE: SQLite's LIKE ignores case and then uses no index of a
        # column that does not.
        return await self._newest(
            evaluations.c.commit_id >= prefix,
            evaluations.c.commit_id < prefix + _AFTER_HEX,
            limit=limit,
        )

    async def _newest(
        self, *where: ColumnElement[bool], limit: int | None = None
    ) -> Sequence[Evaluation]:
        query = (
            select(evaluations).where(*where).order_by(*_NEWEST_FIRST.keys).limit(limit)
        )
        return [_from_row(row) for row in await self._run.rows(query)]


def _to_row(evaluation: Evaluation) -> Values:
    return {
        "id": evaluation.id,
        "source_id": evaluation.source_id,
        "generation": evaluation.generation,
        "evidence": evaluation.trigger.value,
        "delivery_ids": list(evaluation.delivery_ids),
        "verdict": evaluation.comparison.verdict.value,
        "reason": evaluation.comparison.reason,
        "message": evaluation.comparison.message,
        "changed": list(evaluation.comparison.changed),
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
        trigger=Trigger(row["evidence"]),
        delivery_ids=tuple(row["delivery_ids"]),
        comparison=Comparison(
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
