"""Check that a caller may do something with what a request names."""

from collections.abc import Collection, Sequence
from typing import Final, assert_never

from service.domain.building.build import EnvironmentId, RebuildId
from service.domain.delivery import DeliveryId
from service.domain.hook import HookId, Reach
from service.domain.launcher import Launcher, LauncherId
from service.domain.repository import Repository
from service.domain.rights.caller import Caller, MemberRole, ProjectId
from service.domain.rights.decision import (
    Membership,
    Permission,
    Subject,
    check_permission,
    is_allowed,
    missing,
)
from service.domain.source import SourceId
from service.errors import NotFoundError
from service.ports.store import Store, Transaction

__all__ = ["Authorizer"]

_NOBODY: Final[Sequence[ProjectId]] = ()
_NO_PROJECT: Final[Sequence[ProjectId]] = (ProjectId("nobody's"),)
"""A project that there cannot be: its id is no ULID."""


class Authorizer:
    """Decide about one request, from the projects of what it names.

    A thing may belong to several projects: a source that two of them track, a delivery
    that both were evaluated for. A role in one of them is enough. A thing of no
    project, such as a build whose launcher was removed, is the administrators'.

    Args:
        store: Holds projects and what belongs to them.
    """

    def __init__(self, *, store: Store) -> None:
        self._store = store

    async def check(
        self,
        caller: Caller,
        permission: Permission,
        subject: Subject | None = None,
        name: str = "",
    ) -> None:
        """Check that a caller has a permission for what a path names.

        Raises:
            UnauthenticatedError: The caller is anonymous and has to be somebody.
            ForbiddenError: Only an administrator may.
            NotFoundError: It does not exist, or the caller lacks the role: one answer.
        """
        check_permission(caller, permission)
        role = permission.role
        if role is None:
            return
        assert subject is not None
        if _sees_all(caller, role, subject):
            return
        async with self._store.reading() as tx:
            if not await self.has_role(tx, caller, role, subject, name):
                # One answer for "not there" and "not yours": another one would let
                # anybody test which ids exist.
                raise missing(subject, name)

    async def is_hidden(
        self, caller: Caller, permission: Permission, subject: Subject, name: str
    ) -> bool:
        """Return whether a caller sees nothing of that name: it is gone, or others'.

        Raises:
            UnauthenticatedError: The caller is anonymous and has to be somebody.
        """
        check_permission(caller, permission)
        if _sees_all(caller, MemberRole.VIEWER, subject):
            return False
        async with self._store.reading() as tx:
            return not await self.has_role(tx, caller, MemberRole.VIEWER, subject, name)

    async def has_role(
        self,
        tx: Transaction,
        caller: Caller,
        role: MemberRole,
        subject: Subject,
        name: str,
    ) -> bool:
        """Return whether a caller has a role in a project of a thing that exists."""
        try:
            projects = await _projects_of(tx, subject, name)
        except NotFoundError:
            # Asked all the same: the time of an answer would tell what is not there
            # from what is not the caller's.
            projects = _NO_PROJECT
        return is_allowed(caller, role, await _memberships(tx, caller, projects))

    async def some_of(
        self,
        tx: Transaction,
        caller: Caller,
        role: MemberRole,
        projects: Collection[ProjectId],
    ) -> Collection[ProjectId]:
        """Return those of some projects in which a caller has a role."""
        if caller.filter(role).is_everything:
            return projects
        found = await _memberships(tx, caller, tuple(projects))
        return {each.project for each in found if is_allowed(caller, role, [each])}

    async def is_granted(
        self, caller: Caller, role: MemberRole, repository: Repository
    ) -> bool:
        """Return whether a caller has a role in a project granted a repository."""
        async with self._store.reading() as tx:
            projects = await tx.projects.of_repository(repository)
            return is_allowed(caller, role, await _memberships(tx, caller, projects))

    async def check_repository(self, caller: Caller, repository: Repository) -> None:
        """Check that a caller edits a project that is granted a repository.

        Raises:
            NotFoundError: There is no such project.
        """
        editor = MemberRole.EDITOR
        if caller.filter(editor).is_everything:
            return
        if not await self.is_granted(caller, editor, repository):
            raise NotFoundError(
                f"{repository.url} is granted to no project that you may edit; an "
                "administrator can grant it."
            )


def _sees_all(caller: Caller, role: MemberRole, subject: Subject) -> bool:
    """Return whether nothing has to be looked up: the handler says what is not there.

    But for projects, whose parts are asked for by their id alone.
    """
    return subject is not Subject.PROJECT and caller.filter(role).is_everything


async def _memberships(
    tx: Transaction, caller: Caller, projects: Sequence[ProjectId]
) -> Sequence[Membership]:
    return await tx.projects.memberships(
        projects, caller.user.id if caller.user else None
    )


async def _projects_of(
    tx: Transaction, subject: Subject, name: str
) -> Sequence[ProjectId]:
    """Return the projects of a thing.

    Raises:
        NotFoundError: There is no such thing.
    """
    match subject:
        case Subject.PROJECT:
            found: Sequence[ProjectId] = [ProjectId(name)]
        case Subject.LAUNCHER | Subject.ENVIRONMENT | Subject.BUILD:
            found = [ProjectId((await _launcher_of(tx, subject, name)).project_id)]
        case Subject.SOURCE:
            found = await tx.projects.of_source(SourceId(name))
        case Subject.DELIVERY:
            found = await tx.projects.of_delivery(DeliveryId(name))
        case Subject.HOOK:
            found = await _projects_of_hook(tx, HookId(name))
        case _:
            assert_never(subject)
    return found


async def _launcher_of(tx: Transaction, subject: Subject, name: str) -> Launcher:
    if subject is Subject.ENVIRONMENT:
        return await tx.launchers.of_environment(EnvironmentId(name))
    if subject is Subject.BUILD:
        name = (await tx.rebuilds.get(RebuildId(name))).launcher_id
    return await tx.launchers.get(LauncherId(name))


async def _projects_of_hook(tx: Transaction, name: HookId) -> Sequence[ProjectId]:
    """Return the projects granted a hook's repository; wider hooks are nobody's."""
    hook = await tx.hooks.get(name)
    if hook.reach is not Reach.REPOSITORY:
        # A hook for an owner or a host receives deliveries of many projects; whoever
        # administers one of them must not read the others'.
        return _NOBODY
    return await tx.projects.of_repository(hook.repository)
