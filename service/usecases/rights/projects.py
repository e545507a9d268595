"""Commands of users that add, change and remove projects and their members."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from service.domain.launcher import LauncherId
from service.domain.repository import Repository
from service.domain.rights.caller import (
    UNLIMITED,
    Caller,
    MemberRole,
    ProjectId,
    User,
    UserId,
)
from service.domain.rights.decision import Subject, missing
from service.domain.rights.grants import GrantRules
from service.domain.rights.project import (
    DEFAULT_PROJECT,
    LinkedRepository,
    Member,
    Project,
    namespace_of,
    slug_of,
)
from service.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    UnauthenticatedError,
)
from service.ports.store import PageRequest, Store, Transaction
from service.ports.time import Clock, Ids
from service.usecases.launchers import LauncherEditor
from service.usecases.rights.project_commands import (
    NewProject,
    ProjectChange,
    change_fields,
    is_owners,
    link_repositories,
)
from service.usecases.rights.repository_access import project_lock
from service.usecases.rights.settle import AccessSettler

__all__ = ["ProjectEditor"]

_LAUNCHERS: Final = 100
"""Launchers that are removed between two looks for more."""


class ProjectEditor:
    """Add, change and remove projects, and the roles of their members.

    Whether the caller has the role of an editor, or of an owner where that is needed,
    was checked before; what an owner alone may change is checked here, as it depends on
    the change.

    Args:
        store: The database.
        launchers: Removes launchers with their project.
        settler: Has launchers read what links allow.
        rules: Which repositories the settings grant.
        clock: The current time.
        ids: Generates ids.
    """

    def __init__(
        self,
        *,
        store: Store,
        launchers: LauncherEditor,
        settler: AccessSettler,
        rules: GrantRules,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._settler = settler
        self._rules = rules
        self._launchers = launchers
        self._clock = clock
        self._ids = ids

    async def add(self, caller: Caller, new: NewProject) -> Project:
        """Add a project, of which the caller becomes the owner.

        Raises:
            ForbiddenError: The caller shows a limited token.
            NotFoundError: The namespace is another user's.
            ConflictError: The namespace has such a slug already.
        """
        user = _user(caller)
        if caller.scope.projects is not None or caller.scope.role is not UNLIMITED.role:
            raise ForbiddenError(
                "A token that is limited to projects or to a role adds no project."
            )
        _check_namespace(caller, new.namespace)
        now = self._clock.now()
        project = Project(
            id=ProjectId(self._ids.new()),
            name=new.name,
            namespace=new.namespace,
            slug=new.slug or slug_of(new.name),
            created_by=user.id,
            created_at=now,
            updated_at=now,
            visibility=new.visibility,
            description=new.description or None,
            documentation=new.documentation,
            keywords=tuple(new.keywords),
            secrets_mount_directory=new.secrets_mount_directory,
        )
        links = link_repositories(
            new.repositories,
            project,
            may_grant=caller.may_administer,
            rules=self._rules,
        )
        project = replace(project, repositories=links)
        async with self._store.transaction() as tx:
            await tx.projects.add(project)
            await tx.projects.set_role(project.id, user.id, MemberRole.OWNER)
        return project

    async def change(
        self, caller: Caller, project_id: ProjectId, etag: str, change: ProjectChange
    ) -> Project:
        """Change a project in the version that the caller has seen.

        What changes nothing leaves the version as it is, too.

        Raises:
            NotFoundError: There is no such project; or the change is an owner's.
            ConflictError: It has changed since; or the slug is taken.
        """
        async with self._store.transaction(project_lock(project_id)) as tx:
            before = await _project(tx, project_id)
            if is_owners(before, change):
                await _check_owner(tx, caller, project_id)
            if before.etag != etag:
                raise ConflictError(f"Current ETag is {before.etag}, not {etag[:80]}.")
            if change.namespace not in {None, before.namespace}:
                _check_namespace(caller, change.namespace or "")
            after = change_fields(
                before, change, may_grant=caller.may_administer, rules=self._rules
            )
            if after == before:
                return before
            after = replace(after, updated_at=self._clock.now())
            await tx.projects.save(after)
            if after.repositories != before.repositories:
                await tx.projects.mark_unsettled(project_id)
        if after.repositories != before.repositories:
            await self._settler.settle(project_id)
        return after

    async def grant(
        self, project_id: ProjectId, url: str, *, is_granted: bool
    ) -> Project:
        """Grant a repository to a project, linking it; or withdraw what was granted.

        What a rule of the settings grants is withdrawn by changing the rule.

        Raises:
            InvalidRequestError: The URL is no repository's.
            NotFoundError: There is no such project; or nothing is linked to withdraw.
        """
        repository = Repository.from_url(url)
        async with self._store.transaction(project_lock(project_id)) as tx:
            before = await _project(tx, project_id)
            if not is_granted and not before.links(repository):
                raise NotFoundError(f"{url[:200]} is not linked to the project.")
            link = LinkedRepository(url=url, is_granted=is_granted)
            after = before.with_link(self._rules.apply(project_id, link))
            if after.repositories != before.repositories:
                after = replace(after, updated_at=self._clock.now())
                await tx.projects.save(after)
                await tx.projects.mark_unsettled(project_id)
        # Also when nothing changed: whoever repeats a request that failed half-way has
        # the rest done.
        await self._settler.settle(project_id)
        return after

    async def remove(self, project_id: ProjectId) -> None:
        """Remove a project with its launchers; none is no error.

        Raises:
            ConflictError: It is the project of launchers that name none.
        """
        if project_id == DEFAULT_PROJECT:
            raise ConflictError(
                "The default project cannot be removed: launchers that name no project "
                "belong to it. Remove its launchers instead."
            )
        while left := await self._remove_empty(project_id):
            for launcher in left:
                await self._launchers.remove(launcher)

    async def _remove_empty(self, project_id: ProjectId) -> Sequence[LauncherId]:
        """Remove a project that has no launchers; return some that it has."""
        page = PageRequest(limit=_LAUNCHERS)
        # Under the lock that new launchers take: none is added to a project that goes.
        async with self._store.transaction(project_lock(project_id)) as tx:
            left = await tx.launchers.list(page, project=project_id)
            if not left.items:
                # With the project: a channel that is left would be sent what a new
                # project of the same id does.
                await tx.notifications.remove_channels(project_id)
                await tx.projects.remove(project_id)
            return [launcher.id for launcher in left]

    async def members(self, project_id: ProjectId) -> Sequence[Member]:
        """Return the members of a project."""
        async with self._store.reading() as tx:
            return await tx.projects.members(project_id)

    async def set_roles(
        self, project_id: ProjectId, roles: Mapping[UserId, MemberRole]
    ) -> None:
        """Give users roles; who is a member already gets another one.

        Raises:
            InvalidRequestError: No user is named, one is unknown, or no owner would be
                left.
        """
        if not roles:
            raise InvalidRequestError(
                "Please request at least 1 member to be added to the project"
            )
        async with self._store.transaction(project_lock(project_id)) as tx:
            before = {one.user.id: one.role for one in await _members(tx, project_id)}
            known = {user.id for user in await tx.users.some(roles)} | before.keys()
            if unknown := sorted(roles.keys() - known):
                raise InvalidRequestError(
                    "You are trying to add users to the project, but the users with "
                    f"ids {', '.join(unknown)[:500]} cannot be found"
                )
            _check_owned({**before, **roles})
            for user, role in roles.items():
                await tx.projects.set_role(project_id, user, role)

    async def remove_member(self, project_id: ProjectId, user: UserId) -> None:
        """Take a user's role away; who is no member stays none.

        Raises:
            InvalidRequestError: No owner would be left.
        """
        async with self._store.transaction(project_lock(project_id)) as tx:
            before = {one.user.id: one.role for one in await _members(tx, project_id)}
            left = {each: role for each, role in before.items() if each != user}
            if left != before:
                _check_owned(left)
                await tx.projects.remove_member(project_id, user)


def _user(caller: Caller) -> User:
    if caller.user is None:
        raise UnauthenticatedError(
            "You have to be authenticated to perform this operation."
        )
    return caller.user


def _check_namespace(caller: Caller, namespace: str) -> None:
    """Check that a namespace is the caller's own; administrators may use any."""
    if not caller.may_administer and namespace != namespace_of(_user(caller)):
        raise NotFoundError(
            "The project cannot be created because the namespace "
            f"{namespace[:99]} does not exist or is not yours"
        )


async def _check_owner(tx: Transaction, caller: Caller, project_id: ProjectId) -> None:
    found = await tx.projects.memberships([project_id], _user(caller).id)
    given = [caller.role_in(each.project, member=each.role) for each in found]
    if MemberRole.OWNER not in given:
        raise missing(Subject.PROJECT, project_id)


async def _project(tx: Transaction, project_id: ProjectId) -> Project:
    try:
        return await tx.projects.get(project_id)
    except NotFoundError as exc:
        raise missing(Subject.PROJECT, project_id) from exc


async def _members(tx: Transaction, project_id: ProjectId) -> Sequence[Member]:
    await _project(tx, project_id)
    return await tx.projects.members(project_id)


def _check_owned(roles: Mapping[UserId, MemberRole]) -> None:
    if MemberRole.OWNER not in roles.values():
        raise InvalidRequestError(
            "You are trying to remove the single last owner of the project, which is "
            "not allowed. Assign another user as owner and then retry."
        )
