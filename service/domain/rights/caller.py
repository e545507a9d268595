"""Callers of the REST API: who they are, and what their credential allows."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NewType

__all__ = [
    "ANONYMOUS",
    "EVERYTHING",
    "INSTALLATION",
    "OPERATOR",
    "UNLIMITED",
    "Caller",
    "MemberRole",
    "ProjectFilter",
    "ProjectId",
    "Scope",
    "User",
    "UserId",
]

UserId = NewType("UserId", str)
"""The subject (`sub`) that the identity provider assigns; it never changes."""
ProjectId = NewType("ProjectId", str)
"""A ULID."""


class MemberRole(Enum):
    """What a member may do in a project, as in Renku; each includes those before it."""

    VIEWER = "viewer"
    """Read: launchers, builds, logs, deliveries, explanations."""
    EDITOR = "editor"
    """Change launchers, start and cancel builds, link repositories, set up hooks."""
    OWNER = "owner"
    """Change members and visibility; delete the project."""

    @property
    def rank(self) -> int:
        """The number of roles that this one includes, besides itself."""
        return tuple(MemberRole).index(self)

    def includes(self, other: "MemberRole") -> bool:
        """Return whether whoever has this role may do what the other allows."""
        return self.rank >= other.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or a program, as the identity provider describes it."""

    id: UserId
    username: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a credential may be used for, whatever its user may do."""

    role: MemberRole = MemberRole.OWNER
    """The highest role that it gives."""
    projects: frozenset[ProjectId] | None = None
    """The only projects that it gives a role in; None for all of the user's."""
    is_admin: bool = False
    """Whether an administrator may administer with it."""


UNLIMITED: Final = Scope(is_admin=True)
"""The scope of the installation's own token and of tokens of an identity provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFilter:
    """The projects that a list may show things of."""

    is_everything: bool = False
    member: UserId | None = None
    """Projects that this user has a role in; None for no such projects."""
    is_admin: bool = False
    """Whether the user needs no role: then `only` alone decides."""
    only: frozenset[ProjectId] | None = None
    """Those of the user's projects that count; None for all."""
    least: MemberRole = MemberRole.VIEWER
    """The least role; public projects count for viewers only."""


EVERYTHING: Final = ProjectFilter(is_everything=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request."""

    user: User | None = None
    """None for anonymous callers."""
    is_admin: bool = False
    """Whether the user administers the installation."""
    scope: Scope = UNLIMITED

    @property
    def is_anonymous(self) -> bool:
        """Whether the request carried no credential."""
        return self.user is None

    @property
    def may_administer(self) -> bool:
        """Whether the caller may do what is not bound to a project."""
        return self.is_admin and self.scope.is_admin

    def role_in(
        self, project: ProjectId, *, member: MemberRole | None
    ) -> MemberRole | None:
        """Return the caller's role in a project; None for no role.

        Args:
            project: The project.
            member: The role that the project gives the user; None for no member.
        """
        role = MemberRole.OWNER if self.is_admin else member
        if self.is_anonymous or role is None:
            return None
        if self.scope.projects is not None and project not in self.scope.projects:
            return None
        # The lower of both: a token for viewers stays one in the hands of an owner.
        return min(role, self.scope.role, key=lambda each: each.rank)

    def filter(self, least: MemberRole = MemberRole.VIEWER) -> ProjectFilter:
        """Return the projects in which the caller has at least this role."""
        if self.user is None or not self.scope.role.includes(least):
            return ProjectFilter(least=least)
        only = self.scope.projects
        if self.is_admin and only is None:
            return EVERYTHING
        return ProjectFilter(
            member=self.user.id, is_admin=self.is_admin, only=only, least=least
        )


INSTALLATION: Final = UserId("installation")
"""The user of the installation's own token, and owner of what nobody else added."""
ANONYMOUS: Final = Caller()
OPERATOR: Final = Caller(
    user=User(id=INSTALLATION, username="installation"), is_admin=True
)
"""Whoever has the installation's own token."""
