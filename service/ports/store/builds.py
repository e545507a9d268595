"""The ports of evaluations, rebuilds, builds and their logs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildState,
    EnvironmentId,
    Image,
    Rebuild,
    RebuildId,
)
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import (
    Evaluation,
    EvaluationId,
    Verdict,
)
from service.domain.rights.caller import EVERYTHING, ProjectFilter
from service.domain.source import SourceId
from service.ports.store.batches import RebuildBatches
from service.ports.store.paging import Cursor, Page

__all__ = [
    "BuildLogs",
    "Builds",
    "Evaluations",
    "LogLine",
    "Rebuilds",
]


class Evaluations(Protocol):
    """The record of evaluations; `Retention` removes old ones."""

    async def add(self, evaluation: Evaluation) -> None: ...
    async def add_all(self, evaluations: Sequence[Evaluation]) -> None:
        """Add evaluations.

        Raises:
            ConflictError: There is one of the same id already.
        """
        ...

    async def get(self, evaluation: EvaluationId) -> Evaluation:
        """Raises: NotFoundError."""
        ...

    async def of_source(
        self, source: SourceId, *, limit: int = 50, after: Cursor | None = None
    ) -> Sequence[Evaluation]:
        """Newest first, by the time of their end; only those behind a cursor."""
        ...

    async def latest_verdicts(
        self, sources: Iterable[SourceId]
    ) -> Mapping[SourceId, Verdict]:
        """Return the verdict of the newest evaluation of each source that has one."""
        ...

    async def of_deliveries(
        self, deliveries: Iterable[DeliveryId]
    ) -> Sequence[Evaluation]:
        """Return what any of these deliveries asked for, newest first, in one query."""
        ...

    async def of_commit(self, prefix: str, *, limit: int = 50) -> Sequence[Evaluation]:
        """Return evaluations of commits that begin with the prefix, newest first."""
        ...


class Rebuilds(RebuildBatches, Protocol):
    """The rebuilds of environments."""

    async def add(self, rebuild: Rebuild) -> None:
        """Add a rebuild; adding the same id again does nothing."""
        ...

    async def get(self, rebuild: RebuildId) -> Rebuild:
        """Raises: NotFoundError."""
        ...

    async def save(self, rebuild: Rebuild) -> None: ...
    async def unfinished(
        self, *, environment: EnvironmentId | None = None
    ) -> Sequence[Rebuild]:
        """Return the queued and running rebuilds, of one environment or of all.

        Oldest first.
        """
        ...

    async def unplanned(
        self, source: SourceId, *, until: datetime
    ) -> Sequence[RebuildId]:
        """Return unfinished rebuilds of a source that no evaluation has planned yet.

        Oldest first, and only those that were requested until then.
        """
        ...

    async def busy(
        self, *, source: SourceId | None = None, among: Iterable[EnvironmentId] = ()
    ) -> Collection[EnvironmentId]:
        """Return environments with an unfinished rebuild.

        Those of the launchers of a source, or else those among the given ones.
        """
        ...

    async def is_any_waiting(self) -> bool:
        """Return whether a planned rebuild waits for the scheduler's decision."""
        ...

    async def stranded(self, *, before: datetime) -> Sequence[SourceId]:
        """Return sources that rebuilds wait for and that no evaluation is queued for.

        Args:
            before: Only rebuilds that were requested until then count.
        """
        ...

    async def of_environment(
        self,
        environment: EnvironmentId,
        *,
        limit: int | None = None,
        after: Cursor | None = None,
    ) -> Sequence[Rebuild]:
        """Newest first; only those behind a cursor."""
        ...

    async def newest(self, environments: Iterable[EnvironmentId]) -> Sequence[Rebuild]:
        """Return the newest rebuild of each of these environments, in one query."""
        ...

    async def failed(
        self,
        *,
        since: datetime,
        reasons: Iterable[str] = (),
        limit: int,
        after: Rebuild | None = None,
    ) -> Page[Rebuild]:
        """Return the newest rebuild of each environment if it failed, oldest first.

        Only environments whose launcher still exists.

        Args:
            since: Only failures from then on.
            reasons: Words of failure classes; all classes when empty.
            limit: How many to return at most; all are counted.
            after: Only those that follow this one, the last of an earlier page.
        """
        ...

    async def latest_failed(
        self, *, since: datetime, visible: ProjectFilter, limit: int
    ) -> Sequence[Rebuild]:
        """Return what `failed` does of launchers in visible projects, newest first."""
        ...

    async def of_build(self, build: BuildId) -> Sequence[Rebuild]:
        """Oldest first."""
        ...

    async def of_evaluation(self, evaluation: EvaluationId) -> Sequence[Rebuild]: ...
    async def list(
        self,
        *,
        limit: int,
        after: Cursor | None = None,
        state: BuildState | None = None,
        visible: ProjectFilter = EVERYTHING,
    ) -> Sequence[Rebuild]:
        """Newest first; of launchers in visible projects, and behind a cursor.

        Only those in a state, where one is given.
        """
        ...


class Builds(Protocol):
    """The builds, and the images that they produced."""

    async def add(self, build: Build) -> None: ...
    async def get(self, build: BuildId) -> Build:
        """Raises: NotFoundError."""
        ...

    async def save(self, build: Build) -> None: ...
    async def unfinished(self) -> Sequence[Build]:
        """Return the queued and running builds, oldest first."""
        ...

    async def is_any_queued(self) -> bool:
        """Return whether a build waits for its start."""
        ...

    async def succeeded(
        self, project_id: str, repository_url: str, *, limit: int
    ) -> Sequence[Build]:
        """Return builds of a project and a repository that produced an image.

        Newest first.
        """
        ...

    async def image(self, key: BuildKey) -> Image | None:
        """Return the newest image of a key."""
        ...

    async def save_image(self, key: BuildKey, image: Image) -> None:
        """Make an image the newest of its key."""
        ...

    async def delete_image(self, key: BuildKey) -> None:
        """Remove the image of a key, which no longer exists in the registry."""
        ...

    async def durations(self, key: BuildKey | None = None) -> Sequence[timedelta]:
        """Return how long the latest 20 succeeded builds took, newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a build log."""

    seq: int
    """The line number in the log of the build; grows without gaps from 1."""
    phase: str
    text: str


class BuildLogs(Protocol):
    """The logs of builds: capped, redacted, kept after the builder removed its own."""

    async def append(
        self, build: BuildId, phase: str, lines: Sequence[str]
    ) -> None: ...

    async def read(
        self, build: BuildId, *, after: int = 0, limit: int = 1000
    ) -> Sequence[LogLine]:
        """Return the lines after a line number, in order."""
        ...
