"""Commands of users for projects, and their effect on a project."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.domain.rights.grants import GrantRules
from service.domain.rights.project import (
    SECRETS_DIRECTORY,
    LinkedRepository,
    Project,
    Visibility,
)

__all__ = [
    "NewProject",
    "ProjectChange",
    "change_fields",
    "is_owners",
    "link_repositories",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProject:
    """The command to add a project."""

    name: str
    namespace: str
    slug: str | None = None
    """None for one made of the name."""
    visibility: Visibility = Visibility.PRIVATE
    description: str | None = None
    documentation: str | None = None
    keywords: Sequence[str] = ()
    repositories: Sequence[str] = ()
    secrets_mount_directory: str = SECRETS_DIRECTORY


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectChange:
    """The command to change a project; None leaves a field as it is."""

    name: str | None = None
    namespace: str | None = None
    slug: str | None = None
    visibility: Visibility | None = None
    description: str | None = None
    """Empty removes it."""
    documentation: str | None = None
    keywords: Sequence[str] | None = None
    repositories: Sequence[str] | None = None
    is_template: bool | None = None
    secrets_mount_directory: str | None = None
    """Empty resets it."""


def is_owners(before: Project, change: ProjectChange) -> bool:
    """Return whether an editor may not make a change, as in Renku."""
    return (
        change.visibility not in {None, before.visibility}
        or change.namespace not in {None, before.namespace}
        or change.slug not in {None, before.slug}
    )


def link_repositories(
    urls: Sequence[str],
    before: Project,
    *,
    may_grant: bool,
    rules: GrantRules,
) -> Sequence[LinkedRepository]:
    """Return links in the order sent, each once.

    An administrator grants what they add. What was linked before is granted as it was,
    in whatever spelling: whoever sends a whole list back chose none of it.
    """
    return tuple(
        rules.apply(before.id, _link(url, before, may_grant=may_grant))
        for url in dict.fromkeys(urls)
    )


def _link(url: str, before: Project, *, may_grant: bool) -> LinkedRepository:
    link = LinkedRepository(url=url, is_granted=may_grant)
    known = link.repository
    for other in before.repositories:
        if other.url == url or (known is not None and other.is_of(known)):
            return replace(other, url=url)
    return link


def change_fields(
    before: Project, change: ProjectChange, *, may_grant: bool, rules: GrantRules
) -> Project:
    """Return a project with the fields of a change."""
    links = before.repositories
    if change.repositories is not None:
        links = link_repositories(
            change.repositories, before, may_grant=may_grant, rules=rules
        )
    directory = change.secrets_mount_directory
    plain = {
        name: value
        for name in (
            "name",
            "namespace",
            "slug",
            "visibility",
            "documentation",
            "is_template",
        )
        if (value := getattr(change, name)) is not None
    }
    return replace(
        before,
        repositories=links,
        keywords=before.keywords if change.keywords is None else tuple(change.keywords),
        description=before.description
        if change.description is None
        else change.description or None,
        secrets_mount_directory=before.secrets_mount_directory
        if directory is None
        else directory or SECRETS_DIRECTORY,
        **plain,
    )
