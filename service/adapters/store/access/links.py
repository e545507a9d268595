"""The repositories that are linked to projects."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func, select

from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.access import project_repositories, projects
from service.domain.repository import Repository
from service.domain.rights.caller import ProjectId
from service.domain.rights.project import LinkedRepository, Project
from service.errors import NotFoundError

__all__ = ["SqlLinks"]


class SqlLinks:
    """Read and write links, in their order."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def of(self, ids: Iterable[str]) -> Mapping[str, Sequence[LinkedRepository]]:
        """Return the links of projects."""
        query = (
            select(project_repositories)
            .where(project_repositories.c.project_id.in_(tuple(ids)))
            .order_by(project_repositories.c.project_id, project_repositories.c.place)
        )
        found: dict[str, list[LinkedRepository]] = defaultdict(list)
        for row in await self._run.rows(query):
            found[row["project_id"]].append(_to_link(row))
        return found

    async def find(
        self, project: ProjectId, repository: Repository
    ) -> LinkedRepository | None:
        """Return a project's link of a repository, a granted one if there is.

        Raises:
            NotFoundError: There is no such project.
        """
        is_link = (
            (project_repositories.c.project_id == projects.c.id)
            & (project_repositories.c.host == repository.host)
            & (project_repositories.c.label == repository.label)
        )
        query = (
            select(projects.c.id, project_repositories)
            .select_from(projects.outerjoin(project_repositories, is_link))
            .where(projects.c.id == project)
            .order_by(project_repositories.c.place)
        )
        rows = await self._run.rows(query)
        if not rows:
            raise NotFoundError(f"there is no project {project!r}")
        links = [_to_link(row) for row in rows if row["url"] is not None]
        granted = [link for link in links if link.is_granted]
        return next(iter(granted or links), None)

    async def add(self, project: Project) -> None:
        """Add all links of a project that has none."""
        rows = [
            _link_row(project.id, place, linked)
            for place, linked in enumerate(project.repositories)
        ]
        await self._run.add_all(project_repositories, rows)

    async def append(self, project: ProjectId, link: LinkedRepository) -> None:
        """Add a link behind the others."""
        last = func.coalesce(func.max(project_repositories.c.place), -1).label("last")
        query = select(last).where(project_repositories.c.project_id == project)
        (row,) = await self._run.rows(query)
        await self._run.add(
            project_repositories, _link_row(project, row["last"] + 1, link)
        )


def _to_link(row: Row) -> LinkedRepository:
    return LinkedRepository(
        url=row["url"], is_granted=row["is_granted"], is_by_rule=row["is_by_rule"]
    )


def _link_row(project: ProjectId, place: int, linked: LinkedRepository) -> Values:
    known = linked.repository
    return {
        "project_id": project,
        "place": place,
        "url": linked.url,
        "host": known.host if known else None,
        "label": known.label if known else None,
        "is_granted": linked.is_granted,
        "is_by_rule": linked.is_by_rule,
    }
