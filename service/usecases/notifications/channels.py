"""Add, change, test and remove the notification channels of a project."""

import base64
import json
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from service.domain.hook import Secret
from service.domain.notifications.channel import Channel, ChannelId, ChannelKind, Topic
from service.domain.notifications.notification import Notification, NotificationId
from service.domain.rights.caller import ProjectId
from service.errors import (
    InvalidRequestError,
    NotFoundError,
    PermanentError,
    TransientError,
)
from service.forges.standard_webhooks import SECRET_PREFIX
from service.ports.notifier import Notifier
from service.ports.store import Page, PageRequest, Store
from service.ports.time import Clock, Ids

__all__ = ["ChannelChange", "ChannelEditor", "NewChannel"]

_SECRET_BYTES: Final = 32
_ADDRESS: Final = re.compile(r"[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,253}")
MOST_CHANNELS: Final = 20
"""Channels of one project: each event is sent to all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChannel:
    """The command to add a channel."""

    kind: ChannelKind
    target: str
    topics: Collection[Topic]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChange:
    """The command to change a channel; None leaves as it is."""

    topics: Collection[Topic] | None = None
    is_enabled: bool | None = None


class ChannelEditor:
    """Edit the channels of projects.

    Args:
        store: Holds channels.
        notifier: Sends tests; and says what can be sent here.
        clock: The current time.
        ids: Generates ids.
    """

    def __init__(
        self, *, store: Store, notifier: Notifier, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._ids = ids

    async def list(self, project: ProjectId, page: PageRequest) -> Page[Channel]:
        """List the channels of a project, oldest first."""
        async with self._store.reading() as tx:
            return await tx.notifications.channels(project, page)

    async def get(self, project: ProjectId, channel: ChannelId) -> Channel:
        """Return a channel of a project.

        Raises:
            NotFoundError: The project has no such channel.
        """
        async with self._store.reading() as tx:
            found = await tx.notifications.channel(channel)
        if found.project != project:
            raise _missing(channel)
        return found

    async def add(self, project: ProjectId, new: NewChannel) -> Channel:
        """Add a channel; the secret of a webhook is in the answer.

        Raises:
            InvalidRequestError: The target is none of its kind, or this installation
                sends no such thing, or the project has too many.
        """
        self._check(new)
        is_webhook = new.kind is ChannelKind.WEBHOOK
        channel = Channel(
            id=ChannelId(self._ids.new()),
            project=project,
            kind=new.kind,
            target=new.target,
            topics=frozenset(new.topics),
            created_at=self._clock.now(),
            secret=_new_secret() if is_webhook else None,
        )
        # Under a lock of the project: two additions at once would both count nineteen.
        async with self._store.transaction(f"channels {project}") as tx:
            known = await tx.notifications.channels(project)
            if (known.total or len(known.items)) >= MOST_CHANNELS:
                raise InvalidRequestError(
                    f"the project has {MOST_CHANNELS} notification channels, which is "
                    "the most"
                )
            await tx.notifications.add_channel(channel)
        return channel

    async def change(
        self, project: ProjectId, channel: ChannelId, change: ChannelChange
    ) -> Channel:
        """Change a channel; one that is enabled again sends what waits for it.

        Raises:
            NotFoundError: The project has no such channel.
        """
        async with self._store.transaction() as tx:
            found = await tx.notifications.channel(channel)
            if found.project != project:
                raise _missing(channel)
            if change.topics is not None:
                found = replace(found, topics=frozenset(change.topics))
            if change.is_enabled is True:
                found = replace(found, disabled_at=None, failures=0)
            elif change.is_enabled is False and found.is_enabled:
                found = replace(found, disabled_at=self._clock.now())
            await tx.notifications.save_channel(found)
        return found

    async def remove(self, project: ProjectId, channel: ChannelId) -> None:
        """Remove a channel; one that is gone stays so."""
        async with self._store.transaction() as tx:
            try:
                found = await tx.notifications.channel(channel)
            except NotFoundError:
                return
            if found.project == project:
                await tx.notifications.remove_channel(channel)

    async def test(self, project: ProjectId, channel: ChannelId) -> str:
        """Send a test now; return why it was not accepted, empty if it was.

        Raises:
            NotFoundError: The project has no such channel.
        """
        found = await self.get(project, channel)
        now = self._clock.now()
        ping = Notification(
            id=NotificationId(self._ids.new()),
            channel=channel,
            topic=Topic.PING,
            subject="A test of this notification channel",
            data=json.dumps({"project_id": project, "channel_id": channel}),
            created_at=now,
            due_at=now,
        )
        # Sent here and not queued: a person waits for the answer, and tests a disabled
        # channel before enabling it again.
        try:
            await self._notifier.send(found, ping)
        except (PermanentError, TransientError) as exc:
            return str(exc)
        return ""

    def _check(self, new: NewChannel) -> None:
        if new.kind not in self._notifier.kinds:
            raise InvalidRequestError(
                f"this installation sends no {new.kind.value}; its operator sets "
                "RELAUNCH_MAIL_HOST for that"
            )
        if new.kind is ChannelKind.MAIL and not _ADDRESS.fullmatch(new.target):
            raise InvalidRequestError(
                f"{new.target!r} is no mail address; expected name@host"
            )
        if new.kind is ChannelKind.WEBHOOK:
            _check_url(new.target)


def _check_url(text: str) -> None:
    """Raise InvalidRequestError unless a text is an http(s) URL without credentials."""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        url = urlsplit("")
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise InvalidRequestError("the target is no URL; expected https://host/path")
    if url.username is not None or url.password is not None:
        # It would be shown to every member of the project.
        raise InvalidRequestError(
            "the target has a user name or password in it; every webhook is signed"
        )


def _new_secret() -> Secret:
    key = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    return Secret(SECRET_PREFIX + key)


def _missing(channel: ChannelId) -> NotFoundError:
    return NotFoundError(
        f"Notification channel with id '{channel}' does not exist or you do not have "
        "access to it."
    )
