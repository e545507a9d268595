"""Mirror the projects of an upstream Renku."""

from dataclasses import replace

from service.domain.rights.caller import INSTALLATION, ProjectId
from service.domain.rights.project import LinkedRepository, Project
from service.errors import NotFoundError
from service.ports.store import Store, Transaction
from service.ports.time import Clock
from service.ports.upstream import UpstreamProject
from service.usecases.rights.repository_access import project_lock

__all__ = ["ProjectMirror"]


class ProjectMirror:
    """Bring rows of projects to the state that Renku reports.

    Args:
        store: Holds the rows.
        clock: The current time.
    """

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def mirror(self, given: UpstreamProject) -> None:
        """Add a project, or change what Renku has changed of it."""
        async with self._store.transaction(project_lock(given.id)) as tx:
            before = await _find_project(tx, given.id)
            after = self._project(given, before)
            if before is None:
                await tx.projects.add(after)
            elif replace(after, updated_at=before.updated_at) != before:
                await tx.projects.save(after)

    def _project(self, given: UpstreamProject, before: Project | None) -> Project:
        now = self._clock.now()
        present = before or Project(
            id=given.id,
            name=given.name,
            namespace=given.namespace,
            slug=given.slug,
            created_by=INSTALLATION,
            created_at=now,
            updated_at=now,
            repositories=[LinkedRepository(url=url) for url in given.repositories],
        )
        return replace(
            present,
            name=given.name,
            namespace=given.namespace,
            slug=given.slug,
            visibility=given.visibility,
            updated_at=now,
        )


async def _find_project(tx: Transaction, project: ProjectId) -> Project | None:
    try:
        return await tx.projects.get(project)
    except NotFoundError:
        return None
