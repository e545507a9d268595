"""What the builder and its worker tell each other, and what stays on disk.

A worker is given one `Job` as a line on its standard input and tells of it on a pipe
of its own: `Said` lines, and at last what the build `Ended` with. Code of a repository
never has that pipe; what such code writes anywhere else is output, whatever it says.
The builder keeps the `Result`; a `Manifest` stays of every image.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from service.adapters.local.isolation import Isolation
from service.domain.build import BuildId, Image, Package, PhaseTime
from service.domain.definition import Kind
from service.domain.failure import Failure, FailureClass

__all__ = ["Ended", "Job", "Manifest", "Result", "Said", "heard", "read", "write"]


_T = TypeVar("_T", bound=BaseModel)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Job(_Record):
    """One build, as its worker needs to know it."""

    build_id: str
    attempt: int
    kind: Kind
    repository_url: str
    commit: str
    context_dir: str
    path: str
    frontend: str
    root: Path
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


class Said(_Record):
    """One line of a build's log."""

    phase: str
    text: str


class Installed(_Record):
    """A package, on disk."""

    name: str
    version: str
    manager: str


class Manifest(_Record):
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
    """What a user should know, such as which Python took the place of another."""
    built_at: datetime

    def to_image(self) -> Image:
        """Turn it into the image it describes."""
        return Image(
            reference=self.reference,
            size=self.size,
            packages=tuple(
                Package(name=it.name, version=it.version, manager=it.manager)
                for it in self.packages
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
    manifest: Manifest | None = None
    failed: str = ""
    """The word of the failure's class; empty for a success."""
    message: str = ""
    hint: str = ""
    path: str = ""
    line: int | None = None
    phases: tuple[Timed, ...] = ()

    @classmethod
    def of_failure(cls, failure: Failure, *, attempt: int, at: datetime) -> Self:
        """Write a failure down."""
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
        """Add how long its phases took."""
        phases = tuple(Timed(name=it.name, took=it.took) for it in times)
        return self.model_copy(update={"phases": phases})

    def to_phases(self) -> tuple[PhaseTime, ...]:
        """Return how long its phases took; empty where nobody can tell."""
        return tuple(PhaseTime(name=it.name, took=it.took) for it in self.phases)

    def to_outcome(self) -> Image | Failure:
        """Turn it into what the build came to."""
        if self.manifest is not None:
            return self.manifest.to_image()
        return Failure(
            kind=FailureClass.from_word(self.failed),
            message=self.message,
            hint=self.hint,
            path=self.path,
            line=self.line,
        )


class Ended(_Record):
    """The last that a worker tells."""

    result: Result


_TOLD: Final[TypeAdapter[Said | Ended]] = TypeAdapter(Said | Ended)


def heard(line: bytes) -> Said | Ended | None:
    """Read what a worker told; None when it is nothing that a worker tells."""
    try:
        return _TOLD.validate_json(line)
    except ValidationError:
        return None


def write(path: Path, record: BaseModel) -> None:
    """Put a record in its place, whole or not at all."""
    beside = path.with_suffix(".part")
    beside.write_text(record.model_dump_json(indent=1), encoding="utf-8")
    beside.rename(path)


def read(path: Path, kind: type[_T]) -> _T | None:
    """Read a record; None when there is none, or nothing that can be read."""
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValidationError, UnicodeDecodeError):
        return None
