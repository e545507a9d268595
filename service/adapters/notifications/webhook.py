"""Webhooks that are signed as Standard Webhooks says.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import json
from http import HTTPStatus
from typing import Final

from service.adapters.forge_api.errors import TooLargeError
from service.adapters.forge_api.http import HttpClient
from service.domain.notifications.channel import Channel
from service.domain.notifications.notification import Notification
from service.errors import PermanentError
from service.forges.standard_webhooks import signature
from service.ports.notifier import ChannelGoneError
from service.ports.time import Clock

__all__ = ["WebhookSender", "body_of"]

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read; only its status counts."""


def body_of(notification: Notification) -> bytes:
    """Write the payload: the type, the time of the event and its data."""
    # Written anew for each attempt and signed over exactly these bytes: dictionaries
    # keep their order, so every attempt has the same body.
    return json.dumps(
        {
            "type": notification.topic.value,
            "timestamp": notification.created_at.isoformat(),
            "data": json.loads(notification.data),
        },
        ensure_ascii=False,
    ).encode()


class WebhookSender:
    """Posts notifications to URLs that users name, within the egress policy.

    Args:
        client: Connects to public hosts, and those that the settings name.
        clock: The current time, which is part of each signature.
    """

    def __init__(self, client: HttpClient, *, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def send(self, channel: Channel, notification: Notification) -> None:
        """Post a notification.

        Raises:
            ChannelGoneError: 410, with which receivers unsubscribe.
            PermanentError: Any status but 2xx; or its host is not allowed.
            TransientError: Nobody answered in time.
        """
        assert channel.secret is not None
        body = body_of(notification)
        # The time of this attempt, not of the first: receivers refuse what is older
        # than five minutes.
        seconds = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "relaunch",
            "webhook-id": notification.id,
            "webhook-timestamp": seconds,
            "webhook-signature": signature(
                channel.secret, notification.id, seconds, body
            ),
        }
        try:
            reply = await self._client.request(
                "POST",
                channel.target,
                headers=headers,
                body=body,
                max_bytes=MAX_ANSWER,
                # A redirect could lead the payload to another host than the owner's.
                follow=False,
            )
            status = reply.status
        except TooLargeError as exc:
            status = exc.status  # a page may be as long as it likes
        if status == HTTPStatus.GONE:
            raise ChannelGoneError("it answered 410 Gone")
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise PermanentError(f"it answered {status}; expected 2xx")
