"""Repositories, images, resource pools, alerts and kept logs, in Renku's shapes.

`api.spec.yaml` of `repositories`, `notebooks`, `crc`, `notifications` and
`persisted_logs` in https://github.com/SwissDataScienceCenter/renku-data-services
"""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from handlers.api.schemas.models import Line, ResponseModel
from handlers.api.schemas.service import Query
from service.domain.building.resource_pool import ResourceClass, ResourcePool
from service.ports.store import LogLine

__all__ = [
    "Alert",
    "AlertsQuery",
    "ClassesQuery",
    "ImageCheck",
    "ImageQuery",
    "PersistedLogs",
    "PoolResponse",
    "PoolsQuery",
    "RepositoryInfo",
    "RepositoryMetadata",
    "RepositoryQuery",
    "ResourceClassResponse",
]


class RepositoryQuery(Query):
    """Which repository."""

    url: Line = Field(min_length=1, max_length=500)


ErrorCode = Literal[
    "no_url_scheme",
    "no_url_host",
    "no_url_path",
    "no_git_repo",
    "invalid_url_scheme",
    "invalid_git_url",
    "metadata_unauthorized",
    "metadata_unknown",
]


class RepositoryMetadata(ResponseModel):
    """What is known of a repository that may be read."""

    git_url: str
    web_url: str | None = None
    pull_permission: bool
    visibility: Literal["public", "private"]


class RepositoryInfo(ResponseModel):
    """Whether a repository can be built from."""

    has_etag: ClassVar[bool] = True

    status: Literal["valid", "invalid", "unknown"]
    metadata: RepositoryMetadata | None = None
    error_code: ErrorCode | None = None


class ImageQuery(Query):
    """Which image."""

    image_url: Line = Field(min_length=1, max_length=500)


class ImagePlatform(ResponseModel):
    """What an image runs on."""

    os: str
    architecture: str


class ImageCheck(ResponseModel):
    """Whether the caller may start sessions from an image."""

    accessible: bool
    platforms: tuple[ImagePlatform, ...] | None = Field(
        default=None, description="Absent where they are not known."
    )

    @classmethod
    def of(cls, platforms: Iterable[str]) -> "ImageCheck":
        """Report an image that is accessible, for platforms such as `linux/amd64`."""
        parted = [name.partition("/") for name in sorted(set(platforms))]
        found = tuple(
            ImagePlatform(os=system, architecture=architecture)
            for system, _, architecture in parted
        )
        return cls(accessible=True, platforms=found or None)


class PoolsQuery(Query):
    """What a class has to offer to match."""

    cpu: float = Field(default=0, ge=0, le=10_000)
    memory: int = Field(default=0, ge=0, le=100_000, description="GB.")
    gpu: int = Field(default=0, ge=0, le=1_000)
    max_storage: int = Field(default=0, ge=0, le=1_000_000, description="GB.")

    def matches(self, known: ResourceClass) -> bool:
        """Return whether a class offers as much."""
        return (
            known.cpu >= self.cpu
            and known.memory >= self.memory
            and known.gpu >= self.gpu
            and known.max_storage >= self.max_storage
        )


class ClassesQuery(Query):
    """Which classes of a pool."""

    name: Line | None = Field(
        default=None, max_length=40, description="How the name begins."
    )


class ResourceClassResponse(ResponseModel):
    """What a session gets."""

    id: int
    name: str
    cpu: float
    memory: int
    gpu: int
    max_storage: int
    default_storage: int
    default: bool
    matching: bool | None = None

    @classmethod
    def of(
        cls, known: ResourceClass, query: PoolsQuery | None = None
    ) -> "ResourceClassResponse":
        """Report a class; in a list of pools with whether it matches."""
        return cls(
            id=known.id,
            name=known.name,
            cpu=known.cpu,
            memory=known.memory,
            gpu=known.gpu,
            max_storage=known.max_storage,
            default_storage=known.default_storage,
            default=known.is_default,
            matching=None if query is None else query.matches(known),
        )


class PoolResponse(ResponseModel):
    """Classes of resources that belong together."""

    id: int
    name: str
    classes: tuple[ResourceClassResponse, ...]
    public: bool
    default: bool
    platform: str = "linux/amd64"
    """What an older service does not say; its pools were of this one."""

    @classmethod
    def of(cls, pool: ResourcePool, query: PoolsQuery | None = None) -> "PoolResponse":
        """Report a pool; in a list of pools with which classes match."""
        return cls(
            id=pool.id,
            name=pool.name,
            classes=tuple(
                ResourceClassResponse.of(known, query) for known in pool.classes
            ),
            public=True,
            default=pool.is_default,
            platform=pool.platform,
        )


class AlertsQuery(Query):
    """Which alerts."""

    session_name: Line | None = Field(default=None, min_length=1, max_length=99)


class Alert(ResponseModel):
    """What a user should know."""

    id: str
    title: str
    message: str
    event_type: str
    user_id: str
    creation_date: datetime


class PersistedLine(ResponseModel):
    """A line of a log."""

    timestamp: str = Field(description="Nanoseconds since 1970.")
    log_line: str = Field(description="With the line break that ends it.")


class PersistedContainer(ResponseModel):
    """The log of one phase."""

    container: str
    logs: tuple[PersistedLine, ...]


class PersistedLogs(ResponseModel):
    """A log, as long as it is kept."""

    logs: tuple[PersistedContainer, ...]

    @classmethod
    def of(cls, lines: Iterable[LogLine], began: datetime) -> "PersistedLogs":
        """Report a log by phase, in the order in which the phases began."""
        # Lines have no time of their own here: they count up from the start of the
        # build, so that whoever sorts them keeps their order.
        start = int(began.timestamp()) * 1_000_000_000
        phases: dict[str, list[PersistedLine]] = {}
        for line in lines:
            # Renku's pages put the lines one after the other, with nothing between.
            shown = PersistedLine(
                timestamp=str(start + line.seq), log_line=f"{line.text}\n"
            )
            phases.setdefault(line.phase, []).append(shown)
        return cls(
            logs=tuple(
                PersistedContainer(container=phase, logs=tuple(shown))
                for phase, shown in phases.items()
            )
        )
