"""An event → one notification for each channel that wants it.

Webhooks get every event. Mail is for people: of builds that fail in a row they get one.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from service.domain.building.build import BuildId, RebuildId
from service.domain.evaluation.comparison import EvaluationId
from service.domain.notifications.channel import Channel, ChannelKind, Topic
from service.domain.notifications.notification import Notification, NotificationId
from service.domain.repository import Repository
from service.domain.rights.caller import ProjectId
from service.domain.source import SourceId
from service.errors import NotFoundError
from service.events.envelope import Event
from service.events.models import (
    BuildFinished,
    Data,
    HookUnhealthy,
    LauncherUpdated,
)
from service.ports.store import Store, Transaction
from service.ports.time import Clock

__all__ = ["NotificationEnqueuer"]

SAMPLES: Final = 200
"""Rebuilds of one build that are read to know its sources."""


class NotificationEnqueuer:
    """Write down who is to be told of an event.

    Args:
        store: Holds channels and notifications.
        clock: The current time.
    """

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def handle(self, event: Event, data: Data) -> None:
        """Handle one event; handling it again adds nothing."""
        topic = Topic(data.name.rpartition(".v")[0])
        # Read first: most projects have no channel, and a course moves ten thousand
        # launchers; writers would wait for each of those events.
        async with self._store.reading() as tx:
            projects = await _projects(tx, data)
            channels = await tx.notifications.subscribed(topic, projects)
        if not channels:
            return
        # One transaction: a streak that began without its mail would silence the next.
        async with self._store.transaction() as tx:
            channels = await tx.notifications.subscribed(topic, projects)
            wanted = [
                channel
                for channel in channels
                if await self._is_news(tx, channel, data)
            ]
            await tx.notifications.add(
                self._notification(event, data, topic, channel) for channel in wanted
            )

    def _notification(
        self, event: Event, data: Data, topic: Topic, channel: Channel
    ) -> Notification:
        # Kept as text: a later process may not read this version of the event any more.
        content = data.model_dump(mode="json", exclude_none=True)
        return Notification(
            # An event that comes twice makes the same ids.
            id=NotificationId(f"{event.id}.{channel.id}"),
            channel=channel.id,
            topic=topic,
            subject=_subject(data),
            data=json.dumps(content | {"project_id": channel.project}),
            created_at=event.time,
            due_at=self._clock.now(),
        )

    async def _is_news(self, tx: Transaction, channel: Channel, data: Data) -> bool:
        """Return whether a channel is to get an event; keep its streaks."""
        if channel.kind is not ChannelKind.MAIL or not isinstance(data, BuildFinished):
            return True
        news = False
        for source in await _sources(tx, data):
            if data.outcome == "failed":
                news |= await tx.notifications.begin_streak(
                    channel.id, source, at=self._clock.now()
                )
            elif data.outcome == "succeeded":
                await tx.notifications.end_streak(channel.id, source)
        return news


async def _projects(tx: Transaction, data: Data) -> Iterable[ProjectId]:
    match data:
        case BuildFinished(evaluation_id=str(evaluation)):
            ended = EvaluationId(evaluation)
            return await tx.notifications.projects_of_evaluation(ended)
        case BuildFinished(build_id=str(build)):
            return await tx.notifications.projects_of_build(BuildId(build))
        case BuildFinished():
            return await _followers(tx, await _sources(tx, data))
        case LauncherUpdated(project_id=project):
            return (ProjectId(project),)
        case HookUnhealthy():
            return await _of_repository(tx, data.repository.read())
        case _:
            return ()


async def _of_repository(tx: Transaction, repository: Repository) -> set[ProjectId]:
    """Return the projects that link a repository, and those that follow it."""
    sources = await tx.sources.of_repository(repository)
    followers = await _followers(tx, [source.id for source in sources])
    return followers.union(await tx.projects.of_repository(repository))


async def _followers(tx: Transaction, sources: Iterable[SourceId]) -> set[ProjectId]:
    return {
        project for source in sources for project in await tx.projects.of_source(source)
    }


async def _sources(tx: Transaction, data: BuildFinished) -> Sequence[SourceId]:
    """Return the sources whose rebuilds ended, in order; none if those are gone."""
    with suppress(NotFoundError):
        return await _recorded_sources(tx, data)
    return ()


async def _recorded_sources(tx: Transaction, data: BuildFinished) -> Sequence[SourceId]:
    if data.evaluation_id is not None:
        evaluation = await tx.evaluations.get(EvaluationId(data.evaluation_id))
        return (evaluation.source_id,)
    if data.build_id is not None:
        rebuilds = list(
            await tx.rebuilds.samples_of_build(BuildId(data.build_id), limit=SAMPLES)
        )
    else:
        ids = data.rebuild_ids or filter(None, (data.rebuild_id,))
        rebuilds = [await tx.rebuilds.get(RebuildId(id_)) for id_ in ids]
    return sorted({SourceId(rebuild.source_id) for rebuild in rebuilds})


def _subject(data: Data) -> str:
    match data:
        case BuildFinished(outcome="failed", failure=failure) if failure is not None:
            return f"Build failed: {failure.message}"
        case BuildFinished():
            return f"Build {data.outcome}"
        case LauncherUpdated(action="moved"):
            return f"Launcher {data.launcher_id} has a new image"
        case LauncherUpdated():
            return f"An update is available for launcher {data.launcher_id}"
        case HookUnhealthy():
            return f"Webhook of {data.repository.url}: {data.message}"
        case _:
            raise AssertionError(f"{data.name} is not for this role")
