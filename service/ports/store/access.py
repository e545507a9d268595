"""The ports of projects, their members, users and API tokens."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

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
from service.domain.rights.project import LinkedRepository, Member, Project
from service.domain.rights.token import ApiToken, TokenId
from service.domain.source import SourceId
from service.ports.store.paging import FIRST_PAGE, Page, PageRequest

__all__ = ["Projects", "Tokens", "Users"]


class Projects(Protocol):
    """Projects, the repositories linked to them, and their members."""

    async def add(self, project: Project) -> None:
        """Raises: ConflictError: the namespace has such a slug."""
        ...

    async def get(self, project: ProjectId) -> Project:
        """Raises: NotFoundError."""
        ...

    async def named(self, namespace: str, slug: str) -> Project:
        """Raises: NotFoundError."""
        ...

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
        """Return projects, newest first; of a namespace, a slug in it, or a member.

        With a slug also those that were there before: at most a few. Case is no matter.
        By their last change where asked for: an order that changes between two pages.
        """
        ...

    async def save(self, project: Project) -> None:
        """Raises: ConflictError: another project has the slug. NotFoundError."""
        ...

    async def link_of(
        self, project: ProjectId, repository: Repository
    ) -> LinkedRepository | None:
        """Return how a project links a repository: granted, if any spelling is.

        Raises:
            NotFoundError: There is no such project.
        """
        ...

    async def add_link(
        self, project: ProjectId, link: LinkedRepository, *, at: datetime
    ) -> None:
        """Add a link behind the others: a project may have thousands."""
        ...

    async def remove(self, project: ProjectId) -> None:
        """Remove a project with its members and links; launchers are the caller's."""
        ...

    async def members(self, project: ProjectId) -> Sequence[Member]:
        """Return the members, owners first, then by name."""
        ...

    async def set_role(
        self, project: ProjectId, user: UserId, role: MemberRole
    ) -> None: ...
    async def remove_member(self, project: ProjectId, user: UserId) -> None: ...
    async def memberships(
        self, projects: Iterable[ProjectId], user: UserId | None
    ) -> Sequence[Membership]:
        """Return what each of the projects that exist gives a user."""
        ...

    async def of_source(self, source: SourceId) -> Sequence[ProjectId]:
        """Return the projects of the launchers that track a source."""
        ...

    async def of_delivery(self, delivery: DeliveryId) -> Sequence[ProjectId]:
        """Return the projects of the sources that a delivery had evaluated."""
        ...

    async def of_repository(self, repository: Repository) -> Sequence[ProjectId]:
        """Return the projects that are granted a repository."""
        ...

    async def mark_unsettled(self, project: ProjectId) -> None:
        """Note that the access of a project's launchers may not fit its links."""
        ...

    async def mark_settled(self, project: ProjectId) -> None:
        """Note that the access of a project's launchers fits its links."""
        ...

    async def unsettled(self, *, limit: int) -> Sequence[ProjectId]:
        """Return projects whose launchers' access may not fit their links."""
        ...


class Users(Protocol):
    """Users, as they were last seen."""

    async def save(self, user: User) -> None:
        """Add a user, or change what is known of one."""
        ...

    async def some(self, ids: Iterable[UserId]) -> Sequence[User]:
        """Return those that are known."""
        ...


class Tokens(Protocol):
    """API tokens, without their texts."""

    async def add(self, token: ApiToken) -> None: ...
    async def by_digest(self, digest: str) -> ApiToken:
        """Raises: NotFoundError."""
        ...

    async def get(self, token: TokenId) -> ApiToken:
        """Raises: NotFoundError."""
        ...

    async def list(
        self, page: PageRequest = FIRST_PAGE, *, user: UserId | None = None
    ) -> Page[ApiToken]:
        """Return tokens, newest first; of one user unless None."""
        ...

    async def revoke(self, token: TokenId, *, at: datetime) -> None:
        """Revoke a token; one that was revoked stays so."""
        ...

    async def touch(self, token: TokenId, *, at: datetime) -> None:
        """Record a use."""
        ...
