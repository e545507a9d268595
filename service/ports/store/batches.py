"""The ports of work on many launchers and rebuilds at once: one statement a page."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from service.domain.building.build import (
    BuildId,
    BuildKey,
    EnvironmentId,
    Rebuild,
    RebuildId,
)
from service.domain.evaluation.comparison import EvaluationId
from service.domain.launcher import Launcher, LauncherId
from service.domain.source import SourceId

__all__ = ["BATCH", "LauncherBatches", "RebuildBatches"]

BATCH: Final = 100
"""How many launchers one transaction changes at most: tens of milliseconds, in which
other transactions may wait for its rows."""


class LauncherBatches(Protocol):
    """Launchers, many at once."""

    async def page_of_source(
        self, source: SourceId, *, limit: int, after: Launcher | None = None
    ) -> Sequence[Launcher]:
        """Return and hold launchers of a source, oldest first."""
        ...

    async def some(self, ids: Iterable[LauncherId]) -> Sequence[Launcher]:
        """Return and hold those that exist, by id."""
        ...

    async def of_whole(
        self, sources: Collection[SourceId], *, limit: int
    ) -> Mapping[SourceId, Sequence[Launcher]]:
        """Return and hold all launchers of sources that have few, oldest first.

        Of as many sources as have, together, no more than `limit`; those without
        launchers among them. A source that is left out may have more.
        """
        ...

    async def newest_generations(
        self, sources: Collection[SourceId]
    ) -> Mapping[SourceId, int]:
        """Return the highest generation that a launcher of each source has or wants."""
        ...

    async def save_wanted(self, launchers: Iterable[Launcher]) -> None:
        """Save what launchers want, and how long that is held; nothing else."""
        ...

    async def roll_out_many(
        self,
        launchers: Iterable[LauncherId],
        *,
        image: str,
        key: BuildKey,
        generation: int,
        built_at: datetime | None = None,
    ) -> Collection[LauncherId]:
        """Move launchers whose generation is lower; return those that moved.

        One atomic compare-and-set for all of them, as `Launchers.roll_out` is for one.
        """
        ...

    async def make_available_many(
        self,
        launchers: Iterable[LauncherId],
        *,
        image: str,
        key: BuildKey,
        generation: int,
        built_at: datetime | None = None,
    ) -> Collection[LauncherId]:
        """Offer launchers an image, as `Launchers.make_available`; return who got it.

        One atomic compare-and-set for all of them.
        """
        ...


class RebuildBatches(Protocol):
    """Rebuilds, many at once."""

    async def some(self, ids: Iterable[RebuildId]) -> Sequence[Rebuild]:
        """Return and hold those that exist, by id."""
        ...

    async def add_all(self, rebuilds: Iterable[Rebuild]) -> None:
        """Add rebuilds; those whose id is there already change nothing."""
        ...

    async def save_all(self, rebuilds: Iterable[Rebuild]) -> None:
        """Save rebuilds whole; those that are not there change nothing."""
        ...

    async def save_progress(self, rebuilds: Iterable[Rebuild]) -> None:
        """Save state, build, times and result of rebuilds; nothing of their plan."""
        ...

    async def of_environments(
        self, environments: Iterable[EnvironmentId], *, limit: int
    ) -> Mapping[EnvironmentId, Sequence[Rebuild]]:
        """Return the newest rebuilds of each environment, newest first."""
        ...

    async def unfinished_of(
        self, environments: Iterable[EnvironmentId]
    ) -> Sequence[Rebuild]:
        """Return and hold the unfinished rebuilds of environments, by id."""
        ...

    async def attached(
        self, build: BuildId, *, limit: int, after: RebuildId | None = None
    ) -> Sequence[Rebuild]:
        """Return unfinished rebuilds of a build, by id, without holding them."""
        ...

    async def samples_of_evaluation(
        self, evaluation: EvaluationId
    ) -> Sequence[Rebuild]:
        """Return one rebuild of an evaluation for each state and build that it has."""
        ...

    async def samples_of_build(
        self, build: BuildId, *, limit: int
    ) -> Sequence[Rebuild]:
        """Return one rebuild of a build for each of its latest evaluations."""
        ...

    async def start(self, build: BuildId, *, at: datetime, limit: int) -> int:
        """Write that queued rebuilds of a running build run; return how many."""
        ...

    async def put_back(self, build: BuildId) -> None:
        """Write that the running rebuilds of a build wait again."""
        ...
