"""Sources: what launchers follow."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import (
    Select,
    and_,
    bindparam,
    or_,
    select,
    text,
    tuple_,
    update,
)

from service.adapters.store.access.visibility import only_visible
from service.adapters.store.json_columns import seen_from, seen_to
from service.adapters.store.keyset import Order, count_rows, read_page, read_total
from service.adapters.store.membership import among
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.configuration import FOLLOWED, launchers, sources
from service.domain.repository import Repository
from service.domain.rights.caller import EVERYTHING, ProjectFilter
from service.domain.source import Access, Revision, RevisionKind, Source, SourceId
from service.ports.store import FIRST_PAGE, Page, PageRequest

__all__ = ["SqlSources", "source_from"]

_OF_SOME: Final = (
    select(sources)
    .where(
        or_(
            tuple_(sources.c.host, sources.c.label).in_(
                bindparam("labels", expanding=True)
            ),
            tuple_(sources.c.host, sources.c.number).in_(
                bindparam("numbers", expanding=True)
            ),
        )
    )
    .order_by(sources.c.created_at, sources.c.id)
)
"""Written once, as receivers ask all the time."""
_SAVE: Final = (
    update(sources)
    .where(sources.c.id == bindparam("b_id"))
    .values(
        {
            column.name: bindparam(f"b_{column.name}")
            for column in sources.columns
            # How many follow a source is counted by triggers.
            if column.name not in {"id", "followers"}
        }
    )
)


class SqlSources:
    """Implement the port `Sources`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def find_or_add(self, source: Source) -> Source:
        known = await self._find(source)
        if known is not None:
            return known
        await self._run.add(sources, _to_row(source))
        # Ours, or the one that another process added at the same moment.
        row = await self._run.the_one(_twin(source), what="Source", id_=source.id)
        return source_from(row)

    async def get(self, source: SourceId) -> Source:
        query = select(sources).where(sources.c.id == source)
        return source_from(await self._run.the_one(query, what="Source", id_=source))

    async def of_repository(self, repository: Repository) -> Sequence[Source]:
        query = _of_repository(repository)
        query = query.order_by(sources.c.created_at, sources.c.id)
        return [source_from(row) for row in await self._run.rows(query)]

    async def of_repositories(
        self, repositories: Iterable[Repository]
    ) -> Sequence[Source]:
        known = tuple(repositories)
        wanted = {
            "labels": [(repository.host, repository.label) for repository in known],
            "numbers": [
                (repository.host, repository.number)
                for repository in known
                if repository.number
            ],
        }
        return [source_from(row) for row in await self._run.rows(_OF_SOME, wanted)]

    async def get_many(self, ids: Iterable[SourceId]) -> Sequence[Source]:
        query = select(sources).where(among(sources.c.id, ids))
        return [source_from(row) for row in await self._run.rows(query)]

    async def some(self, ids: Collection[SourceId]) -> Sequence[Source]:
        # In one order everywhere, so that two transactions cannot deadlock.
        query = select(sources).where(among(sources.c.id, ids)).order_by(sources.c.id)
        return [source_from(row) for row in await self._run.held(query)]

    async def list(
        self, page: PageRequest = FIRST_PAGE, *, visible: ProjectFilter = EVERYTHING
    ) -> Page[Source]:
        query, count = select(sources).where(text(FOLLOWED)), read_total("sources")
        if not visible.is_everything:
            followed = only_visible(
                select(launchers.c.source_id), launchers.c.project_id, visible
            )
            query = query.where(sources.c.id.in_(followed))
            count = count_rows(query)
        return await read_page(
            self._run,
            query,
            Order(at=sources.c.created_at, id=sources.c.id),
            page,
            source_from,
            count=count,
        )

    async def save_all(self, changed: Sequence[Source]) -> None:
        rows = [_to_row(source) for source in changed]
        await self._run.change_all(
            _SAVE, [{f"b_{name}": row[name] for name in row} for row in rows]
        )

    async def _find(self, source: Source) -> Source | None:
        """Find the same repository, also under an earlier path."""
        # A renamed repository is found by its number under its earlier path; the unique
        # key below knows paths only and would let a second source in.
        for candidate in await self.of_repository(source.repository):
            if (
                candidate.repository.is_same(source.repository)
                and candidate.revision == source.revision
                and candidate.context_dir == source.context_dir
                and candidate.access is source.access
            ):
                return candidate
        return None


def _of_repository(repository: Repository) -> Select[*tuple[object, ...]]:
    # `label` is the path in lower case: forges answer for any case, and payloads spell
    # it as its owner does.
    is_same = sources.c.label == repository.label
    if repository.number is not None:
        is_same = or_(is_same, sources.c.number == repository.number)
    return select(sources).where(and_(sources.c.host == repository.host, is_same))


def _twin(source: Source) -> Select[*tuple[object, ...]]:
    return select(sources).where(
        sources.c.host == source.repository.host,
        sources.c.label == source.repository.label,
        sources.c.revision_kind == source.revision.kind.value,
        sources.c.revision_name == source.revision.name,
        sources.c.context_dir == source.context_dir,
        sources.c.access == source.access.value,
    )


def _to_row(source: Source) -> Values:
    return {
        "id": source.id,
        "host": source.repository.host,
        "label": source.repository.label,
        "path": source.repository.path,
        "url": source.repository.url,
        "number": source.repository.number,
        "revision_kind": source.revision.kind.value,
        "revision_name": source.revision.name,
        "context_dir": source.context_dir,
        "access": source.access.value,
        "generation": source.generation,
        "seen": seen_to(source.seen),
        "created_at": source.created_at,
    }


def source_from(row: Row) -> Source:
    """Read a source off its row."""
    return Source(
        id=SourceId(row["id"]),
        repository=Repository(
            host=row["host"], path=row["path"], url=row["url"], number=row["number"]
        ),
        revision=Revision(
            kind=RevisionKind(row["revision_kind"]), name=row["revision_name"]
        ),
        context_dir=row["context_dir"],
        access=Access(row["access"]),
        generation=row["generation"],
        seen=seen_from(row["seen"]),
        created_at=row["created_at"],
    )
