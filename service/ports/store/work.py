"""What was decided, asked for and built."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from service.domain.build import (
    Build,
    BuildId,
    BuildKey,
    EnvironmentId,
    Image,
    Rebuild,
    RebuildId,
)
from service.domain.delivery import DeliveryId
from service.domain.evaluation import Evaluation, EvaluationId
from service.domain.source import SourceId
from service.ports.store.paging import Page

__all__ = [
    "BuildLogs",
    "Builds",
    "Evaluations",
    "LogLine",
    "Rebuilds",
]


class Evaluations(Protocol):
    """What was decided, for ever explainable."""

    async def add(self, evaluation: Evaluation) -> None: ...
    async def get(self, evaluation: EvaluationId) -> Evaluation:
        """Raises: NotFoundError."""
        ...

    async def of_source(
        self, source: SourceId, *, limit: int = 50
    ) -> Sequence[Evaluation]:
        """Newest first."""
        ...

    async def of_delivery(self, delivery: DeliveryId) -> Sequence[Evaluation]:
        """Newest first."""
        ...

    async def of_commit(self, prefix: str) -> Sequence[Evaluation]:
        """Evaluations of commits that begin with the prefix, newest first."""
        ...


class Rebuilds(Protocol):
    """What environments asked for."""

    async def add(self, rebuild: Rebuild) -> None:
        """Add it; adding the same id again does nothing."""
        ...

    async def get(self, rebuild: RebuildId) -> Rebuild:
        """Raises: NotFoundError."""
        ...

    async def save(self, rebuild: Rebuild) -> None: ...
    async def unfinished(self) -> Sequence[Rebuild]:
        """Every queued or running one, oldest first."""
        ...

    async def stranded(self, *, before: datetime) -> Sequence[SourceId]:
        """Return sources that rebuilds wait for and nobody is to look at.

        Args:
            before: Only rebuilds that were asked for until then count.
        """
        ...

    async def of_environment(
        self, environment: EnvironmentId, *, limit: int | None = None
    ) -> Sequence[Rebuild]:
        """Newest first."""
        ...

    async def newest(self, environments: Iterable[EnvironmentId]) -> Sequence[Rebuild]:
        """Return the newest one of each of these environments, in one query."""
        ...

    async def failed(
        self, *, since: datetime, reasons: Iterable[str] = (), limit: int
    ) -> Page[Rebuild]:
        """Return the newest of environments where that failed, oldest failure first.

        Only of launchers that there are.

        Args:
            since: Only what failed from then on.
            reasons: Words of failure classes; of any class when empty.
            limit: How many to return at most; all are counted.
        """
        ...

    async def of_build(self, build: BuildId) -> Sequence[Rebuild]:
        """Oldest first."""
        ...

    async def of_evaluation(self, evaluation: EvaluationId) -> Sequence[Rebuild]: ...
    async def list(self, *, limit: int) -> Sequence[Rebuild]:
        """Newest first."""
        ...


class Builds(Protocol):
    """The work, and the images that came of it."""

    async def add(self, build: Build) -> None: ...
    async def get(self, build: BuildId) -> Build:
        """Raises: NotFoundError."""
        ...

    async def save(self, build: Build) -> None: ...
    async def unfinished(self) -> Sequence[Build]:
        """Every queued or running one, oldest first."""
        ...

    async def succeeded(
        self, project_id: str, repository_url: str, *, limit: int
    ) -> Sequence[Build]:
        """Return builds of a project from a repository that made an image.

        Newest first.
        """
        ...

    async def image(self, key: BuildKey) -> Image | None:
        """Return the newest image of a key."""
        ...

    async def keep_image(self, key: BuildKey, image: Image) -> None:
        """Make an image the newest of its key."""
        ...

    async def forget_image(self, key: BuildKey) -> None:
        """Say that the key's image is no longer there."""
        ...

    async def durations(self, key: BuildKey | None = None) -> Sequence[timedelta]:
        """Return how long the latest 20 succeeded builds took, newest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line that a build said."""

    seq: int
    """Its place in the log of the build; grows without gaps from 1."""
    phase: str
    text: str


class BuildLogs(Protocol):
    """What builds said; kept after the builder is gone, capped, redacted."""

    async def append(
        self, build: BuildId, phase: str, lines: Sequence[str]
    ) -> None: ...

    async def read(
        self, build: BuildId, *, after: int = 0, limit: int = 1000
    ) -> Sequence[LogLine]:
        """Return lines after a place, in order."""
        ...
