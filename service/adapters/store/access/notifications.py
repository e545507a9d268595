"""Notification channels and what waits for them; their secrets are encrypted."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, select, text

from service.adapters.store.encryption import Cipher
from service.adapters.store.keyset import Order, read_page
from service.adapters.store.statements import Row, Statements, Values
from service.adapters.store.tables.builds import rebuilds
from service.adapters.store.tables.configuration import launchers
from service.adapters.store.tables.notifications import (
    WAITING,
    channels,
    notifications,
    streaks,
)
from service.domain.building.build import BuildId
from service.domain.evaluation.comparison import EvaluationId
from service.domain.hook import Secret
from service.domain.notifications.channel import Channel, ChannelId, ChannelKind, Topic
from service.domain.notifications.notification import Notification, NotificationId
from service.domain.rights.caller import ProjectId
from service.ports.store.paging import FIRST_PAGE, Page, PageRequest

__all__ = ["SqlNotifications"]

_OLDEST_FIRST: Final = Order(at=channels.c.created_at, id=channels.c.id)


class SqlNotifications:
    """Implement the port `Notifications`."""

    def __init__(self, statements: Statements, *, cipher: Cipher) -> None:
        self._run = statements
        self._cipher = cipher

    async def add_channel(self, channel: Channel) -> None:
        await self._run.add(channels, self._to_row(channel))

    async def channel(self, channel: ChannelId) -> Channel:
        query = select(channels).where(channels.c.id == channel)
        row = await self._run.the_one(query, what="Notification channel", id_=channel)
        return self._from_row(row)

    async def channels(
        self, project: ProjectId, page: PageRequest = FIRST_PAGE
    ) -> Page[Channel]:
        query = select(channels).where(channels.c.project_id == project)
        return await read_page(self._run, query, _OLDEST_FIRST, page, self._from_row)

    async def save_channel(self, channel: Channel) -> None:
        row = self._to_row(channel)
        await self._run.save(channels, row, what="Notification channel")

    async def remove_channel(self, channel: ChannelId) -> None:
        await self._remove(channels.c.id == channel)

    async def remove_channels(self, project: ProjectId) -> None:
        await self._remove(channels.c.project_id == project)

    async def _remove(self, condition: ColumnElement[bool]) -> None:
        # What refers to a channel goes first: foreign keys hold in both engines.
        chosen = select(channels.c.id).where(condition)
        for table in (notifications, streaks):
            await self._run.remove(table, table.c.channel_id.in_(chosen))
        await self._run.remove(channels, condition)

    async def subscribed(
        self, topic: Topic, projects: Iterable[ProjectId]
    ) -> Sequence[Channel]:
        query = select(channels).where(
            channels.c.project_id.in_(tuple(projects)), channels.c.disabled_at.is_(None)
        )
        # Topics are JSON: a project has twenty channels at most, so that the choice
        # among them needs no index.
        found = [self._from_row(row) for row in await self._run.rows(query)]
        return [channel for channel in found if topic in channel.topics]

    async def projects_of_build(self, build: BuildId) -> Sequence[ProjectId]:
        return await self._projects(rebuilds.c.build_id == build)

    async def projects_of_evaluation(
        self, evaluation: EvaluationId
    ) -> Sequence[ProjectId]:
        return await self._projects(rebuilds.c.evaluation_id == evaluation)

    async def _projects(self, condition: ColumnElement[bool]) -> Sequence[ProjectId]:
        query = (
            select(launchers.c.project_id)
            .join(rebuilds, rebuilds.c.launcher_id == launchers.c.id)
            .where(condition)
            .distinct()
        )
        return [ProjectId(row["project_id"]) for row in await self._run.rows(query)]

    async def begin_streak(
        self, channel: ChannelId, subject: str, *, at: datetime
    ) -> bool:
        row = {"channel_id": channel, "subject": subject, "since": at}
        return await self._run.add(streaks, row)

    async def end_streak(self, channel: ChannelId, subject: str) -> None:
        await self._run.remove(
            streaks, streaks.c.channel_id == channel, streaks.c.subject == subject
        )

    async def add(self, notifications_: Iterable[Notification]) -> None:
        # An event that the bus delivers again makes the same ids.
        await self._run.add_new(
            notifications, [_notification_to(each) for each in notifications_]
        )

    async def due(
        self, now: datetime, *, without: Collection[ChannelId], limit: int
    ) -> Sequence[Notification]:
        # The words of WAITING are repeated, so that the partial index is taken: those
        # that were delivered stay for a week and are many.
        query = (
            select(notifications)
            .join(channels, channels.c.id == notifications.c.channel_id)
            .where(
                text(f"notifications.{WAITING}"),
                notifications.c.due_at <= now,
                channels.c.disabled_at.is_(None),
                channels.c.id.not_in(tuple(without)),
            )
            .order_by(notifications.c.due_at, notifications.c.id)
            .limit(limit)
        )
        return [_notification_from(row) for row in await self._run.rows(query)]

    async def save(self, notification: Notification) -> None:
        row = _notification_to(notification)
        await self._run.save(notifications, row, what="Notification")

    async def forget(self, *, before: datetime) -> None:
        # What waits for a channel in use is never forgotten, however old it is.
        disabled = select(channels.c.id).where(channels.c.disabled_at.is_not(None))
        await self._run.remove(
            notifications,
            notifications.c.created_at < before,
            notifications.c.delivered_at.is_not(None)
            | notifications.c.channel_id.in_(disabled),
        )

    def _to_row(self, channel: Channel) -> Values:
        secret = channel.secret
        return {
            "id": channel.id,
            "project_id": channel.project,
            "kind": channel.kind.value,
            "target": channel.target,
            "topics": sorted(topic.value for topic in channel.topics),
            "secret": None if secret is None else self._cipher.encrypt(secret.reveal()),
            "created_at": channel.created_at,
            "failures": channel.failures,
            "last_error": channel.last_error,
            "disabled_at": channel.disabled_at,
        }

    def _from_row(self, row: Row) -> Channel:
        secret = row["secret"]
        return Channel(
            id=ChannelId(row["id"]),
            project=ProjectId(row["project_id"]),
            kind=ChannelKind(row["kind"]),
            target=row["target"],
            topics=frozenset(map(Topic, row["topics"])),
            secret=None if secret is None else Secret(self._cipher.decrypt(secret)),
            created_at=row["created_at"],
            failures=row["failures"],
            last_error=row["last_error"],
            disabled_at=row["disabled_at"],
        )


def _notification_to(notification: Notification) -> Values:
    return {
        "id": notification.id,
        "channel_id": notification.channel,
        "topic": notification.topic.value,
        "subject": notification.subject,
        "data": notification.data,
        "created_at": notification.created_at,
        "due_at": notification.due_at,
        "attempts": notification.attempts,
        "delivered_at": notification.delivered_at,
        "last_error": notification.last_error,
    }


def _notification_from(row: Row) -> Notification:
    return Notification(
        id=NotificationId(row["id"]),
        channel=ChannelId(row["channel_id"]),
        topic=Topic(row["topic"]),
        subject=row["subject"],
        data=row["data"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        delivered_at=row["delivered_at"],
        last_error=row["last_error"],
    )
