"""The data of each type of event: one versioned model each.

Models grow by optional fields only; anything else is a new version.
"""

from typing import ClassVar, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from service.domain.repository import Repository

__all__ = [
    "EVENTS",
    "BuildFinished",
    "BuildStarted",
    "BuildWaiting",
    "Data",
    "EnvironmentEvaluated",
    "EvaluationRequested",
    "FailureData",
    "HookUnhealthy",
    "LauncherUpdated",
    "PhaseData",
    "PushReceived",
    "RebuildRequested",
    "RepositoryData",
]


class Data(BaseModel):
    """The data of an event; each subclass is one type of event."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: ClassVar[str] = ""
    """The type without prefix: also the routing key."""


class RepositoryData(BaseModel):
    """A repository, on the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str
    path: str
    url: str
    number: int | None = None

    @classmethod
    def of(cls, repository: Repository) -> Self:
        """Write a repository for the wire."""
        return cls(
            host=repository.host,
            path=repository.path,
            url=repository.url,
            number=repository.number,
        )

    def read(self) -> Repository:
        """Read a repository off the wire."""
        return Repository(
            host=self.host, path=self.path, url=self.url, number=self.number
        )


class ArrivalData(BaseModel):
    """One more delivery of a ref that an event stands for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    before: str = ""
    after: str = ""
    delivery_id: str
    hook_id: str
    forge_delivery_id: str | None = None
    is_by_old_secret: bool = False
    received_at: AwareDatetime


class PushReceived(Data):
    """A forge delivered a push, or a delivery of one is replayed.

    Those of a ref that come during a publish share an event; `earlier` has the others.
    """

    name: ClassVar[str] = "push.received.v2"

    repository: RepositoryData
    ref: str
    before: str = ""
    after: str = ""
    default_branch: str | None = None
    suggested_number: int | None = None
    """The repository's number in the delivery, where it differs: a hint as well."""
    changed_paths: tuple[str, ...] = ()
    """Some of what it changed, first what a definition most likely reads: a hint."""
    trigger: Literal["push", "replay"]
    delivery_id: str | None = None
    hook_id: str | None = None
    forge_delivery_id: str | None = None
    is_by_old_secret: bool = False
    """Whether only the secret that is being rotated out proved the delivery."""
    received_at: AwareDatetime
    earlier: tuple[ArrivalData, ...] = ()
    """Deliveries before this one that no other event stands for, oldest first."""


class EvaluationRequested(Data):
    """A person asked for an evaluation of sources, or a launcher began to need one."""

    name: ClassVar[str] = "evaluation.requested.v1"

    repository: RepositoryData
    source_ids: tuple[str, ...]
    """The sources to evaluate, whatever their ref."""
    rebuild_ids: tuple[str, ...] = ()
    """Rebuilds that wait, without a plan, for what the evaluation finds."""
    trigger: Literal["launcher", "manual"]
    requested_at: AwareDatetime


class EnvironmentEvaluated(Data):
    """A source's head was compared with its last state."""

    name: ClassVar[str] = "environment.evaluated.v2"

    evaluation_id: str
    source_id: str
    repository: RepositoryData
    generation: int
    trigger: str
    delivery_ids: tuple[str, ...] = ()
    verdict: str
    reason: str
    message: str
    commit: str | None = None
    ref: str | None = None
    kind: str | None = None
    path: str | None = None
    previous_fingerprint: str | None = None
    fingerprint: str | None = None
    changed: tuple[str, ...] = ()
    started_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None


class RebuildRequested(Data):
    """Environments of a source ask for an image: one event for each build key."""

    name: ClassVar[str] = "rebuild.requested.v3"

    rebuild_id: str | None = None
    """None, as the two below, when several environments ask for the same image."""
    environment_id: str | None = None
    launcher_id: str | None = None
    source_id: str
    evaluation_id: str
    generation: int
    build_key: str
    repository: RepositoryData
    commit: str
    context_dir: str
    kind: str
    path: str
    builder: str
    frontend: str
    platform: str
    trigger: str
    fresh: bool = False


class BuildStarted(Data):
    """A build runs."""

    name: ClassVar[str] = "build.started.v2"

    build_id: str
    build_key: str
    attempt: int
    repository_url: str
    commit: str


class FailureData(BaseModel):
    """How a build failed, on the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str = Field(description="A machine word, such as `no_such_package`.")
    message: str
    hint: str = ""
    path: str = ""
    line: int | None = None


class BuildWaiting(Data):
    """A build was sent to be built and cannot start there; it goes on by itself."""

    name: ClassVar[str] = "build.waiting.v2"

    build_id: str
    build_key: str
    attempt: int
    repository_url: str
    commit: str
    hindrance: FailureData
    """What is in its way, such as a quota or a Secret that is not there."""


class PhaseData(BaseModel):
    """How long one phase of a build took, on the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    seconds: float
    started_at: AwareDatetime | None = None


class BuildFinished(Data):
    """Rebuilds came to their end: by a build, or by an image that was there."""

    name: ClassVar[str] = "build.finished.v2"

    build_id: str | None = None
    """None when the image was known and nothing was built."""
    build_key: str
    outcome: Literal["succeeded", "failed", "cancelled", "superseded"]
    image: str | None = None
    failure: FailureData | None = None
    evaluation_id: str | None = None
    """Whose rebuilds ended without a build of their own: served by an image that was
    there, superseded or cancelled. None when a build ended, with all that waited."""
    rebuild_id: str | None = None
    """The rebuild, when only one ended."""
    rebuild_ids: tuple[str, ...] = Field(
        default=(), description="Only in events of version 1, read as this one."
    )
    reason: str = ""
    """`built`, `reused`, `adopted`, `cancelled`, `superseded`, or a failure's kind."""
    phases: tuple[PhaseData, ...] | None = None
    """In their order, such as `clone`, `build` and `export`; None when unknown."""
    attempt: int | None = None
    """The last attempt; None, as the times, when no build ended."""
    created_at: AwareDatetime | None = None
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None


class LauncherUpdated(Data):
    """A launcher moved to an image, or was offered one."""

    name: ClassVar[str] = "launcher.updated.v1"

    launcher_id: str
    environment_id: str
    project_id: str
    action: Literal["moved", "available"]
    image: str
    image_pull_secret: str | None = None
    """The Secret with which sessions pull it; None where it needs none of its own."""
    previous_image: str | None = None
    generation: int
    rebuild_id: str | None = None
    commit: str | None = None


class HookUnhealthy(Data):
    """A webhook became unhealthy: its deliveries do not arrive, or are of no use."""

    name: ClassVar[str] = "hook.unhealthy.v2"

    hook_id: str
    forge: str
    repository: RepositoryData
    """What the hook is bound to; its path is an owner's, or empty, by its reach."""
    reach: str
    reasons: tuple[str, ...]
    """Machine words, such as `gone`, `inactive`, `paused` or `wrong_secret`."""
    message: str
    remedy: str
    """What a person does about it, in one sentence."""
    since: AwareDatetime


EVENTS: Final[dict[str, type[Data]]] = {
    model.name: model
    for model in (
        PushReceived,
        EvaluationRequested,
        EnvironmentEvaluated,
        RebuildRequested,
        BuildStarted,
        BuildWaiting,
        BuildFinished,
        LauncherUpdated,
        HookUnhealthy,
    )
}
"""Every type of event, by its name."""
