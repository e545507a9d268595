"""Where projects are, and where they were: namespaces and slugs in whatever case.

An address that a project has left leads to it, until another project takes it.
"""

from sqlalchemy import ColumnElement, and_, func, select, union_all

from service.adapters.store.statements import Statements
from service.adapters.store.tables.access import project_addresses, projects
from service.domain.rights.project import Project
from service.errors import ConflictError

__all__ = ["SqlAddresses", "is_in", "is_or_was_at", "slug_taken"]


def is_in(namespace: str) -> ColumnElement[bool]:
    """Return the condition that a project is in a namespace."""
    return func.lower(projects.c.namespace) == namespace.lower()


def is_at(namespace: str, slug: str) -> ColumnElement[bool]:
    """Return the condition that a project is at an address."""
    return and_(is_in(namespace), func.lower(projects.c.slug) == slug.lower())


def is_or_was_at(namespace: str, slug: str) -> ColumnElement[bool]:
    """Return the condition that a project is at an address, or left it last."""
    former = select(project_addresses.c.project_id).where(
        project_addresses.c.namespace == namespace.lower(),
        project_addresses.c.slug == slug.lower(),
    )
    here = select(projects.c.id).where(is_at(namespace, slug))
    # One list of ids: with OR between two conditions no index is used.
    return projects.c.id.in_(union_all(here, former))


class SqlAddresses:
    """Keep one project at each address.

    Args:
        statements: Of a transaction.
    """

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def check_free(self, project: Project) -> None:
        """Check that no other project is where a project is to be.

        Raises:
            ConflictError: One is.
        """
        others = select(projects.c.id).where(
            is_at(project.namespace, project.slug), projects.c.id != project.id
        )
        if await self._run.rows(others.limit(1)):
            raise slug_taken(project)

    async def leave(self, project: Project) -> None:
        """Note where a project is now, if that is not where it is to be."""
        left = select(projects.c.namespace, projects.c.slug).where(
            projects.c.id == project.id, ~is_at(project.namespace, project.slug)
        )
        for row in await self._run.rows(left):
            values = {
                "namespace": row["namespace"].lower(),
                "slug": row["slug"].lower(),
                "project_id": project.id,
            }
            changes = {"project_id": project.id}
            await self._run.put(project_addresses, values, changes=changes)


def slug_taken(project: Project) -> ConflictError:
    """Return the error that another project is where one is to be; Renku's sentence."""
    return ConflictError(
        f"An entity with the slug '{project.namespace}/{project.slug}' already exists."
    )
