"""Where a project's notifications go."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from service.domain.hook import Secret
from service.domain.rights.caller import ProjectId

__all__ = ["Channel", "ChannelId", "ChannelKind", "Topic"]

ChannelId = NewType("ChannelId", str)


class ChannelKind(Enum):
    """How a notification is sent."""

    WEBHOOK = "webhook"
    MAIL = "mail"


class Topic(Enum):
    """What a notification is about; the name of an event without its version."""

    BUILD_FINISHED = "build.finished"
    LAUNCHER_UPDATED = "launcher.updated"
    HOOK_UNHEALTHY = "hook.unhealthy"
    PING = "ping"
    """A test that a person asked for; no channel subscribes to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where a project's notifications go: a webhook or a mailbox."""

    id: ChannelId
    project: ProjectId
    kind: ChannelKind
    target: str
    """A URL, or a mail address."""
    topics: frozenset[Topic]
    created_at: datetime
    secret: Secret | None = None
    """Signs webhooks; None for mail."""
    failures: int = 0
    """Attempts that failed since the last one that did not."""
    last_error: str = ""
    """Why the latest attempt failed; empty after one that did not."""
    disabled_at: datetime | None = None
    """When it was disabled; None while it is in use."""

    @property
    def is_enabled(self) -> bool:
        """Whether notifications are sent."""
        return self.disabled_at is None
