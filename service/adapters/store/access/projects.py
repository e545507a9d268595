"""Projects, the repositories linked to them, and their members."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, text

from service.adapters.store.access.addresses import (
    SqlAddresses,
    is_in,
    is_or_was_at,
    slug_taken,
)
from service.adapters.store.access.links import SqlLinks
from service.adapters.store.access.visibility import only_visible
from service.adapters.store.keyset import Order, read_page
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.access import (
    UNSETTLED,
    members,
    project_repositories,
    projects,
    users,
)
from service.adapters.store.tables.configuration import launchers
from service.adapters.store.tables.evaluations import evaluation_deliveries, evaluations
from service.domain.delivery import DeliveryId
from service.domain.repository import Repository
from service.domain.rights.caller import (
    EVERYTHING,
    MemberRole,
    ProjectFilter,
    ProjectId,
    User,
    UserId,
)
from service.domain.rights.decision import Membership
from service.domain.rights.project import (
    LinkedRepository,
    Member,
    Project,
    Visibility,
)
from service.domain.source import SourceId
from service.ports.store.paging import FIRST_PAGE, Page, PageRequest

__all__ = ["SqlProjects"]


class SqlProjects:
    """Implement the port `Projects`."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements
        self._links = SqlLinks(statements)
        self._addresses = SqlAddresses(statements)

    async def add(self, project: Project) -> None:
        await self._addresses.check_free(project)
        if not await self._run.add(projects, _to_row(project)):
            raise slug_taken(project)
        await self._links.add(project)

    async def get(self, project: ProjectId) -> Project:
        query = select(projects).where(projects.c.id == project)
        return await self._one(
            await self._run.the_one(query, what="project", id_=project)
        )

    async def named(self, namespace: str, slug: str) -> Project:
        query = select(projects).where(
            projects.c.namespace == namespace, projects.c.slug == slug
        )
        return await self._one(
            await self._run.the_one(query, what="project", id_=f"{namespace}/{slug}")
        )

    async def list(
        self,
        page: PageRequest = FIRST_PAGE,
        *,
        visible: ProjectFilter = EVERYTHING,
        namespace: str = "",
        slug: str = "",
        member: UserId | None = None,
        by_update: bool = False,
    ) -> Page[Project]:
        query = only_visible(select(projects), projects.c.id, visible)
        if slug:
            query = query.where(is_or_was_at(namespace, slug))
        elif namespace:
            query = query.where(is_in(namespace))
        if member is not None:
            of_member = select(members.c.project_id).where(members.c.user_id == member)
            query = query.where(projects.c.id.in_(of_member))
        at = projects.c.updated_at if by_update else projects.c.created_at
        order = Order(at=at, id=projects.c.id, is_newest_first=True)
        rows = await read_page(self._run, query, order, page, lambda row: row)
        links = await self._links.of(row["id"] for row in rows)
        return Page(
            items=[_from_row(row, links[row["id"]]) for row in rows], total=rows.total
        )

    async def save(self, project: Project) -> None:
        await self._addresses.check_free(project)
        await self._addresses.leave(project)
        await self._run.save(projects, _to_row(project), what="project")
        await self._run.remove(
            project_repositories, project_repositories.c.project_id == project.id
        )
        await self._links.add(project)

    async def link_of(
        self, project: ProjectId, repository: Repository
    ) -> LinkedRepository | None:
        return await self._links.find(project, repository)

    async def add_link(
        self, project: ProjectId, link: LinkedRepository, *, at: datetime
    ) -> None:
        await self._links.append(project, link)
        await self._run.change(projects, {"updated_at": at}, projects.c.id == project)

    async def remove(self, project: ProjectId) -> None:
        for table in (project_repositories, members):
            await self._run.remove(table, table.c.project_id == project)
        await self._run.remove(projects, projects.c.id == project)

    async def members(self, project: ProjectId) -> Sequence[Member]:
        query = (
            select(members.c.user_id, members.c.role, *users.c)
            .select_from(members.outerjoin(users, users.c.id == members.c.user_id))
            .where(members.c.project_id == project)
        )
        found = [_to_member(row) for row in await self._run.rows(query)]
        return sorted(found, key=lambda one: (-one.role.rank, one.user.username))

    async def set_role(
        self, project: ProjectId, user: UserId, role: MemberRole
    ) -> None:
        row = {"project_id": project, "user_id": user, "role": role.value}
        await self._run.put(members, row, changes={"role": role.value})

    async def remove_member(self, project: ProjectId, user: UserId) -> None:
        await self._run.remove(
            members, members.c.project_id == project, members.c.user_id == user
        )

    async def memberships(
        self, projects_: Iterable[ProjectId], user: UserId | None
    ) -> Sequence[Membership]:
        is_members = (members.c.project_id == projects.c.id) & (
            members.c.user_id == (user or "")
        )
        query = (
            select(projects.c.id, projects.c.visibility, members.c.role)
            .select_from(projects.outerjoin(members, is_members))
            .where(projects.c.id.in_(tuple(projects_)))
        )
        return [
            Membership(
                project=ProjectId(row["id"]),
                is_public=row["visibility"] == Visibility.PUBLIC.value,
                role=MemberRole(row["role"]) if row["role"] else None,
            )
            for row in await self._run.rows(query)
        ]

    async def of_source(self, source: SourceId) -> Sequence[ProjectId]:
        return await self._ids(
            select(launchers.c.project_id).where(launchers.c.source_id == source)
        )

    async def of_delivery(self, delivery: DeliveryId) -> Sequence[ProjectId]:
        evaluated = (
            select(evaluations.c.source_id)
            .join(
                evaluation_deliveries,
                evaluation_deliveries.c.evaluation_id == evaluations.c.id,
            )
            .where(evaluation_deliveries.c.delivery_id == delivery)
        )
        return await self._ids(
            select(launchers.c.project_id).where(launchers.c.source_id.in_(evaluated))
        )

    async def of_repository(self, repository: Repository) -> Sequence[ProjectId]:
        return await self._ids(
            select(project_repositories.c.project_id).where(
                project_repositories.c.host == repository.host,
                func.lower(project_repositories.c.label) == repository.path.casefold(),
                # Anybody may link anything; only who was granted a repository may
                # speak for it, as to rotate the secret of its hook.
                project_repositories.c.is_granted,
            )
        )

    async def mark_unsettled(self, project: ProjectId) -> None:
        await self._run.change(
            projects, {"is_settled": False}, projects.c.id == project
        )

    async def mark_settled(self, project: ProjectId) -> None:
        await self._run.change(projects, {"is_settled": True}, projects.c.id == project)

    async def unsettled(self, *, limit: int) -> Sequence[ProjectId]:
        query = select(projects.c.id).where(text(UNSETTLED)).order_by(projects.c.id)
        rows = await self._run.rows(query.limit(limit))
        return [ProjectId(row["id"]) for row in rows]

    async def _ids(self, query: Select[Any]) -> Sequence[ProjectId]:
        rows = await self._run.rows(query.distinct())
        return [ProjectId(row["project_id"]) for row in rows]

    async def _one(self, row: Row) -> Project:
        links = await self._links.of([row["id"]])
        return _from_row(row, links[row["id"]])


def _to_member(row: Row) -> Member:
    user_id = UserId(row["user_id"])
    if row["id"] is None:  # never seen here yet: nothing is known but the id
        return Member(
            user=User(id=user_id, username=user_id), role=MemberRole(row["role"])
        )
    user = User(
        id=user_id,
        username=row["username"],
        email=row["email"],
        first_name=row["first_name"],
        last_name=row["last_name"],
    )
    return Member(user=user, role=MemberRole(row["role"]))


def _to_row(project: Project) -> Values:
    return {
        "id": project.id,
        "name": project.name,
        "namespace": project.namespace,
        "slug": project.slug,
        "created_by": project.created_by,
        "created_at": project.created_at,
        "updated_at": project.updated_at,
        "visibility": project.visibility.value,
        "description": project.description,
        "documentation": project.documentation,
        "keywords": list(project.keywords),
        "is_template": project.is_template,
        "secrets_mount_directory": project.secrets_mount_directory,
    }


def _from_row(row: Row, links: Sequence[LinkedRepository]) -> Project:
    return Project(
        id=ProjectId(row["id"]),
        name=row["name"],
        namespace=row["namespace"],
        slug=row["slug"],
        created_by=UserId(row["created_by"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        visibility=Visibility(row["visibility"]),
        description=row["description"],
        documentation=row["documentation"],
        keywords=tuple(row["keywords"]),
        repositories=tuple(links),
        is_template=row["is_template"],
        secrets_mount_directory=row["secrets_mount_directory"],
    )
