"""Notification channels of projects: who gets builds, launchers and hooks."""

from http import HTTPStatus

from aiohttp import web

from handlers.api.requests import read_body, ulid
from handlers.api.responses import json_response, no_content, page_of, paginated
from handlers.api.schemas.projects.notifications import (
    ChannelPatch,
    ChannelPost,
    ChannelResponse,
    ChannelTestResponse,
    NewChannelResponse,
)
from handlers.app_keys import CHANNELS
from service.domain.notifications.channel import ChannelId, ChannelKind, Topic
from service.domain.rights.caller import ProjectId
from service.usecases.notifications.channels import ChannelChange, NewChannel

__all__ = [
    "add_channel",
    "change_channel",
    "list_channels",
    "remove_channel",
    "show_channel",
    "test_channel",
]


async def list_channels(request: web.Request) -> web.Response:
    """List the notification channels of a project, oldest first."""
    wanted = page_of(request)
    found = await request.app[CHANNELS].list(_project(request), wanted)
    shown = [ChannelResponse.of(channel) for channel in found]
    return paginated(request, wanted, shown, found.total)


async def add_channel(request: web.Request) -> web.Response:
    """Add a notification channel; the secret of a webhook is shown here only."""
    asked = await read_body(request, ChannelPost)
    new = NewChannel(
        kind=ChannelKind(asked.kind),
        target=asked.target,
        topics=[Topic(name) for name in asked.topics],
    )
    channel = await request.app[CHANNELS].add(_project(request), new)
    shown = NewChannelResponse.with_secret(channel)
    return json_response(shown, status=HTTPStatus.CREATED)


async def show_channel(request: web.Request) -> web.Response:
    """Show a notification channel."""
    channel = await request.app[CHANNELS].get(_project(request), _id(request))
    return json_response(ChannelResponse.of(channel))


async def change_channel(request: web.Request) -> web.Response:
    """Change a notification channel, or enable it again."""
    asked = await read_body(request, ChannelPatch)
    topics = None if asked.topics is None else [Topic(name) for name in asked.topics]
    channel = await request.app[CHANNELS].change(
        _project(request),
        _id(request),
        ChannelChange(topics=topics, is_enabled=asked.enabled),
    )
    return json_response(ChannelResponse.of(channel))


async def remove_channel(request: web.Request) -> web.Response:
    """Remove a notification channel with what waits for it."""
    await request.app[CHANNELS].remove(_project(request), _id(request))
    return no_content()


async def test_channel(request: web.Request) -> web.Response:
    """Send a test now, and answer whether it was accepted."""
    # 200 also when it failed: what was asked for is the attempt, and it was made.
    error = await request.app[CHANNELS].test(_project(request), _id(request))
    shown = ChannelTestResponse(delivered=not error, error=error or None)
    return json_response(shown)


def _project(request: web.Request) -> ProjectId:
    return ProjectId(ulid(request, "project_id", what="Project"))


def _id(request: web.Request) -> ChannelId:
    return ChannelId(ulid(request, "channel_id", what="Notification channel"))
