"""What the receiver remembers, learns and writes down."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.domain.evaluation.queue import CACHE_STALENESS
from service.domain.hook import HookId, Proof
from service.logs import name_subject
from service.ports.store import DeliveryRecord
from tests.support.deliveries import (
    COURSE,
    OLDER,
    SECRETS,
    a_commit,
    a_hook,
    a_post,
    a_push,
    some_facts,
)
from tests.support.front_door import FrontDoor, front_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        yield opened


async def records(door: FrontDoor) -> list[DeliveryRecord]:
    """Stop the log as a shutdown does, and read what it wrote."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(door.log.run())
        await asyncio.sleep(0)
        running.cancel()
    async with door.store.reading() as tx:
        return list(await tx.deliveries.list())


async def test_an_accepted_push_becomes_one_event_that_says_where_it_came_from(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook())
    await door.track("main")

    answer = await door.post(hook, a_push(hook, delivery_id="guid-1"))

    (event,), (push,) = door.bus.events, door.pushes
    assert push.delivery_id == answer.json["delivery"]
    assert event.type == "dev.relaunch.push.received.v2"
    assert (push.hook_id, push.forge_delivery_id) == (hook.id, "guid-1")
    assert push.repository.url == COURSE.url


async def test_the_event_has_the_files_that_a_definition_may_read(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook())
    await door.track("main")
    commit = a_commit(modified=("README.md", "uv.lock"), added=("libs/pyproject.toml",))

    await door.post(hook, a_push(hook, some_facts(commits=[commit])))

    assert door.pushes[-1].changed_paths == ("uv.lock", "libs/pyproject.toml")


@pytest.mark.parametrize("others", [(), ("other",)], ids=["first", "another"])
async def test_a_new_source_is_known_long_before_it_is_looked_at_once_more(
    door: FrontDoor, others: tuple[str, ...]
) -> None:
    hook = await door.add_hook(a_hook())
    for name in others:
        await door.track(name)
    before = await door.post(hook, a_push(hook))
    await door.track("main")

    door.clock.advance(CACHE_STALENESS / 4)
    after = await door.post(hook, a_push(hook))

    assert before.json["reason"] == "not_tracked"
    assert after.json["status"] == "accepted"


async def test_a_storm_nobody_asked_for_costs_one_look_up_and_few_records(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook())

    answers = [await door.post(hook, a_push(hook)) for _ in range(200)]

    assert {answer.json["reason"] for answer in answers} == {"not_tracked"}
    assert len(await records(door)) < 150
    labels = {"forge": "github", "outcome": "ignored", "reason": "not_tracked"}
    assert door.count("relaunch_deliveries_total", **labels) == 200


async def test_a_burst_to_a_tracked_ref_costs_one_look_up(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    await door.track("main")
    await door.post(hook, a_push(hook))
    before = door.store.reads

    for _ in range(20):
        await door.post(hook, a_push(hook))

    assert door.store.reads == before


async def test_when_nobody_can_say_whether_it_is_tracked_it_is_kept(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook())
    await door.post(hook, a_push(hook))
    # What was read about sources is old, and not what was read about the hook.
    door.clock.advance(timedelta(seconds=2))
    door.store.is_read_broken = True

    answer = await door.post(hook, a_push(hook))

    assert answer.json["status"] == "accepted"


async def test_a_new_secret_works_at_once_and_an_old_one_is_counted(
    door: FrontDoor,
) -> None:
    old, new = OLDER[Proof.HMAC], SECRETS[Proof.HMAC]
    before = await door.add_hook(a_hook(secrets=(old,)))
    await door.post(before, a_push(before))

    rotated = replace(before, secrets=(new, old))
    await door.save_hook(rotated)
    by_new = await door.post(rotated, a_push(rotated))
    by_old = await door.post(rotated, a_push(before))

    assert (by_new.status, by_old.status) == (202, 202)
    name = "relaunch_deliveries_by_old_secret_total"
    assert door.count(name, forge="github") == 1


async def test_a_retired_secret_stops_working_within_seconds(door: FrontDoor) -> None:
    old, new = OLDER[Proof.HMAC], SECRETS[Proof.HMAC]
    rotated = await door.add_hook(a_hook(secrets=(new, old)))
    by_old = a_push(replace(rotated, secrets=(old,)))
    await door.post(rotated, by_old)

    await door.save_hook(replace(rotated, secrets=(new,)))
    door.clock.advance(timedelta(seconds=5))

    assert (await door.post(rotated, by_old)).status == 401


async def test_a_removed_hook_stops_working_within_seconds(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    await door.post(hook, a_push(hook))

    async with door.store.transaction() as tx:
        await tx.hooks.remove(hook.id)
    door.clock.advance(timedelta(seconds=5))

    assert (await door.post(hook, a_push(hook))).status == 401


@pytest.mark.parametrize("first", ["push", "ping"])
async def test_a_hook_learns_no_number_from_what_is_delivered(
    door: FrontDoor, first: str
) -> None:
    hook = await door.add_hook(a_hook(repository=replace(COURSE, number=None)))
    ping = {"repository": {"id": 666, "full_name": "uni/course"}}
    forged = some_facts(repository=replace(COURSE, number=666))
    post = a_push(hook, forged) if first == "push" else a_post(hook, ping, event="ping")
    await door.track("main")
    await door.post(hook, post)

    answer = await door.post(hook, a_push(hook))

    assert await door.hook(hook) == hook
    assert answer.json["status"] == "accepted"
    assert door.pushes[-1].repository.number is None
    assert door.pushes[-1].suggested_number == COURSE.number


async def test_a_renamed_repository_is_followed_by_its_number(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    await door.track("main", replace(COURSE, path="uni/lecture"))
    renamed = some_facts(repository=replace(COURSE, path="uni/lecture"))

    answer = await door.post(hook, a_push(hook, renamed))

    assert answer.json["status"] == "accepted"
    assert answer.json["message"].endswith("The delivery calls it uni/lecture.")
    assert [push.repository.number for push in door.pushes] == [COURSE.number]


async def test_a_launcher_that_knows_only_the_old_name_is_found_by_it(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook())
    await door.track("main", replace(COURSE, number=None))
    renamed = some_facts(repository=replace(COURSE, path="uni/lecture"))

    answer = await door.post(hook, a_push(hook, renamed))

    assert answer.json["status"] == "accepted"
    assert [push.repository.path for push in door.pushes] == ["uni/course"]


async def test_deliveries_are_counted_by_what_became_of_them(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    await door.track("main")
    push = a_push(hook)

    await door.post(hook, push)
    await door.post(hook, push)
    await door.post(HookId("nobody"), push)
    await door.post(hook, a_post(hook, {"zen": "x"}, event="ping"))

    name, forge = "relaunch_deliveries_total", "github"
    for outcome, reason in (
        ("accepted", "tracked"),
        ("duplicate", "duplicate"),
        ("refused", "bad_signature"),
        ("ignored", "ping"),
    ):
        assert door.count(name, forge=forge, outcome=outcome, reason=reason) == 1


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({}, ["bus did not confirm", "delivery accepted"]),
        ({"ref": 1}, ["request answered"]),
    ],
    ids=["bus", "payload"],
)
async def test_every_line_about_a_proved_delivery_names_it(
    door: FrontDoor, event: dict[str, int], expected: list[str]
) -> None:
    old, new = OLDER[Proof.HMAC], SECRETS[Proof.HMAC]
    await door.add_hook(a_hook(secrets=(new, old)))
    await door.track("main")
    before = a_hook(secrets=(old,))
    post = a_post(before, event, event="push") if event else a_push(before)
    door.bus.is_broken = True

    with capture_logs([name_subject]) as lines:
        await door.post(before, post)
        await door.post(before, replace(post, headers={}))

    *its_own, not_proved, answered = lines
    [record] = [item for item in await records(door) if item.reason != "bad_signature"]
    assert [line["event"] for line in its_own] == [
        "delivery by the older secret",
        *expected,
    ]
    # A delivery that cannot be read is on record under another id than its header's.
    assert all(line["delivery"] for line in its_own)
    assert its_own[-1]["delivery"] == record.id
    # The next request over this connection is not taken for a part of it.
    assert "delivery" not in {**not_proved, **answered}
