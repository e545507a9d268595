"""What people set up: hooks, launchers, and the sources they follow."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from service.domain.build import (
    BuildKey,
    EnvironmentId,
)
from service.domain.hook import Hook, HookId
from service.domain.launcher import Launcher, LauncherId
from service.domain.repository import Repository
from service.domain.source import Source, SourceId
from service.ports.store.paging import FIRST_PAGE, Page, PageRequest

__all__ = [
    "Hooks",
    "Launchers",
    "Sources",
]


class Hooks(Protocol):
    """The configured hooks. Secrets are encrypted at rest."""

    async def add(self, hook: Hook) -> None: ...
    async def get(self, hook: HookId) -> Hook:
        """Raises: NotFoundError."""
        ...

    async def some(self, ids: Iterable[HookId]) -> Sequence[Hook]:
        """Return those of these that there are, in one query.

        Raises: PermanentError: the secrets of one cannot be read.
        """
        ...

    async def list(self, page: PageRequest = FIRST_PAGE) -> Page[Hook]:
        """Oldest first."""
        ...

    async def ids(self) -> Sequence[HookId]:
        """Return the id of every hook, oldest first."""
        ...

    async def save(self, hook: Hook) -> None: ...
    async def bind(self, repository: Repository, *, number: int) -> None:
        """Note the number that a look has found for a repository.

        Hooks bound to it, which have its name, know it from then on, unless they know
        another than the repository had until now.
        """
        ...

    async def remove(self, hook: HookId) -> None: ...


class Sources(Protocol):
    """What launchers follow."""

    async def find_or_add(self, source: Source) -> Source:
        """Return the source of the same repository, revision and context directory."""
        ...

    async def get(self, source: SourceId) -> Source:
        """Raises: NotFoundError."""
        ...

    async def of_repository(self, repository: Repository) -> Sequence[Source]:
        """Return candidates: same host, and same path *or* number.

        `Repository.is_same` decides between them.
        """
        ...

    async def of_repositories(
        self, repositories: Iterable[Repository]
    ) -> Sequence[Source]:
        """Return the candidates of several repositories, in one query."""
        ...

    async def some(self, ids: Iterable[SourceId]) -> Sequence[Source]:
        """Return those of these that there are, in one query."""
        ...

    async def list(self, page: PageRequest = FIRST_PAGE) -> Page[Source]:
        """Only sources that some launcher follows, oldest first."""
        ...

    async def save(self, source: Source) -> None: ...


class Launchers(Protocol):
    """The registry of launchers."""

    async def add(self, launcher: Launcher) -> None: ...
    async def get(self, launcher: LauncherId) -> Launcher:
        """Raises: NotFoundError."""
        ...

    async def take_name(self, launcher: Launcher) -> bool:
        """Make the launcher's name its own within its project; say whether it is.

        Not while another launcher has it, however close two requests come. Names that
        several shared before that became a rule stay theirs, and nobody else's.
        """
        ...

    async def of_environment(self, environment: EnvironmentId) -> Launcher:
        """Raises: NotFoundError."""
        ...

    async def of_source(self, source: SourceId) -> Sequence[Launcher]: ...
    async def followers(
        self, sources: Iterable[SourceId], *, limit: int
    ) -> Mapping[SourceId, Page[LauncherId]]:
        """Return the oldest launchers of each source, at most so many of each."""
        ...

    async def list(
        self,
        page: PageRequest = FIRST_PAGE,
        *,
        project: str | None = None,
        name: str | None = None,
    ) -> Page[Launcher]:
        """Newest first; only those of a project or with a name, where one is given."""
        ...

    async def behind(
        self, *, now: datetime, limit: int, after: LauncherId | None = None
    ) -> Sequence[tuple[LauncherId, SourceId]]:
        """Return launchers that may be behind, by id, without reading all others.

        Those that do not have the image that they want, that no unfinished rebuild
        leads to it and that nothing holds back; and those that an unfinished rebuild
        leads elsewhere. `service.domain.reconciliation` decides.

        Args:
            now: The present.
            limit: How many to return at most.
            after: Only launchers with a higher id.
        """
        ...

    async def count_without_build(self) -> int:
        """Count launchers that are outdated, not manual, and have no build on its way.

        Those that wait for their next try count, those whose definition failed for
        good do not.
        """
        ...

    async def save(self, launcher: Launcher) -> None:
        """Write all but the image fields, which only `move` and `offer` write."""
        ...

    async def move(
        self,
        launcher: LauncherId,
        *,
        image: str,
        key: BuildKey,
        generation: int,
    ) -> bool:
        """Point the launcher at an image, if its generation is lower; say whether.

        One atomic compare-and-set: whoever calls in whatever order, the image of the
        highest generation stays.
        """
        ...

    async def offer(
        self,
        launcher: LauncherId,
        *,
        image: str,
        key: BuildKey,
        generation: int,
    ) -> bool:
        """Note an available image, if none of this or a higher generation is.

        Nor if the launcher starts from an image of this or a higher generation.
        """
        ...

    async def remove(self, launcher: LauncherId) -> None: ...
