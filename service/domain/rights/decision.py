"""Decide whether a caller may do something: facts in, decision out."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from service.domain.rights.caller import Caller, MemberRole, ProjectId
from service.errors import ForbiddenError, NotFoundError, UnauthenticatedError

__all__ = [
    "Membership",
    "Permission",
    "Subject",
    "check_permission",
    "is_allowed",
    "missing",
]


class Permission(Enum):
    """What a route needs of its caller."""

    OPEN = "open"
    """Nothing; no credential is read."""
    SIGNATURE = "signature"
    """The proof of a hook over the delivery's bytes; no credential is read."""
    ANYONE = "anyone"
    """Nothing; the answer holds only what the caller may see."""
    USER = "user"
    """A credential; the answer holds only what the caller may see."""
    VIEWER = "viewer"
    """That role in the project of what the path names; in public ones anyone has it."""
    EDITOR = "editor"
    """That role in the project of what the path names."""
    OWNER = "owner"
    """That role in the project of what the path names."""
    EDITOR_BY_BODY = "editor by body"
    """The role of an editor in the project that the body names."""
    ADMIN = "admin"
    """The administration of the installation."""

    @property
    def role(self) -> MemberRole | None:
        """The role in the project of what the path names; None for no such role."""
        match self:
            case Permission.VIEWER:
                return MemberRole.VIEWER
            case Permission.EDITOR:
                return MemberRole.EDITOR
            case Permission.OWNER:
                return MemberRole.OWNER
            case _:
                return None

    @property
    def reads_credentials(self) -> bool:
        """Whether a wrong credential is refused."""
        return self is not Permission.OPEN and self is not Permission.SIGNATURE

    @property
    def needs_credential(self) -> bool:
        """Whether anonymous callers are refused with 401, as Renku does."""
        return self.reads_credentials and self not in {
            Permission.ANYONE,
            Permission.VIEWER,
        }


class Subject(Enum):
    """What a path names and what belongs to projects; the value is Renku's word."""

    PROJECT = "Project"
    LAUNCHER = "Session launcher"
    ENVIRONMENT = "Session environment"
    BUILD = "Build"
    SOURCE = "Source"
    DELIVERY = "Delivery"
    HOOK = "Hook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What a project gives a user."""

    project: ProjectId
    is_public: bool
    role: MemberRole | None = None
    """None for no member."""


def is_allowed(
    caller: Caller, role: MemberRole, memberships: Iterable[Membership]
) -> bool:
    """Return whether one of the projects of a thing gives the caller a role."""
    for membership in memberships:
        if membership.is_public and role is MemberRole.VIEWER:
            return True
        given = caller.role_in(membership.project, member=membership.role)
        if given is not None and given.includes(role):
            return True
    return False


def check_permission(caller: Caller, permission: Permission) -> None:
    """Check what can be decided without a project.

    Raises:
        UnauthenticatedError: The caller is anonymous, and has to be somebody.
        ForbiddenError: The caller is somebody, and no administrator.
    """
    if caller.is_anonymous and permission.needs_credential:
        raise UnauthenticatedError(
            "You have to be authenticated to perform this operation."
        )
    if permission is Permission.ADMIN and not caller.may_administer:
        # Renku's sentence: base_api/auth.py, only_admins.
        raise ForbiddenError(
            "You do not have the required permissions for this operation."
        )


def missing(subject: Subject, name: str) -> NotFoundError:
    """Return Renku's error for what is not there or not the caller's: one sentence."""
    return NotFoundError(
        f"{subject.value} with id '{name[:60]}' does not exist or you do not have "
        "access to it."
    )
