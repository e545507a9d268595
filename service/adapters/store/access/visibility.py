"""The condition that lists show only what their caller may see."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true
from sqlalchemy.sql.elements import KeyedColumnElement

from service.adapters.store.tables.access import (
    members,
    project_repositories,
    projects,
)
from service.adapters.store.tables.configuration import hooks, launchers
from service.adapters.store.tables.evaluations import evaluation_deliveries, evaluations
from service.domain.hook import Reach
from service.domain.rights.caller import MemberRole, ProjectFilter
from service.domain.rights.project import Visibility

__all__ = [
    "has_visible_repository",
    "only_visible",
    "visible_deliveries",
    "visible_projects",
]

Query = Select[*tuple[object, ...]]


def only_visible(
    query: Query, project_id: KeyedColumnElement[str], visible: ProjectFilter
) -> Query:
    """Return a query for the rows of visible projects only.

    Who sees everything gets the query as it was: plans and their tests stay the same.
    """
    if visible.is_everything:
        return query
    return query.where(project_id.in_(visible_projects(visible)))


def visible_projects(visible: ProjectFilter) -> Select[Any]:
    """Return the query for the ids of the projects of a filter."""
    given = _is_members(visible)
    # The limits of a token cut down what its user may see and never add to it. Public
    # projects stay visible, as they are to callers without any token.
    if visible.only is not None:
        given = and_(given, projects.c.id.in_(sorted(visible.only)))
    if visible.least is MemberRole.VIEWER:
        given = or_(given, projects.c.visibility == Visibility.PUBLIC.value)
    return select(projects.c.id).where(given)


def _is_members(visible: ProjectFilter) -> ColumnElement[bool]:
    if visible.is_everything or visible.is_admin:
        return true()
    if visible.member is None:
        return false()
    enough = [role.value for role in MemberRole if role.includes(visible.least)]
    own = select(members.c.project_id).where(
        members.c.user_id == visible.member, members.c.role.in_(enough)
    )
    return projects.c.id.in_(own)


def visible_deliveries(visible: ProjectFilter) -> Query:
    """Return the query for deliveries that a visible launcher was evaluated for."""
    followed = only_visible(
        select(launchers.c.source_id), launchers.c.project_id, visible
    )
    return (
        select(evaluation_deliveries.c.delivery_id)
        .join(evaluations, evaluations.c.id == evaluation_deliveries.c.evaluation_id)
        .where(evaluations.c.source_id.in_(followed))
    )


def has_visible_repository(visible: ProjectFilter) -> ColumnElement[bool]:
    """Return the condition that a visible project is granted a hook's repository."""
    linked = select(project_repositories.c.project_id).where(
        project_repositories.c.host == hooks.c.host,
        func.lower(project_repositories.c.label) == func.lower(hooks.c.path),
        project_repositories.c.is_granted,
        project_repositories.c.project_id.in_(visible_projects(visible)),
    )
    return and_(hooks.c.reach == Reach.REPOSITORY.value, linked.exists())
