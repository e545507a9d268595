"""Sends notifications to where projects want them."""

from collections.abc import Collection
from typing import Final, Protocol

from service.domain.notifications.channel import Channel, ChannelKind
from service.domain.notifications.notification import Notification
from service.errors import PermanentError

__all__ = ["NO_NOTIFIER", "ChannelGoneError", "Notifier"]


class ChannelGoneError(PermanentError):
    """The endpoint wants nothing more, ever."""


class Notifier(Protocol):
    """Sends one notification, once."""

    @property
    def kinds(self) -> Collection[ChannelKind]:
        """What this installation can send."""
        ...

    async def send(self, channel: Channel, notification: Notification) -> None:
        """Send a notification; return when it was accepted.

        Raises:
            ChannelGoneError: The endpoint is gone for good.
            PermanentError: It was refused.
            TransientError: Nobody answered in time.
        """
        ...


class _NoNotifier:
    """Sends nothing: for an application that is put together without a network."""

    kinds: Collection[ChannelKind] = ()

    async def send(self, channel: Channel, notification: Notification) -> None:
        del channel, notification
        raise PermanentError("this process sends no notifications")


NO_NOTIFIER: Final[Notifier] = _NoNotifier()
