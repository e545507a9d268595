"""One message to a channel, and what becomes of it after an attempt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NewType

from service.domain.notifications.channel import Channel, ChannelId, Topic

__all__ = [
    "RETRIES",
    "Notification",
    "NotificationId",
    "after_delivery",
    "after_failure",
]

NotificationId = NewType("NotificationId", str)

RETRIES: Final[Sequence[timedelta]] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The waits between attempts, three days in all, as Standard Webhooks recommends:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message to one channel."""

    id: NotificationId
    """The same for every attempt, so that receivers can tell repetitions."""
    channel: ChannelId
    topic: Topic
    subject: str
    """One line for people."""
    data: str
    """The content of the event, as JSON."""
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    delivered_at: datetime | None = None
    last_error: str = ""


def after_delivery(
    channel: Channel, notification: Notification, *, now: datetime
) -> tuple[Channel, Notification]:
    """Return a channel and a notification after it was accepted."""
    return (
        replace(channel, failures=0, last_error=""),
        replace(
            notification,
            attempts=notification.attempts + 1,
            delivered_at=now,
            last_error="",
        ),
    )


def after_failure(
    channel: Channel,
    notification: Notification,
    *,
    error: str,
    is_final: bool,
    now: datetime,
) -> tuple[Channel, Notification]:
    """Return a channel and a notification after an attempt failed.

    The notification is due again after the next wait of `RETRIES`. When there is none,
    or the endpoint said that it is gone, the channel is disabled: whoever did not
    answer for three days would not read the rest either, and each attempt costs both
    sides. What is still due stays, and is sent once somebody enables the channel.
    """
    # Counted before the choice: the first attempt is none of the retries.
    attempts = notification.attempts + 1
    is_last = is_final or attempts > len(RETRIES)
    due = now + (timedelta(0) if is_last else RETRIES[attempts - 1])
    return (
        replace(
            channel,
            failures=channel.failures + 1,
            last_error=error,
            disabled_at=now if is_last else channel.disabled_at,
        ),
        replace(
            notification,
            # Enabled again, it starts again.
            attempts=0 if is_last else attempts,
            due_at=due,
            last_error=error,
        ),
    )
