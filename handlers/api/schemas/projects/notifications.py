"""Notification channels of projects."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from handlers.api.schemas.models import Line, PatchModel, RequestModel, ResponseModel
from service.domain.notifications.channel import Channel

__all__ = [
    "ChannelPatch",
    "ChannelPost",
    "ChannelResponse",
    "ChannelTestResponse",
    "NewChannelResponse",
]

TopicName = Literal["build.finished", "launcher.updated", "hook.unhealthy"]
Topics = Annotated[tuple[TopicName, ...], Field(min_length=1, max_length=3)]
ALL: Topics = ("build.finished", "launcher.updated", "hook.unhealthy")


class ChannelPost(RequestModel):
    """A new channel."""

    kind: Literal["webhook", "mail"]
    target: Annotated[Line, Field(min_length=3, max_length=2000)] = Field(
        description="The URL of a webhook, or a mail address."
    )
    topics: Topics = ALL


class ChannelPatch(PatchModel):
    """A change of a channel; what is absent stays."""

    topics: Topics | None = None
    enabled: bool | None = None


class ChannelResponse(ResponseModel):
    """What is on record of a channel."""

    id: str
    project_id: str
    kind: Literal["webhook", "mail"]
    target: str
    topics: tuple[TopicName, ...]
    enabled: bool
    creation_date: datetime
    disabled_at: datetime | None = None
    failures: int = Field(description="Attempts that failed since the last success.")
    last_error: str | None = Field(
        default=None, description="Why the latest attempt failed, if it did."
    )

    @classmethod
    def of(cls, channel: Channel) -> "ChannelResponse":
        """Report a channel."""
        return cls.model_validate(_fields(channel))


class NewChannelResponse(ChannelResponse):
    """A channel that was added; the secret is never shown again."""

    shows_secret: ClassVar[bool] = True
    secret: str | None = Field(
        default=None, description="Signs the webhooks, by Standard Webhooks."
    )

    @classmethod
    def with_secret(cls, channel: Channel) -> "NewChannelResponse":
        """Report a new channel."""
        secret = channel.secret
        shown = {} if secret is None else {"secret": secret.reveal()}
        return cls.model_validate(_fields(channel) | shown)


class ChannelTestResponse(ResponseModel):
    """The result of a test."""

    delivered: bool
    error: str | None = None


def _fields(channel: Channel) -> dict[str, object]:
    return {
        "id": channel.id,
        "project_id": channel.project,
        "kind": channel.kind.value,
        "target": channel.target,
        "topics": tuple(sorted(topic.value for topic in channel.topics)),
        "enabled": channel.is_enabled,
        "creation_date": channel.created_at,
        "disabled_at": channel.disabled_at,
        "failures": channel.failures,
        "last_error": channel.last_error or None,
    }
