"""Many events at once are few questions to the database."""

import asyncio

from consumers.loops.gathering import AT_ONCE
from consumers.notifications.enqueue import NotificationEnqueuer
from service.domain.notifications.channel import Topic
from service.domain.rights.caller import ProjectId
from service.events.envelope import Event
from service.events.models import LauncherUpdated
from tests.domain.test_notification import a_channel
from tests.support.statements import sent_statements
from tests.support.world import World

LAUNCHERS = 2 * AT_ONCE


def moved(number: int) -> LauncherUpdated:
    """Return that a launcher moved; every second one is of a project with a channel."""
    return LauncherUpdated(
        launcher_id=f"launcher-{number}",
        environment_id=f"environment-{number}",
        project_id=f"project-{number % 2}",
        action="moved",
        image="image",
        generation=1,
    )


async def test_channels_are_looked_up_for_many_launchers_at_once(world: World) -> None:
    async with world.store.transaction() as tx:
        await tx.notifications.add_channel(
            a_channel(
                project=ProjectId("project-1"),
                topics=frozenset({Topic.LAUNCHER_UPDATED}),
            )
        )
    enqueuer = NotificationEnqueuer(store=world.store, clock=world.clock)
    updates = [moved(number) for number in range(LAUNCHERS)]
    now = world.clock.now()

    with sent_statements("SELECT notification_channels") as seen:
        async with asyncio.TaskGroup() as group:
            for data in updates:
                event = Event.of(data, id=f"event-{data.launcher_id}", time=now)
                group.create_task(enqueuer.handle(event, data))

    async with world.store.reading() as tx:
        due = await tx.notifications.due(now, without=(), limit=LAUNCHERS)
    assert len(due) == LAUNCHERS / 2
    # For all together, and once for each that somebody is told of.
    assert len(seen) == LAUNCHERS / AT_ONCE + len(due)
