"""What becomes of a notification and its channel after an attempt."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from service.domain.hook import Secret
from service.domain.notifications.channel import Channel, ChannelId, ChannelKind, Topic
from service.domain.notifications.notification import (
    RETRIES,
    Notification,
    NotificationId,
    after_delivery,
    after_failure,
)
from service.domain.rights.caller import ProjectId
from tests.support.clock import NOW


def a_channel(**changes: Any) -> Channel:
    channel = Channel(
        id=ChannelId("channel-1"),
        project=ProjectId("project-1"),
        kind=ChannelKind.WEBHOOK,
        target="https://chat.example/hook",
        topics=frozenset({Topic.BUILD_FINISHED}),
        created_at=NOW,
        secret=Secret("whsec_c2VjcmV0"),
    )
    return replace(channel, **changes)


def a_notification(**changes: Any) -> Notification:
    notification = Notification(
        id=NotificationId("event-1.channel-1"),
        channel=ChannelId("channel-1"),
        topic=Topic.BUILD_FINISHED,
        subject="Build failed: no such package",
        data="{}",
        created_at=NOW,
        due_at=NOW,
    )
    return replace(notification, **changes)


def test_waits_grow_for_three_days_and_then_the_channel_is_disabled() -> None:
    channel, notification, now = a_channel(), a_notification(), NOW
    waits = []
    while channel.is_enabled:
        channel, notification = after_failure(
            channel, notification, error="it answered 500", is_final=False, now=now
        )
        waits.append(notification.due_at - now)
        now = notification.due_at

    assert waits == [*RETRIES, timedelta(0)]
    assert timedelta(days=3) < now - NOW < timedelta(days=4)
    assert channel.failures == len(RETRIES) + 1
    assert channel.last_error == "it answered 500"
    # Enabled again, it is sent at once and has all its attempts.
    assert notification.attempts == 0


def test_an_endpoint_that_is_gone_is_left_alone_at_once() -> None:
    channel, _ = after_failure(
        a_channel(), a_notification(), error="gone", is_final=True, now=NOW
    )

    assert channel.disabled_at == NOW


def test_a_delivery_ends_the_failures_of_its_channel() -> None:
    channel, notification = after_delivery(
        a_channel(failures=3, last_error="it answered 500"), a_notification(), now=NOW
    )

    assert (channel.failures, channel.last_error) == (0, "")
    assert notification.delivered_at == NOW
