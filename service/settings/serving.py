"""Settings of the HTTP side, the bus, the log, mail and resource pools."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from service.domain.building.resource_pool import ResourceClass, ResourcePool
from service.settings.section import Duration, Names, Section

__all__ = [
    "AmqpSettings",
    "LogSettings",
    "MailSettings",
    "PageSettings",
    "ReceiveSettings",
    "ResourceClassSettings",
    "ResourcePoolSettings",
]


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line."""


class ReceiveSettings(Section):
    """The webhook receiver."""

    read_deadline: Duration = timedelta(seconds=8)
    """How long a sender may take for its body; forges give up after 10 s."""
    publish_deadline: Duration = timedelta(seconds=2)
    """How long the bus may take to confirm before the delivery is spooled."""
    max_large_bodies: int = Field(default=2, ge=1)
    """How many bodies over 1 MiB are read at once."""
    deliveries_per_hook: int = Field(default=1000, ge=1)
    """How many deliveries of each hook are kept on record."""


class PageSettings(Section):
    """The web page."""

    hosts: Names = ()
    """Names under which browsers reach the page, beside that of the public URL;
    addresses and `localhost` always do."""
    launch_url: str = ""
    """Where *Launch* leads, with `{launcher_id}` in it; the page shows the command that
    starts a session when unset."""


class AmqpSettings(Section):
    """RabbitMQ, where it is the bus."""

    declare: bool = True
    """False where operators create exchanges and queues themselves."""
    prefix: str = "relaunch"
    """What the names of exchanges and queues begin with."""
    ca_file: Path | None = None
    """The authority of an `amqps://` broker; the system's when unset."""
    cert_file: Path | None = None
    """The certificate to show to the broker."""
    key_file: Path | None = None
    """The key of that certificate."""
    heartbeat: Duration = timedelta(seconds=10)
    """A connection that died silently is noticed after about three of these."""

    @property
    def exchange(self) -> str:
        """The exchange that every event is published to."""
        return f"{self.prefix}.events"


class MailSettings(Section):
    """The server that mail is handed to (SMTP); without a host there is no mail."""

    host: str | None = None
    """The SMTP server; no notifications by mail when unset."""
    port: int = Field(default=587, ge=1, le=65535)
    """Its port."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`tls` from the first byte (port 465), `starttls` before anything is said, or
    `none`, for a server on this machine."""
    username: str | None = None
    """The account at the server; none when unset."""
    password: SecretStr | None = None
    """Its password."""
    sender: str | None = None
    """The address that mail comes from, such as `relaunch@uni.example`."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.host is not None and self.sender is None:
            raise ValueError("a mail host needs a sender, such as relaunch@uni.example")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password come together")
        if self.password is not None and self.security == "none":
            raise ValueError(
                "a password is not sent without TLS; expected starttls or tls"
            )
        return self


Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
Name = Annotated[str, Field(min_length=5, max_length=40)]
"""Renku's clients refuse shorter ones: `Name` of crc/api.spec.yaml."""


class ResourceClassSettings(BaseModel):
    """What a session gets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    name: Name
    cpu: float = Field(gt=0)
    memory: int = Field(ge=1)
    gpu: int = Field(default=0, ge=0)
    max_storage: int = Field(ge=1)
    default_storage: int = Field(default=1, ge=1)
    default: bool = False

    @model_validator(mode="after")
    def _fits(self) -> "ResourceClassSettings":
        if self.default_storage > self.max_storage:
            raise ValueError("default_storage is more than max_storage")
        return self


class ResourcePoolSettings(BaseModel):
    """Classes that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    name: Name
    default: bool = False
    platform: Literal["linux/amd64", "linux/arm64"] = "linux/amd64"
    classes: tuple[ResourceClassSettings, ...] = Field(min_length=1)

    def to_pool(self) -> ResourcePool:
        """Return the pool."""
        return ResourcePool(
            id=self.id,
            name=self.name,
            is_default=self.default,
            platform=self.platform,
            classes=tuple(
                ResourceClass(
                    id=each.id,
                    name=each.name,
                    cpu=each.cpu,
                    memory=each.memory,
                    gpu=each.gpu,
                    max_storage=each.max_storage,
                    default_storage=each.default_storage,
                    is_default=each.default,
                )
                for each in self.classes
            ),
        )
