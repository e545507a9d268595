"""Sends each notification by its channel's kind."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, Protocol

from service.adapters.egress import EgressPolicy
from service.adapters.forge_api.http import open_http_client
from service.adapters.notifications.webhook import WebhookSender
from service.domain.notifications.channel import Channel, ChannelKind
from service.domain.notifications.notification import Notification
from service.errors import PermanentError
from service.ports.time import Clock

__all__ = ["ChannelNotifier", "ChannelSender", "open_notifier"]

DEADLINE: Final = timedelta(seconds=15)
"""Standard Webhooks recommends 15 to 30 s."""


class ChannelSender(Protocol):
    """Sends by one kind of channel; as `Notifier.send`."""

    async def send(self, channel: Channel, notification: Notification) -> None: ...


class ChannelNotifier:
    """Implement the port `Notifier`.

    Args:
        senders: What this installation can send with.
    """

    def __init__(self, senders: Mapping[ChannelKind, ChannelSender]) -> None:
        self._senders = senders

    @property
    def kinds(self) -> Collection[ChannelKind]:
        return self._senders.keys()

    async def send(self, channel: Channel, notification: Notification) -> None:
        sender = self._senders.get(channel.kind)
        if sender is None:
            raise PermanentError(
                f"this installation sends no {channel.kind.value}; its operator sets "
                "RELAUNCH_MAIL_HOST for that"
            )
        await sender.send(channel, notification)


@asynccontextmanager
async def open_notifier(
    *,
    gate: EgressPolicy,
    environment: Mapping[str, str],
    clock: Clock,
    mail: ChannelSender | None,
) -> AsyncIterator[ChannelNotifier]:
    """Open what sends notifications, for the block.

    Args:
        gate: Which hosts webhooks may lead to.
        environment: The environment of this process, for proxies and certificates.
        clock: The current time.
        mail: Sends mail; None where there is none.
    """
    # A client of its own, and none of the forges: its short deadline and its crowd of
    # slow endpoints are kept away from what evaluations wait for.
    async with open_http_client(
        gate=gate, environment=environment, deadline=DEADLINE
    ) as client:
        senders: dict[ChannelKind, ChannelSender] = {
            ChannelKind.WEBHOOK: WebhookSender(client, clock=clock)
        }
        if mail is not None:
            senders[ChannelKind.MAIL] = mail
        yield ChannelNotifier(senders)
