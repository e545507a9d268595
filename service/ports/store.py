"""The ledger: the one place where state is durable."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from service.domain.agenda import Appointment, Look, Pace
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
from service.domain.hook import Hook, HookId
from service.domain.launcher import Launcher, LauncherId
from service.domain.repository import Repository
from service.domain.source import Source, SourceId
from service.domain.sweeping import Beat, Turn
from service.wire import Event

__all__ = [
    "LOCK_SCHEDULE",
    "Agenda",
    "BuildLogs",
    "Builds",
    "Deliveries",
    "DeliveryRecord",
    "Evaluations",
    "Hooks",
    "Launchers",
    "Leases",
    "LogLine",
    "Outbox",
    "Rebuilds",
    "Sources",
    "Store",
    "Sweeps",
    "Transaction",
]


LOCK_SCHEDULE: Final = "schedule"
"""Held while deciding which builds start, stop or serve which rebuilds."""


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

    async def list(self) -> Sequence[Hook]:
        """Oldest first."""
        ...

    async def save(self, hook: Hook) -> None: ...
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

    async def list(self) -> Sequence[Source]:
        """Only sources that some launcher follows, oldest first."""
        ...

    async def save(self, source: Source) -> None: ...


class Launchers(Protocol):
    """The registry of launchers."""

    async def add(self, launcher: Launcher) -> None: ...
    async def get(self, launcher: LauncherId) -> Launcher:
        """Raises: NotFoundError."""
        ...

    async def of_environment(self, environment: EnvironmentId) -> Launcher:
        """Raises: NotFoundError."""
        ...

    async def of_source(self, source: SourceId) -> Sequence[Launcher]: ...
    async def list(self, *, project: str | None = None) -> Sequence[Launcher]:
        """Newest first."""
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

    async def of_environment(
        self, environment: EnvironmentId, *, limit: int | None = None
    ) -> Sequence[Rebuild]:
        """Newest first."""
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
class DeliveryRecord:
    """A delivery, on record; secrets in its headers are masked."""

    id: DeliveryId
    hook_id: HookId
    forge_delivery_id: str | None
    event: str
    """The forge's name of the event."""
    status: str
    """`accepted`, `ignored`, `duplicate` or `refused`."""
    reason: str
    message: str
    repository: str
    ref: str
    before: str
    after: str
    headers: Mapping[str, str]
    received_at: datetime
    count: int = 1
    """How often it was delivered."""
    is_by_old_secret: bool = False
    """Whether only the secret that is being rotated out proved it."""


class Deliveries(Protocol):
    """What arrived."""

    async def record(self, records: Iterable[DeliveryRecord]) -> None:
        """Write records.

        One whose id is known counts up, unless it is the same arrival; only an
        accepted one changes what is said of it, and one without headers leaves those
        that are there.
        """
        ...

    async def get(self, delivery: DeliveryId) -> DeliveryRecord:
        """Raises: NotFoundError."""
        ...

    async def find(self, text: str) -> Sequence[DeliveryRecord]:
        """Return those whose id or forge delivery id is the text, newest first."""
        ...

    async def list(
        self, *, hook: HookId | None = None, limit: int = 50
    ) -> Sequence[DeliveryRecord]:
        """Newest first."""
        ...

    async def trim(self, *, keep: int) -> None:
        """Forget all but the newest `keep` of every hook."""
        ...


class Outbox(Protocol):
    """Events that a transaction wants published, once it is committed."""

    @property
    def has_grown(self) -> bool:
        """Say whether this transaction added events."""
        ...

    async def add(self, events: Iterable[Event]) -> None: ...
    async def take(self, *, limit: int) -> Sequence[tuple[int, Event]]:
        """Return the oldest events, each with its place, in order."""
        ...

    async def remove(self, places: Iterable[int]) -> None: ...


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


class Agenda(Protocol):
    """Which sources are to be looked at. Asks are durable; looks are claimed."""

    async def ask(self, look: Look, *, pace: Pace) -> None:
        """Note an ask and make the source's appointment by `domain.agenda.due`."""
        ...

    async def claim(self, *, now: datetime, lease: timedelta) -> Appointment | None:
        """Take the longest due appointment that nobody holds, for a lease.

        A lease that ran out counts as not held: whoever had it died.
        """
        ...

    async def next_due(self) -> datetime | None:
        """Return when the next unclaimed appointment is due or lease runs out."""
        ...

    async def asks(self, source: SourceId) -> Sequence[tuple[int, Look]]:
        """Return the source's open asks, each with its place, oldest first."""
        ...

    async def settle(
        self, source: SourceId, *, places: Iterable[int], now: datetime, pace: Pace
    ) -> None:
        """Forget asks that a look answered, and give the appointment back.

        When other asks came meanwhile the source stays on the agenda, due after
        `pace.quiet`, with its attempts counted anew. `now` is kept as the time of
        the last look.
        """
        ...

    async def postpone(self, source: SourceId, *, until: datetime) -> None:
        """Give the appointment back unanswered, due later; its attempts count up."""
        ...


class Sweeps(Protocol):
    """When sources are asked for their heads without anybody having told."""

    async def turns(self, *, now: datetime, per_host: int) -> Sequence[Turn]:
        """Return whose turn it is: the sources that were due first at each host.

        Only sources that some launcher follows. Those of the same repositories come
        with them, due or not, and so do sources that have no beat yet.

        Args:
            now: The present.
            per_host: How many due sources of one host are returned, at most.
        """
        ...

    async def save(self, beats: Iterable[Beat]) -> None: ...


class Leases(Protocol):
    """Who does what only one process may do."""

    async def take(
        self, name: str, *, owner: str, now: datetime, length: timedelta
    ) -> bool:
        """Take or renew a lease until `now` plus its length; say whether it is ours.

        It is not while somebody else holds one that has not run out.
        """
        ...

    async def release(self, name: str, *, owner: str) -> None:
        """Give a lease up, if it is the owner's."""
        ...


class Transaction(Protocol):
    """All aggregates of one transaction."""

    @property
    def agenda(self) -> Agenda: ...
    @property
    def hooks(self) -> Hooks: ...
    @property
    def sources(self) -> Sources: ...
    @property
    def launchers(self) -> Launchers: ...
    @property
    def evaluations(self) -> Evaluations: ...
    @property
    def rebuilds(self) -> Rebuilds: ...
    @property
    def builds(self) -> Builds: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def sweeps(self) -> Sweeps: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def logs(self) -> BuildLogs: ...


class Store(Protocol):
    """The ledger: the one place where state is durable."""

    def transaction(self, *locks: str) -> AbstractAsyncContextManager[Transaction]:
        """Begin; commit at the end of the block, roll back when it raises.

        While the block runs, no other transaction holds any of the named locks, in
        any process that shares the database.

        Raises:
            TransientError: The database did not answer or was too busy.
        """
        ...

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction that only reads; it waits for no writer."""
        ...

    async def ping(self) -> None:
        """Return when the database answers.

        Raises:
            TransientError: It does not.
        """
        ...
