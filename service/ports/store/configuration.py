"""The ports of what users configure: hooks, launchers, and their sources."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from service.domain.building.build import (
    BuildKey,
    EnvironmentId,
)
from service.domain.building.environment import GlobalEnvironment
from service.domain.hook import Hook, HookId
from service.domain.launcher import Launcher, LauncherId, RebuildSchedule
from service.domain.repository import Repository
from service.domain.rights.caller import EVERYTHING, ProjectFilter
from service.domain.source import Source, SourceId
from service.ports.store.batches import LauncherBatches
from service.ports.store.paging import FIRST_PAGE, Cursor, Page, PageRequest

__all__ = [
    "Environments",
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

    async def get_many(self, ids: Iterable[HookId]) -> Sequence[Hook]:
        """Return those that exist, in one query.

        Raises: PermanentError: the secrets of one cannot be decrypted.
        """
        ...

    async def list(
        self, page: PageRequest = FIRST_PAGE, *, visible: ProjectFilter = EVERYTHING
    ) -> Page[Hook]:
        """Oldest first; those of repositories that a visible project links."""
        ...

    async def of_repository(self, repository: Repository) -> Sequence[Hook]:
        """Return candidates, oldest first: same host, and same path *or* number.

        Those of owners and hosts are among them; `Hook.covers` decides.
        """
        ...

    async def count(self) -> int:
        """Return how many hooks there are."""
        ...

    async def next(self, after: Cursor | None = None) -> Cursor | None:
        """Return the position of the hook behind a cursor, oldest first.

        The first one without a cursor; None behind the last.
        """
        ...

    async def save(self, hook: Hook) -> None: ...
    async def bind(self, repository: Repository, *, number: int) -> None:
        """Save the number of a repository that an evaluation has read.

        Hooks that are bound to its path get the number, unless they have another one
        than the repository had until now.
        """
        ...

    async def remove(self, hook: HookId) -> None: ...


class Sources(Protocol):
    """The sources that launchers track."""

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

    async def get_many(self, ids: Iterable[SourceId]) -> Sequence[Source]:
        """Return those that exist, in one query."""
        ...

    async def list(
        self, page: PageRequest = FIRST_PAGE, *, visible: ProjectFilter = EVERYTHING
    ) -> Page[Source]:
        """Return the sources that some launcher tracks, oldest first."""
        ...

    async def some(self, ids: Collection[SourceId]) -> Sequence[Source]:
        """Return and hold those that exist, by id."""
        ...

    async def save_all(self, sources: Sequence[Source]) -> None:
        """Save sources; those that are not there change nothing."""
        ...


class Launchers(LauncherBatches, Protocol):
    """The launchers."""

    async def add(self, launcher: Launcher) -> None: ...
    async def get(self, launcher: LauncherId) -> Launcher:
        """Raises: NotFoundError."""
        ...

    async def reserve_name(self, launcher: Launcher) -> bool:
        """Reserve the launcher's name within its project; return whether it succeeded.

        It fails while another launcher has the name, also for two concurrent requests.
        Launchers that shared a name before names were unique keep it.
        """
        ...

    async def of_environment(self, environment: EnvironmentId) -> Launcher:
        """Raises: NotFoundError."""
        ...

    async def of_source(self, source: SourceId) -> Sequence[Launcher]: ...
    async def of_sources(
        self,
        sources: Iterable[SourceId],
        *,
        limit: int,
        visible: ProjectFilter = EVERYTHING,
    ) -> Mapping[SourceId, Page[LauncherId]]:
        """Return the oldest launchers of each source, at most `limit` of each."""
        ...

    async def get_many(self, ids: Iterable[LauncherId]) -> Sequence[Launcher]:
        """Return those that exist, oldest first, in one query."""
        ...

    async def list(
        self,
        page: PageRequest = FIRST_PAGE,
        *,
        project: str | None = None,
        name: str | None = None,
        sources: Collection[SourceId] | None = None,
        image: str | None = None,
        visible: ProjectFilter = EVERYTHING,
    ) -> Page[Launcher]:
        """Return launchers, newest first: all, or those that have what is given."""
        ...

    async def behind(
        self, *, now: datetime, limit: int, after: LauncherId | None = None
    ) -> Sequence[tuple[LauncherId, SourceId]]:
        """Return launchers that may be behind, by id, without reading all launchers.

        These are launchers without the image of their wanted key, unless an unfinished
        rebuild has that key or the launcher is on hold; and launchers with an
        unfinished rebuild of another key. `service.domain.reconciliation` decides.

        Args:
            now: The present.
            limit: How many to return at most.
            after: Only launchers with a higher id.
        """
        ...

    async def scheduled(
        self,
        *,
        built_before: Mapping[RebuildSchedule, datetime],
        limit: int,
        after: Launcher | None = None,
    ) -> Sequence[Launcher]:
        """Return launchers whose newest image is older than their schedule allows.

        The oldest image first, and before it what was never built; only those that are
        neither pinned nor manual. `service.domain.building.upcoming` decides.

        Args:
            built_before: How old images are due, by schedule.
            limit: How many to return at most.
            after: The last launcher of the page before.
        """
        ...

    async def on_hold(
        self, *, limit: int, after: LauncherId | None = None
    ) -> Sequence[tuple[LauncherId, SourceId]]:
        """Return launchers on hold after a failure or a cancellation, by id."""
        ...

    async def count_without_build(self) -> int:
        """Count launchers that are outdated, not manual, and have no unfinished build.

        Launchers that wait for a retry count; those whose definition failed for good do
        not.
        """
        ...

    async def save(self, launcher: Launcher) -> None:
        """Save all but what `roll_out` and `make_available` write."""
        ...

    async def roll_out(
        self,
        launcher: LauncherId,
        *,
        image: str,
        key: BuildKey,
        generation: int,
        built_at: datetime | None = None,
    ) -> bool:
        """Have the launcher start from an image; return whether it does from now on.

        Only if its generation is lower. Without `built_at` the time of its newest image
        stays.

        One atomic compare-and-set: in whatever order it is called, the image of the
        highest generation wins.
        """
        ...

    async def make_available(
        self,
        launcher: LauncherId,
        *,
        image: str,
        key: BuildKey,
        generation: int,
        built_at: datetime | None = None,
    ) -> bool:
        """Offer an image for a roll-out by hand; return whether it is offered now.

        Not if one of the same or a higher generation was offered, nor if the launcher
        has an image of the same or a higher generation.
        """
        ...

    async def start_from(self, launcher: LauncherId, image: str | None) -> None:
        """Give the launcher an image that was not built for it, or none.

        Its generation stays, so that no older build moves it; its offer ends.
        """
        ...

    async def remove(self, launcher: LauncherId) -> None: ...


class Environments(Protocol):
    """The environments that launchers of all projects may take."""

    async def add(self, environment: GlobalEnvironment) -> None: ...
    async def get(self, environment: EnvironmentId) -> GlobalEnvironment:
        """Raises: NotFoundError."""
        ...

    async def get_many(
        self, ids: Iterable[EnvironmentId]
    ) -> Sequence[GlobalEnvironment]:
        """Return those that exist, in one query."""
        ...

    async def list(self, *, with_archived: bool) -> Sequence[GlobalEnvironment]:
        """Oldest first."""
        ...

    async def save(self, environment: GlobalEnvironment) -> None: ...
    async def count_launchers(self, environment: EnvironmentId) -> int:
        """Count the launchers that take it."""
        ...

    async def remove(self, environment: EnvironmentId) -> None: ...
