"""Messages between the builder and its worker, and the records on disk.

A worker reads one `Job` from standard input and writes to a pipe of its own: one
`WorkerMessage` per log line, and a `WorkerExit` at last. Code of a repository never
gets that pipe, so it cannot forge a result: what it prints is output.
The builder keeps the `Result`, and an `ImageManifest` of every image.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from service.adapters.local.folders import Folders
from service.adapters.local.isolation.probe import Isolation
from service.domain.building.build import BuildId, Image, Package, PhaseTime
from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Kind

__all__ = [
    "ImageManifest",
    "Job",
    "Result",
    "WorkerExit",
    "WorkerMessage",
    "parse_message",
    "read",
    "write",
]


_T = TypeVar("_T", bound=BaseModel)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Job(_Record):
    """One build, as its worker needs to know it."""

    build_id: str
    attempt: int
    kind: Kind
    instead: str
    """What a person does where the worker has no steps for the kind."""
    repository_url: str
    commit: str
    context_dir: str
    path: str
    frontend: str
    root: Path
    sharers: str
    poetry_version: str
    pip_python: str
    jupyterlab_version: str
    conda_alias: str
    max_log: int
    min_free_disk: int
    environment: dict[str, str]
    git_environment: dict[str, str]
    allow_files: bool
    private_hosts: tuple[str, ...]
    isolation: Isolation
    visible: tuple[Path, ...]
    hidden: tuple[Path, ...]
    memory: int
    disk: int
    processes: int
    nice: int
    started_at: datetime

    @property
    def folders(self) -> Folders:
        """The folders of the builder, with the cache that this build may use."""
        return Folders(root=self.root, sharers=self.sharers)


class WorkerMessage(_Record):
    """One line of a build's log."""

    phase: str
    text: str


class Installed(_Record):
    """A package, on disk."""

    name: str
    version: str
    manager: str


class ImageManifest(_Record):
    """An image, on disk."""

    reference: str
    build_id: str
    environment: str
    """The name of its folder under `environments/`."""
    kind: Kind
    frontend: str
    jupyterlab_version: str
    size: int
    packages: tuple[Installed, ...]
    notes: tuple[str, ...]
    """Notes for users, such as which Python replaced another."""
    built_at: datetime

    def to_image(self) -> Image:
        """Convert it to the image it describes."""
        return Image(
            reference=self.reference,
            size=self.size,
            packages=tuple(
                Package(
                    name=package.name, version=package.version, manager=package.manager
                )
                for package in self.packages
            ),
            built_at=self.built_at,
            build_id=BuildId(self.build_id),
        )


class Timed(_Record):
    """A phase, on disk."""

    name: str
    took: timedelta


class Result(_Record):
    """How a build ended: a manifest, or a failure."""

    attempt: int
    at: datetime
    manifest: ImageManifest | None = None
    failed: str = ""
    """The word of the failure's class; empty for a success."""
    message: str = ""
    hint: str = ""
    path: str = ""
    line: int | None = None
    phases: tuple[Timed, ...] = ()

    @classmethod
    def of_failure(cls, failure: Failure, *, attempt: int, at: datetime) -> Self:
        """Make the record of a failure."""
        return cls(
            attempt=attempt,
            at=at,
            failed=failure.kind.word,
            message=failure.message,
            hint=failure.hint,
            path=failure.path,
            line=failure.line,
        )

    def with_phases(self, times: Iterable[PhaseTime]) -> Self:
        """Add the durations of its phases."""
        phases = tuple(Timed(name=time.name, took=time.took) for time in times)
        return self.model_copy(update={"phases": phases})

    def to_phases(self) -> tuple[PhaseTime, ...]:
        """Return the times of its phases; empty where they are unknown."""
        # One begins when the one before ends, and the last ends with the build: the
        # file needs no beginnings, which an earlier version would refuse to read.
        start = self.at - sum((phase.took for phase in self.phases), timedelta())
        times = []
        for phase in self.phases:
            times.append(PhaseTime(name=phase.name, took=phase.took, started_at=start))
            start += phase.took
        return tuple(times)

    def to_outcome(self) -> Image | Failure:
        """Convert it to the outcome of the build."""
        if self.manifest is not None:
            return self.manifest.to_image()
        return Failure(
            kind=FailureClass.from_word(self.failed),
            message=self.message,
            hint=self.hint,
            path=self.path,
            line=self.line,
        )


class WorkerExit(_Record):
    """The last message of a worker."""

    result: Result


_MESSAGES: Final[TypeAdapter[WorkerMessage | WorkerExit]] = TypeAdapter(
    WorkerMessage | WorkerExit
)


def parse_message(line: bytes) -> WorkerMessage | WorkerExit | None:
    """Parse a message of a worker; None when it is none."""
    try:
        return _MESSAGES.validate_json(line)
    except ValidationError:
        return None


def write(path: Path, record: BaseModel) -> None:
    """Write a record atomically."""
    # Rename is atomic: after a crash there is the old record or the new one, never a
    # half.
    beside = path.with_suffix(".part")
    beside.write_text(record.model_dump_json(indent=1), encoding="utf-8")
    beside.rename(path)


def read(path: Path, kind: type[_T]) -> _T | None:
    """Read a record; None when it is missing or invalid."""
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValidationError, UnicodeDecodeError):
        return None
