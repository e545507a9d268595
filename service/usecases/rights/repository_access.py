"""Decide what a project may have a repository read with, and link it to the project."""

from dataclasses import replace
from typing import Protocol

from service.domain.launcher import Launcher
from service.domain.repository import Repository
from service.domain.rights.caller import ProjectId
from service.domain.rights.grants import GrantRules
from service.domain.rights.project import LinkedRepository
from service.domain.source import Access, Source
from service.errors import NotFoundError
from service.ports.store import Transaction
from service.ports.time import Clock

__all__ = [
    "CheckReadable",
    "RepositoryAccess",
    "named_repository",
    "project_lock",
    "trust_any",
]


class CheckReadable(Protocol):
    """Checks that a project can have a repository read."""

    async def __call__(self, project: ProjectId, url: str, *, may_grant: bool) -> None:
        """Raise InvalidRequestError where it cannot."""
        ...


async def trust_any(project: ProjectId, url: str, *, may_grant: bool) -> None:
    """Ask nobody: for who changes only what was let in before."""
    del project, url, may_grant


def project_lock(project: str) -> str:
    """Name the lock of a project's links and of what follows from them."""
    return f"project:{project}"


def named_repository(launcher: Launcher, source: Source) -> Repository:
    """Return the repository of a launcher by the name that its project links.

    As it was sent: the source's name follows renames.
    """
    if launcher.repository is None:
        return source.repository
    return Repository.from_url(launcher.repository)


class RepositoryAccess:
    """Link repositories to projects, and say what their launchers read them with.

    Whoever may change a project may link any repository to it: a public one can be
    read by everybody. What only the installation's credentials can read is for
    projects to which an administrator, or a rule of the settings, granted it.

    Args:
        clock: The current time.
        rules: Which repositories the settings grant.
    """

    def __init__(self, *, clock: Clock, rules: GrantRules) -> None:
        self._clock = clock
        self._rules = rules

    async def link(
        self, tx: Transaction, project_id: ProjectId, url: str, *, may_grant: bool
    ) -> Access:
        """Link a repository that a launcher follows, and return its access.

        The caller holds the project's lock.

        Args:
            tx: The transaction that holds the lock.
            project_id: The launcher's project.
            url: The repository, as it was sent.
            may_grant: Whether whoever asks administers: then naming the repository
                grants it.

        Raises:
            InvalidRequestError: The URL is no repository's.
        """
        repository = Repository.from_url(url)
        try:
            known = await tx.projects.link_of(project_id, repository)
        except NotFoundError:
            # An id that nobody made a project of is an administrator's own.
            return Access.CREDENTIAL if may_grant else Access.ANONYMOUS
        wanted = LinkedRepository(url=url, is_granted=may_grant)
        link = self._rules.apply(project_id, wanted)
        if known is None:
            await tx.projects.add_link(project_id, link, at=self._clock.now())
        elif link.is_granted and not known.is_granted:
            project = await tx.projects.get(project_id)
            changed = replace(project.with_link(link), updated_at=self._clock.now())
            await tx.projects.save(changed)
            # Other launchers of the project follow it without credentials.
            await tx.projects.mark_unsettled(project_id)
        is_granted = link.is_granted or (known is not None and known.is_granted)
        return Access.CREDENTIAL if is_granted else Access.ANONYMOUS

    async def expected(
        self, tx: Transaction, project_id: ProjectId, url: str, *, may_grant: bool
    ) -> Access:
        """Return the access that `link` would give, and change nothing.

        Raises:
            InvalidRequestError: The URL is no repository's.
        """
        wanted = LinkedRepository(url=url, is_granted=may_grant)
        link = self._rules.apply(project_id, wanted)
        known = await self.current(tx, project_id, Repository.from_url(url))
        is_granted = link.is_granted or known is Access.CREDENTIAL
        return Access.CREDENTIAL if is_granted else Access.ANONYMOUS

    async def current(
        self, tx: Transaction, project_id: ProjectId, repository: Repository
    ) -> Access | None:
        """Return a project's present access; None where there is no such project."""
        try:
            known = await tx.projects.link_of(project_id, repository)
        except NotFoundError:
            return None
        is_granted = known is not None and known.is_granted
        return Access.CREDENTIAL if is_granted else Access.ANONYMOUS
