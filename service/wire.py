"""The events: versioned models inside CloudEvents 1.0 envelopes.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md

Types are `dev.relaunch.<name>.v<n>`; the routing key is the type without its prefix.
Data models grow by optional fields only; anything else is a new version. Readers
ignore fields they do not know.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from service.domain.repository import Repository
from service.errors import PermanentError

__all__ = [
    "EVENTS",
    "BuildFinished",
    "BuildStarted",
    "BuildWaiting",
    "Data",
    "EnvironmentEvaluated",
    "Event",
    "FailureData",
    "HookUnhealthy",
    "LauncherUpdated",
    "PhaseData",
    "PushReceived",
    "RebuildRequested",
    "RepositoryData",
    "UndecodableEventError",
    "data_of",
]

TYPE_PREFIX: Final = "dev.relaunch."
SOURCE: Final = "/relaunch"


class UndecodableEventError(PermanentError):
    """A message that is no event of ours, or not as its type says."""


class Data(BaseModel):
    """What an event says; each subclass is one type of event."""

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


class PushReceived(Data):
    """Somebody says that a ref may have moved: look now."""

    name: ClassVar[str] = "push.received.v1"

    repository: RepositoryData
    ref: str | None = None
    """None when the sources in `source_ids` are to be looked at, whatever their ref."""
    before: str = ""
    after: str = ""
    default_branch: str | None = None
    suggested_number: int | None = None
    """The repository's number in the delivery, where it is not the one that is known.
    Only a reason to look: whoever has the hook's secret may write any number."""
    evidence: Literal["push", "sweep", "launcher", "manual", "replay"]
    delivery_id: str | None = None
    hook_id: str | None = None
    forge_delivery_id: str | None = None
    is_by_old_secret: bool = False
    """Whether only the secret that is being rotated out proved the delivery."""
    source_ids: tuple[str, ...] = ()
    """Look at these sources only; empty for every source on the ref."""
    rebuild_ids: tuple[str, ...] = ()
    """Rebuilds that wait, without a plan, for what this look finds."""
    received_at: AwareDatetime


class EnvironmentEvaluated(Data):
    """A source's head was compared with its last state."""

    name: ClassVar[str] = "environment.evaluated.v1"

    evaluation_id: str
    source_id: str
    repository: RepositoryData
    generation: int
    evidence: str
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


class RebuildRequested(Data):
    """An environment asks for an image."""

    name: ClassVar[str] = "rebuild.requested.v1"

    rebuild_id: str
    environment_id: str
    launcher_id: str
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
    evidence: str
    fresh: bool = False


class BuildStarted(Data):
    """A build runs."""

    name: ClassVar[str] = "build.started.v1"

    build_id: str
    build_key: str
    attempt: int
    repository_url: str
    commit: str
    rebuild_ids: tuple[str, ...] = ()


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

    name: ClassVar[str] = "build.waiting.v1"

    build_id: str
    build_key: str
    attempt: int
    repository_url: str
    commit: str
    hindrance: FailureData
    """What is in its way, such as a quota or a Secret that is not there."""
    rebuild_ids: tuple[str, ...] = ()


class PhaseData(BaseModel):
    """How long one phase of a build took, on the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    seconds: float


class BuildFinished(Data):
    """Rebuilds came to their end: by a build, or by an image that was there."""

    name: ClassVar[str] = "build.finished.v1"

    build_id: str | None = None
    """None when the image was known and nothing was built."""
    build_key: str
    outcome: Literal["succeeded", "failed", "cancelled", "superseded"]
    image: str | None = None
    failure: FailureData | None = None
    rebuild_ids: tuple[str, ...]
    reason: str = ""
    """`built`, `reused`, `adopted`, `cancelled`, `superseded`, or a failure's kind."""
    phases: tuple[PhaseData, ...] | None = None
    """In their order, such as `clone`, `build` and `export`; None when unknown."""


class LauncherUpdated(Data):
    """A launcher moved to an image, or was told of one."""

    name: ClassVar[str] = "launcher.updated.v1"

    launcher_id: str
    environment_id: str
    project_id: str
    action: Literal["moved", "available"]
    image: str
    previous_image: str | None = None
    generation: int
    rebuild_id: str | None = None
    commit: str | None = None


class HookUnhealthy(Data):
    """A webhook fell ill: deliveries do not arrive, or are of no use."""

    name: ClassVar[str] = "hook.unhealthy.v1"

    hook_id: str
    forge: str
    repository: RepositoryData
    """What the hook is bound to; its path is an owner's, or empty, by its reach."""
    reach: str
    reasons: tuple[str, ...]
    """Machine words, such as `gone`, `inactive`, `paused` or `wrong_secret`."""
    message: str
    mend: str
    """What a person does about it, in one sentence."""
    since: AwareDatetime


def _printable(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Escape what is no text: git allows any bytes in a path, JSON does not."""
    if isinstance(value, str):
        is_text = value.isascii()
        return value if is_text else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {
            # Nearly all are plain texts; every push is written here.
            name: it if type(it) is str and it.isascii() else _printable(it)
            for name, it in value.items()
        }
    if isinstance(value, list | tuple):
        return [_printable(it) for it in value]
    return value.isoformat() if isinstance(value, datetime) else value


EVENTS: Final[dict[str, type[Data]]] = {
    model.name: model
    for model in (
        PushReceived,
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


class Event(BaseModel):
    """One CloudEvent with JSON data, envelope and content."""

    model_config = ConfigDict(frozen=True, extra="allow")

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(min_length=1)
    source: str = SOURCE
    type: str = Field(min_length=1)
    time: AwareDatetime
    subject: str | None = None
    datacontenttype: str = "application/json"
    traceparent: str | None = None
    """https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md"""
    data: dict[str, Any]

    @classmethod
    def of(
        cls,
        data: Data,
        *,
        id: str,  # noqa: A002 - the CloudEvents attribute
        time: datetime,
        subject: str | None = None,
        traceparent: str | None = None,
    ) -> Self:
        """Put data into an envelope."""
        return cls(
            id=id,
            type=TYPE_PREFIX + data.name,
            time=time,
            subject=subject,
            traceparent=traceparent,
            data=_printable(data.model_dump(exclude_none=True)),
        )

    @property
    def name(self) -> str:
        """The type without prefix: the routing key."""
        return self.type.removeprefix(TYPE_PREFIX)

    def to_bytes(self) -> bytes:
        """Write the event as structured JSON (`application/cloudevents+json`)."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_bytes(cls, raw: bytes | str) -> Self:
        """Read structured JSON.

        Raises:
            UndecodableEventError: It is no CloudEvent 1.0 with JSON data.
        """
        try:
            return cls.model_validate_json(raw)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "message"
            raise UndecodableEventError(
                f"not a CloudEvent: {where}: {first['msg']}"
            ) from exc


def data_of(event: Event) -> Data | None:
    """Read an event's data; None for a type that this version does not know.

    Raises:
        UndecodableEventError: The type is known and the data is not as it says.
    """
    model = EVENTS.get(event.name)
    if model is None:
        return None
    try:
        return model.model_validate(event.data)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UndecodableEventError(f"{event.name}: {where}: {first['msg']}") from exc
