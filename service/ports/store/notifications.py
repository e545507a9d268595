"""The port of notification channels and what waits to be sent to them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from service.domain.building.build import BuildId
from service.domain.evaluation.comparison import EvaluationId
from service.domain.notifications.channel import Channel, ChannelId, Topic
from service.domain.notifications.notification import Notification
from service.domain.rights.caller import ProjectId
from service.ports.store.paging import FIRST_PAGE, Page, PageRequest

__all__ = ["Notifications"]


class Notifications(Protocol):
    """Channels of projects, and their notifications."""

    async def add_channel(self, channel: Channel) -> None: ...
    async def channel(self, channel: ChannelId) -> Channel:
        """Raises: NotFoundError."""
        ...

    async def channels(
        self, project: ProjectId, page: PageRequest = FIRST_PAGE
    ) -> Page[Channel]:
        """Return the channels of a project, oldest first."""
        ...

    async def save_channel(self, channel: Channel) -> None:
        """Raises: NotFoundError."""
        ...

    async def remove_channel(self, channel: ChannelId) -> None:
        """Remove a channel with everything that waits for it."""
        ...

    async def remove_channels(self, project: ProjectId) -> None:
        """Remove the channels of a project."""
        ...

    async def subscribed(
        self, topic: Topic, projects: Iterable[ProjectId]
    ) -> Sequence[Channel]:
        """Return the enabled channels of projects that want a topic."""
        ...

    async def projects_of_build(self, build: BuildId) -> Sequence[ProjectId]:
        """Return the projects whose launchers a build is for."""
        ...

    async def projects_of_evaluation(
        self, evaluation: EvaluationId
    ) -> Sequence[ProjectId]:
        """Return the projects whose launchers an evaluation planned rebuilds for."""
        ...

    async def begin_streak(
        self, channel: ChannelId, subject: str, *, at: datetime
    ) -> bool:
        """Record that a subject fails; return False if it failed before already."""
        ...

    async def end_streak(self, channel: ChannelId, subject: str) -> None:
        """Record that a subject does not fail any more."""
        ...

    async def add(self, notifications: Iterable[Notification]) -> None:
        """Add notifications; those that are there already stay as they are."""
        ...

    async def due(
        self, now: datetime, *, without: Collection[ChannelId], limit: int
    ) -> Sequence[Notification]:
        """Return what is due at enabled channels, longest due first.

        Args:
            now: The current time.
            without: Channels to leave out.
            limit: How many at most.
        """
        ...

    async def save(self, notification: Notification) -> None:
        """Raises: NotFoundError."""
        ...

    async def forget(self, *, before: datetime) -> None:
        """Remove what was delivered, or made for a disabled channel, before a time."""
        ...
