"""Projects: what launchers belong to, and who has a role there."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

from service.domain.repository import Repository
from service.domain.rights.caller import MemberRole, ProjectId, User, UserId
from service.domain.source import Access
from service.errors import InvalidRequestError

__all__ = [
    "DEFAULT_PROJECT",
    "SECRETS_DIRECTORY",
    "LinkedRepository",
    "Member",
    "Project",
    "Visibility",
    "namespace_of",
    "slug_of",
]

DEFAULT_PROJECT: Final = ProjectId("0" * 26)
"""The project of launchers that name none; every database has it from the start."""
SECRETS_DIRECTORY: Final = "/secrets"
"""Renku's default of `secrets_mount_directory`, which belongs to sessions."""
_LONGEST_SLUG: Final = 99
_NO_SLUG: Final = re.compile(r"[^a-z0-9_.-]+")
_REPEATED: Final = re.compile(r"[-._]{2,}")


class Visibility(Enum):
    """Who may read a project."""

    PRIVATE = "private"
    """Its members."""
    PUBLIC = "public"
    """Anyone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedRepository:
    """A repository that belongs to a project."""

    url: str
    """As it was sent; Renku takes any text, and only http(s) can be built."""
    is_granted: bool = False
    """Whether the project's launchers may be read with the installation's credentials,
    although it is private."""
    is_by_rule: bool = False
    """Whether a rule of the settings grants that, and no administrator did."""

    @property
    def repository(self) -> Repository | None:
        """The repository; None for URLs that cannot be built, such as ssh."""
        try:
            return Repository.from_url(self.url)
        except InvalidRequestError:
            return None

    def is_of(self, repository: Repository) -> bool:
        """Return whether this is a spelling of that repository."""
        known = self.repository
        return known is not None and known.is_same(repository)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A user's role in a project."""

    user: User
    role: MemberRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project, with Renku's fields."""

    id: ProjectId
    name: str
    namespace: str
    slug: str
    created_by: UserId
    created_at: datetime
    updated_at: datetime
    visibility: Visibility = Visibility.PRIVATE
    description: str | None = None
    documentation: str | None = None
    keywords: Sequence[str] = ()
    repositories: Sequence[LinkedRepository] = ()
    is_template: bool = False
    secrets_mount_directory: str = SECRETS_DIRECTORY

    @property
    def is_public(self) -> bool:
        """Whether anyone may read it."""
        return self.visibility is Visibility.PUBLIC

    @property
    def etag(self) -> str:
        """The entity tag: it differs whenever something of the project differs.

        A quoted digest in capitals, as Renku's. From every field and not only from
        `updated_at`, since two changes may come within one tick of a clock.
        """
        seen = repr(
            (
                self.updated_at.isoformat(),
                self.name,
                self.namespace,
                self.slug,
                self.visibility.value,
                self.description,
                self.documentation,
                tuple(self.keywords),
                tuple(linked.url for linked in self.repositories),
                self.is_template,
                self.secrets_mount_directory,
            )
        )
        digest = hashlib.sha256(seen.encode("utf-8", "surrogatepass")).hexdigest()
        return f'"{digest[:32].upper()}"'

    def links(self, repository: Repository) -> bool:
        """Return whether a repository is one of the project's, however spelled."""
        return any(linked.is_of(repository) for linked in self.repositories)

    def is_granted(self, repository: Repository) -> bool:
        """Return whether the project may have the repository read with credentials."""
        return any(
            linked.is_granted and linked.is_of(repository)
            for linked in self.repositories
        )

    def access_to(self, repository: Repository) -> Access:
        """Return what sources of the project's launchers are read with."""
        granted = self.is_granted(repository)
        return Access.CREDENTIAL if granted else Access.ANONYMOUS

    def with_link(self, link: LinkedRepository) -> "Project":
        """Return the project with a link, in the place of the same repository's."""
        known = link.repository
        links = [
            replace(link, url=other.url)
            if known is not None and other.is_of(known)
            else other
            for other in self.repositories
        ]
        is_there = known is not None and self.links(known)
        return replace(self, repositories=(*links, *(() if is_there else (link,))))


def slug_of(name: str) -> str:
    """Make a slug of a name, as Renku does: lower case, hyphens for the rest.

    Raises:
        InvalidRequestError: No character of the name can stand in a slug.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = _REPEATED.sub("-", _NO_SLUG.sub("-", plain.lower())).strip("-._")
    # Renku refuses slugs that end so: they would read as a clone URL or a feed.
    slug = re.sub(r"\.(git|atom)$", "", slug)[:_LONGEST_SLUG].strip("-._")
    if not slug:
        raise InvalidRequestError(
            f"the name {name[:80]!r} makes no slug; send one, such as 'my-project'"
        )
    return slug


def namespace_of(user: User) -> str:
    """Return the namespace that a user's own projects stand in.

    Raises:
        InvalidRequestError: Neither name nor id make a slug.
    """
    try:
        return slug_of(user.username)
    except InvalidRequestError:
        return slug_of(user.id)
