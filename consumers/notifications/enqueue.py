"""An event → one notification for each channel that wants it.

Webhooks get every event. Mail is for people: of builds that fail in a row they get one.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final

from consumers.loops.gathering import AT_ONCE, Gatherer
from service.domain.building.build import BuildId, RebuildId
from service.domain.evaluation.comparison import EvaluationId
from service.domain.launcher import LauncherId
from service.domain.notifications.channel import Channel, ChannelKind, Topic
from service.domain.notifications.notification import Notification, NotificationId
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


# One per consuming process, called for many messages at once: ten thousand
# launchers of a course move, and a transaction for each of those events would keep
# the database from whatever else is to be done.
class NotificationEnqueuer:
    """Write down who is to be told of an event.

    Args:
        store: Holds channels and notifications.
        clock: The current time.
    """

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._together = Gatherer(self._subscribing, most=AT_ONCE)

    async def handle(self, event: Event, data: Data) -> None:
        """Handle one event; handling it again adds nothing."""
        # Read first: most projects have no channel, and writers would wait for each of
        # those events.
        if projects := await self._together.ask(data):
            await self._enqueue(event, data, projects)

    async def _subscribing(
        self, asked: Sequence[Data]
    ) -> Sequence[Collection[ProjectId]]:
        """Return for each event the projects that have a channel for it."""
        concerned = defaultdict[Topic, set[ProjectId]](set)
        # What is written for them is decided again where it is written.
        async with self._store.reading(is_single=True) as tx:
            projects = [set(await _projects(tx, data)) for data in asked]
            for data, some in zip(asked, projects, strict=True):
                concerned[_topic(data)] |= some
            wanting = {
                topic: {
                    channel.project
                    for channel in await tx.notifications.subscribed(topic, some)
                }
                for topic, some in concerned.items()
            }
        return [
            some & wanting[_topic(data)]
            for data, some in zip(asked, projects, strict=True)
        ]

    async def _enqueue(
        self, event: Event, data: Data, projects: Collection[ProjectId]
    ) -> None:
        topic = _topic(data)
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


def _topic(data: Data) -> Topic:
    return Topic(data.name.rpartition(".v")[0])


async def _projects(tx: Transaction, data: Data) -> Iterable[ProjectId]:
    match data:
        case BuildFinished():
            return await _of_end(tx, data)
        case LauncherUpdated(project_id=project):
            return (ProjectId(project),)
        case HookUnhealthy():
            # Whose editors see the hook; who follows a repository without a grant may
            # not even know that it is there.
            return await tx.projects.of_repository(data.repository.read())
        case _:
            return ()


async def _of_end(tx: Transaction, data: BuildFinished) -> Iterable[ProjectId]:
    match data:
        case BuildFinished(rebuild_id=str(rebuild)):
            # Its own project alone: others follow the source, and know nothing of it.
            return await _of_rebuild(tx, RebuildId(rebuild))
        case BuildFinished(evaluation_id=str(evaluation)):
            ended = EvaluationId(evaluation)
            return await tx.notifications.projects_of_evaluation(ended)
        case BuildFinished(build_id=str(build)):
            return await tx.notifications.projects_of_build(BuildId(build))
        case _:
            return await _followers(tx, await _sources(tx, data))


async def _of_rebuild(tx: Transaction, rebuild: RebuildId) -> Sequence[ProjectId]:
    with suppress(NotFoundError):
        launcher = LauncherId((await tx.rebuilds.get(rebuild)).launcher_id)
        return (ProjectId((await tx.launchers.get(launcher)).project_id),)
    return ()


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
