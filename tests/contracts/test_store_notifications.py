"""Notification channels of every store, and what waits for them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.domain.building.build import BuildId, RebuildId
from service.domain.evaluation.comparison import EvaluationId
from service.domain.notifications.channel import ChannelId, ChannelKind, Topic
from service.domain.notifications.notification import NotificationId
from service.domain.rights.caller import ProjectId
from service.errors import NotFoundError
from service.ports.store import Store
from tests.domain.test_notification import a_channel, a_notification
from tests.support.clock import NOW
from tests.support.values import a_launcher, a_rebuild, a_source

PROJECT = ProjectId("project-1")


async def test_a_channel_is_kept_whole(store: Store) -> None:
    mail = a_channel(
        id=ChannelId("channel-2"),
        kind=ChannelKind.MAIL,
        target="ada@uni.example",
        topics=frozenset({Topic.BUILD_FINISHED, Topic.HOOK_UNHEALTHY}),
        secret=None,
        failures=3,
        last_error="it answered 500",
        disabled_at=NOW,
    )
    async with store.transaction() as tx:
        await tx.notifications.add_channel(a_channel())
        await tx.notifications.add_channel(mail)
        await tx.notifications.add_channel(
            a_channel(id=ChannelId("channel-3"), project=ProjectId("another"))
        )

    async with store.reading() as tx:
        found = await tx.notifications.channels(PROJECT)
        subscribed = await tx.notifications.subscribed(Topic.BUILD_FINISHED, [PROJECT])
        others = await tx.notifications.subscribed(Topic.LAUNCHER_UPDATED, [PROJECT])
    assert list(found) == [a_channel(), mail]
    assert subscribed == [a_channel()], "one is disabled, one another project's"
    assert others == []


async def test_what_is_due_leaves_out_busy_and_disabled_channels(store: Store) -> None:
    disabled = a_channel(id=ChannelId("disabled"), disabled_at=NOW)
    later = a_notification(
        id=NotificationId("later"), due_at=NOW + timedelta(seconds=1)
    )
    for_disabled = a_notification(
        id=NotificationId("other"), channel=ChannelId("disabled")
    )
    async with store.transaction() as tx:
        await tx.notifications.add_channel(a_channel())
        await tx.notifications.add_channel(disabled)
        await tx.notifications.add([a_notification(), later, for_disabled])
        await tx.notifications.add([a_notification(subject="the same event again")])

    async with store.reading() as tx:
        due = await tx.notifications.due(NOW, without=(), limit=9)
        all_due = await tx.notifications.due(
            NOW + timedelta(seconds=2), without=(), limit=9
        )
        without = await tx.notifications.due(
            NOW, without=[ChannelId("channel-1")], limit=9
        )
    assert due == [a_notification()]
    assert all_due == [a_notification(), later]
    assert without == []


async def test_what_was_delivered_is_forgotten_after_its_time(store: Store) -> None:
    delivered = replace(a_notification(), delivered_at=NOW, attempts=1)
    waiting = a_notification(id=NotificationId("waiting"))
    async with store.transaction() as tx:
        await tx.notifications.add_channel(a_channel())
        await tx.notifications.add([delivered, waiting])
        await tx.notifications.forget(before=NOW + timedelta(seconds=1))
        with pytest.raises(NotFoundError):
            await tx.notifications.save(delivered)
        await tx.notifications.save(waiting)


async def test_a_streak_begins_once(store: Store) -> None:
    channel = ChannelId("channel-1")
    async with store.transaction() as tx:
        await tx.notifications.add_channel(a_channel())
        first = await tx.notifications.begin_streak(channel, "source-1", at=NOW)
        again = await tx.notifications.begin_streak(channel, "source-1", at=NOW)
        other = await tx.notifications.begin_streak(channel, "source-2", at=NOW)
        await tx.notifications.end_streak(channel, "source-1")
        anew = await tx.notifications.begin_streak(channel, "source-1", at=NOW)

    assert [first, again, other, anew] == [True, False, True, True]


async def test_a_channel_goes_with_all_that_waits_for_it(store: Store) -> None:
    channel = ChannelId("channel-1")
    async with store.transaction() as tx:
        await tx.notifications.add_channel(a_channel())
        await tx.notifications.add([a_notification()])
        await tx.notifications.begin_streak(channel, "source-1", at=NOW)
        await tx.notifications.remove_channel(channel)
        await tx.notifications.remove_channel(channel)
        with pytest.raises(NotFoundError):
            await tx.notifications.channel(channel)


async def test_a_build_has_the_projects_of_its_launchers(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.sources.find_or_add(a_source())
        await tx.launchers.add(a_launcher())
        await tx.rebuilds.add(
            a_rebuild(
                id=RebuildId("rebuild-1"),
                launcher_id="launcher-1",
                build_id=BuildId("build-1"),
            )
        )

    async with store.reading() as tx:
        found = await tx.notifications.projects_of_build(BuildId("build-1"))
        none = await tx.notifications.projects_of_build(BuildId("build-2"))
        nobodys = await tx.notifications.projects_of_evaluation(EvaluationId("none"))
    assert (found, none, nobodys) == ([PROJECT], [], [])
