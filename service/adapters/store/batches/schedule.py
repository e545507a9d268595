"""What the scheduling decision reads."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import exists, func, or_, select, text

from service.adapters.store.json_columns import image_from
from service.adapters.store.repositories.builds import read_build
from service.adapters.store.repositories.rebuilds import UNFINISHED, read_rebuild
from service.adapters.store.statements import Statements
from service.adapters.store.tables.builds import (
    UNASSIGNED,
    UNFINISHED as IS_UNFINISHED,
    builds,
    images,
    rebuilds,
)
from service.adapters.store.tables.configuration import pauses
from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildState,
    Image,
    Rebuild,
)
from service.domain.building.pause import EVERYWHERE
from service.domain.building.schedule import WAITED_FOR, ConcurrencyLimits

__all__ = ["SqlSchedule"]

_BY_PERSON: Final = tuple(sorted(trigger.value for trigger in WAITED_FOR))
_IS_WAITED_FOR: Final = exists().where(
    rebuilds.c.build_id == builds.c.id,
    text(f"rebuilds.{IS_UNFINISHED}"),
    rebuilds.c.evidence.in_(_BY_PERSON),
)

_IS_NOT_PAUSED: Final = ~exists().where(
    pauses.c.scope.in_((EVERYWHERE, builds.c.project_id))
)


class SqlSchedule:
    """Implement the port `Schedule`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def unassigned(self, *, limit: int, after: str = "") -> Sequence[Rebuild]:
        query = (
            select(rebuilds)
            .where(text(UNASSIGNED), rebuilds.c.id > after)
            .order_by(rebuilds.c.id)
            .limit(limit)
        )
        return [read_rebuild(row) for row in await self._run.held(query)]

    async def first_unassigned(self, *, limit: int, after: str) -> Sequence[Rebuild]:
        # The partial index has only what waits now: a scan of ten thousand entries at
        # most, where nearly all are of one source.
        first = func.min(rebuilds.c.id)
        firsts = (
            select(first.label("first"))
            .where(text(UNASSIGNED))
            .group_by(rebuilds.c.source_id)
            .having(first > after)
            .order_by(first)
            .limit(limit)
        )
        ids = [row["first"] for row in await self._run.rows(firsts)]
        query = select(rebuilds).where(rebuilds.c.id.in_(ids)).order_by(rebuilds.c.id)
        return [read_rebuild(row) for row in await self._run.rows(query)]

    async def builds_of(self, keys: Iterable[BuildKey]) -> Sequence[Build]:
        query = (
            select(builds)
            .where(builds.c.key.in_(tuple(keys)), builds.c.state.in_(UNFINISHED))
            .order_by(builds.c.created_at, builds.c.id)
        )
        return [read_build(row) for row in await self._run.held(query)]

    async def images_of(self, keys: Iterable[BuildKey]) -> Mapping[BuildKey, Image]:
        query = select(images).where(images.c.key.in_(tuple(keys)))
        found = {
            BuildKey(row["key"]): image_from(row["image"])
            for row in await self._run.rows(query)
        }
        return {key: image for key, image in found.items() if image is not None}

    async def unwanted(self) -> Sequence[Build]:
        query = (
            select(builds)
            .where(
                builds.c.state.in_(UNFINISHED),
                ~exists().where(
                    rebuilds.c.build_id == builds.c.id,
                    text(f"rebuilds.{IS_UNFINISHED}"),
                ),
            )
            .order_by(builds.c.id)
        )
        return [read_build(row) for row in await self._run.held(query)]

    async def running(self) -> Mapping[str, int]:
        query = (
            select(builds.c.project_id, func.count().label("count"))
            .where(builds.c.state == BuildState.RUNNING.value)
            .group_by(builds.c.project_id)
        )
        return {row["project_id"]: row["count"] for row in await self._run.rows(query)}

    async def startable(
        self, caps: ConcurrencyLimits, *, now: datetime
    ) -> Sequence[Build]:
        order = (_IS_WAITED_FOR.desc(), builds.c.id)
        ranked = (
            select(
                builds.c.id,
                func.row_number()
                .over(partition_by=builds.c.project_id, order_by=order)
                .label("rank"),
            )
            .where(
                builds.c.state == BuildState.QUEUED.value,
                or_(builds.c.not_before.is_(None), builds.c.not_before <= now),
                # A pause is of automatic work: what a person waits for starts.
                or_(_IS_WAITED_FOR, _IS_NOT_PAUSED),
            )
            .subquery()
        )
        # A build of a higher rank cannot start in this decision: of a project with ten
        # thousand queued builds, no more is read than may run at once.
        chosen = select(ranked.c.id).where(
            ranked.c.rank <= min(caps.per_project, caps.in_all)
        )
        # Held by a query of one table: window functions cannot be locked.
        query = select(builds).where(builds.c.id.in_(chosen)).order_by(builds.c.id)
        return [read_build(row) for row in await self._run.held(query)]

    async def waited_for(self, builds_: Iterable[BuildId]) -> Collection[BuildId]:
        query = (
            select(rebuilds.c.build_id)
            .where(
                text(IS_UNFINISHED),
                rebuilds.c.build_id.in_(tuple(builds_)),
                rebuilds.c.evidence.in_(_BY_PERSON),
            )
            .distinct()
        )
        return {BuildId(row["build_id"]) for row in await self._run.rows(query)}

    async def served(self, *, limit: int) -> Sequence[BuildId]:
        # Rebuilds of a build that ended are ended by pages, in several transactions: a
        # process that is killed in between leaves some, for the next one to find.
        query = (
            select(builds.c.id)
            .join(rebuilds, rebuilds.c.build_id == builds.c.id)
            .where(text(f"rebuilds.{IS_UNFINISHED}"), builds.c.state.not_in(UNFINISHED))
            .distinct()
            .order_by(builds.c.id)
            .limit(limit)
        )
        return [BuildId(row["id"]) for row in await self._run.rows(query)]
