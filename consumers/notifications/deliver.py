"""Due notifications → their channels, each channel at its own pace."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from consumers.loops.periodic import run_periodically
from consumers.loops.supervisor import isolate
from service.domain.notifications.channel import Channel, ChannelId
from service.domain.notifications.notification import (
    Notification,
    after_delivery,
    after_failure,
)
from service.errors import NotFoundError, PermanentError, TransientError
from service.ports.notifier import ChannelGoneError, Notifier
from service.ports.store import Store
from service.ports.time import Clock

__all__ = ["NotificationDeliverer"]

log = structlog.get_logger(__name__)

POLL: Final = timedelta(seconds=2)
PAGE: Final = 200
KEPT: Final = timedelta(days=7)
"""How long notifications stay on record once they were delivered."""
CLEANING: Final = timedelta(hours=1)


# One, in the process that leads: two would send everything twice. What is under way
# when it dies is sent again by the next one, with the same id.
class NotificationDeliverer:
    """Send what is due.

    Channels do not wait for each other: an endpoint that answers after fifteen seconds
    delays its own notifications only. Within a channel they go out one after the other.

    Args:
        store: Holds channels and notifications.
        notifier: Sends.
        clock: The current time.
    """

    def __init__(self, *, store: Store, notifier: Notifier, clock: Clock) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._busy: set[ChannelId] = set()
        self._cleaned = clock.now()

    async def run(self) -> None:
        """Send what is due until cancelled."""
        # The group is around the loop: tasks of a round go on during the next ones.
        async with asyncio.TaskGroup() as tasks:
            await run_periodically(
                lambda: self._start(tasks),
                clock=self._clock,
                failure="notifications wait",
                every=POLL,
            )

    async def send_due(self) -> None:
        """Send what is due now; return when every channel is done with it."""
        async with asyncio.TaskGroup() as tasks:
            await self._start(tasks)

    async def _start(self, tasks: asyncio.TaskGroup) -> None:
        # Without busy channels: a slow one would fill each page with what waits for it.
        now = self._clock.now()
        async with self._store.reading() as tx:
            due = await tx.notifications.due(now, without=self._busy, limit=PAGE)
        by_channel: defaultdict[ChannelId, list[Notification]] = defaultdict(list)
        for notification in due:
            by_channel[notification.channel].append(notification)
        for channel, notifications in by_channel.items():
            self._busy.add(channel)
            tasks.create_task(self._send_all(channel, notifications))
        if now - self._cleaned > CLEANING:
            self._cleaned = now
            async with self._store.transaction() as tx:
                await tx.notifications.forget(before=now - KEPT)

    async def _send_all(
        self, channel: ChannelId, notifications: Sequence[Notification]
    ) -> None:
        try:
            with isolate("notifications not sent", channel=channel):
                for notification in notifications:
                    # After a failure the others wait for the next round: most likely
                    # they would fail for the same reason, each at its own deadline.
                    if not await self._send(channel, notification):
                        return
        except TransientError as exc:
            # The database is away. The task must not end the loop of all channels.
            log.warning("notifications wait", channel=channel, error=str(exc))
        finally:
            self._busy.discard(channel)

    async def _send(self, channel_id: ChannelId, notification: Notification) -> bool:
        """Send one notification and record the result; return whether to go on."""
        try:
            async with self._store.reading() as tx:
                channel = await tx.notifications.channel(channel_id)
        except NotFoundError:
            return False
        error, is_final = await self._attempt(channel, notification)
        try:
            await self._record(channel_id, notification, error, is_final=is_final)
        except NotFoundError:  # somebody removed the channel meanwhile
            return False
        return not error

    async def _attempt(
        self, channel: Channel, notification: Notification
    ) -> tuple[str, bool]:
        """Return why an attempt failed, and whether no other one can succeed."""
        try:
            await self._notifier.send(channel, notification)
        except ChannelGoneError as exc:
            return str(exc), True
        except (PermanentError, TransientError) as exc:
            return str(exc), False
        return "", False

    async def _record(
        self,
        channel_id: ChannelId,
        notification: Notification,
        error: str,
        *,
        is_final: bool,
    ) -> None:
        now = self._clock.now()
        async with self._store.transaction() as tx:
            # Read again: an owner may have changed the channel during the attempt.
            channel = await tx.notifications.channel(channel_id)
            if not error:
                after = after_delivery(channel, notification, now=now)
            else:
                after = after_failure(
                    channel, notification, error=error, is_final=is_final, now=now
                )
            await tx.notifications.save_channel(after[0])
            await tx.notifications.save(after[1])
        if error and not after[0].is_enabled:
            log.warning(
                "notification channel disabled",
                channel=channel_id,
                project=channel.project,
                error=error,
            )
