"""How deliveries come: cases 51 to 55, 57 to 61 and 88 of what forges really send."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.store import SqlStore, open_database
from service.domain.hook import Hook, HookId, Proof, Secret
from tests.support.databases import TEST_KEY
from tests.support.deliveries import (
    NEW,
    OLD,
    a_commit,
    a_hook,
    a_post,
    a_push,
    payload_of,
    some_facts,
)
from tests.support.front_door import FrontDoor, front_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        await opened.track("main")
        yield opened


@pytest.fixture(params=list(Proof), ids=lambda it: it.value)
async def hook(request: pytest.FixtureRequest, door: FrontDoor) -> Hook:
    return await door.add_hook(a_hook(request.param))


async def test_case_51_a_push_of_two_thousand_commits_is_read(
    door: FrontDoor, hook: Hook
) -> None:
    commits = [a_commit(message="m" * 4000) for _ in range(2048)]
    post = a_push(hook, some_facts(commits=commits))
    if hook.proof is Proof.HMAC:
        assert len(post.body) > 8 * 1024 * 1024

    answer = await door.post(hook, post)

    assert answer.json["status"] == "accepted"
    assert [it.after for it in door.pushes] == [NEW]


async def test_case_52_a_delivery_sent_again_is_accepted_once(
    door: FrontDoor, hook: Hook
) -> None:
    post = a_push(hook)

    first = await door.post(hook, post)
    second = await door.post(hook, post)

    assert (first.json["status"], second.json["status"]) == ("accepted", "duplicate")
    assert (first.status, second.status) == (202, 202)
    assert first.json["delivery"] == second.json["delivery"]
    assert len(door.bus.events) == 1


async def test_case_52_a_delivery_that_could_not_be_kept_may_come_again(
    door: FrontDoor, hook: Hook
) -> None:
    post = a_push(hook)
    door.bus.is_broken = door.store.is_write_broken = True
    first = await door.post(hook, post)
    door.bus.is_broken = door.store.is_write_broken = False

    second = await door.post(hook, post)

    assert first.status == 503
    assert second.json["status"] == "accepted"


async def test_case_52_without_an_id_equal_bodies_are_not_taken_for_one_push(
    door: FrontDoor,
) -> None:
    """To and fro and to again within a second gives equal bodies."""
    hook = await door.add_hook(a_hook(Proof.SECRET_TOKEN))
    post = a_push(hook).but(idempotency_key=None)

    first = await door.post(hook, post)
    second = await door.post(hook, post)

    assert (first.json["status"], second.json["status"]) == ("accepted", "accepted")
    assert len({event.id for event in door.bus.events}) == 2


async def test_case_53_one_push_through_two_hooks_is_no_replay(
    door: FrontDoor, hook: Hook
) -> None:
    other = await door.add_hook(replace(hook, id=HookId("other")))
    post = a_push(hook, delivery_id="shared")

    first = await door.post(hook, post)
    second = await door.post(other, post)

    assert (first.json["status"], second.json["status"]) == ("accepted", "accepted")
    assert first.json["delivery"] != second.json["delivery"]


async def test_case_54_pushes_out_of_order_are_both_looked_at(
    door: FrontDoor, hook: Hook
) -> None:
    first = some_facts(before="0" * 40, after=OLD, head=a_commit(OLD))

    await door.post(hook, a_push(hook))
    answer = await door.post(hook, a_push(hook, first))

    assert answer.json["status"] == "accepted"
    assert [it.after for it in door.pushes] == [NEW, OLD]


async def test_case_55_fifty_pushes_at_once_are_all_accepted(
    door: FrontDoor, hook: Hook
) -> None:
    posts = [a_push(hook) for _ in range(50)]
    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(door.post(hook, post)) for post in posts]

    assert {task.result().json["status"] for task in sent} == {"accepted"}
    assert len({event.id for event in door.bus.events}) == 50


async def test_case_57_gitlabs_test_button_is_harmless(door: FrontDoor) -> None:
    """Newest first; in a project of one commit `before` is `after`."""
    hook = await door.add_hook(a_hook(Proof.SIGNING_TOKEN))
    facts = some_facts(before=NEW, commits=(a_commit(), a_commit(OLD)))

    answer = await door.post(hook, a_push(hook, facts))

    assert answer.json["status"] == "accepted"


async def test_case_57_gitlabs_sample_of_an_empty_project_is_ignored(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook(Proof.SIGNING_TOKEN))
    payload = payload_of(a_push(hook)) | {
        "project_id": 15,
        "project": {"id": 15, "path_with_namespace": "mike/diaspora"},
    }

    answer = await door.post(hook, a_post(hook, payload, event="Push Hook"))

    assert (answer.status, answer.json["reason"]) == (202, "sample")


@pytest.mark.parametrize(
    ("event", "payload", "reason"),
    [
        ("ping", {"zen": "Design for failure.", "hook_id": 1, "hook": {}}, "ping"),
        ("create", {"ref": "x", "ref_type": "branch"}, "covered_by_push"),
        ("delete", {"ref": "x", "ref_type": "tag"}, "covered_by_push"),
        ("star", {"action": "created"}, "event_ignored"),
        ("an_event_of_tomorrow", {}, "event_ignored"),
    ],
)
async def test_case_58_github_events_that_ask_for_nothing_get_202(
    door: FrontDoor, event: str, payload: object, reason: str
) -> None:
    hook = await door.add_hook(a_hook())

    answer = await door.post(hook, a_post(hook, payload, event=event))

    assert (answer.status, answer.json["status"]) == (202, "ignored")
    assert answer.json["reason"] == reason


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"object_kind": "note", "project_id": 4711}, "event_ignored"),
        ({"event_name": "project_rename", "project_id": 1}, "event_ignored"),
        ({"event_name": "repository_update", "changes": []}, "event_ignored"),
        ({"text": "a template of the owner"}, "unrecognised"),
        ({"object_kind": "push", "branch": "main"}, "unrecognised"),
        (["a", "list"], "unrecognised"),
        ("a text", "unrecognised"),
    ],
)
async def test_case_58_gitlab_bodies_that_are_no_push_get_202(
    door: FrontDoor, payload: object, reason: str
) -> None:
    """Four refusals in a row would disable the hook."""
    hook = await door.add_hook(a_hook(Proof.SIGNING_TOKEN))

    answer = await door.post(hook, a_post(hook, payload, event="Note Hook"))

    assert (answer.status, answer.json["reason"]) == (202, reason)


async def test_case_58_a_new_default_branch_is_looked_at(door: FrontDoor) -> None:
    hook = await door.add_hook(a_hook())
    await door.track(None)
    payload = {
        "action": "edited",
        "changes": {"default_branch": {"from": "master"}},
        "repository": {
            "id": 4711,
            "full_name": "uni/course",
            "default_branch": "trunk",
        },
    }

    answer = await door.post(hook, a_post(hook, payload, event="repository"))

    assert answer.json["status"] == "accepted"
    assert [it.ref for it in door.pushes] == ["refs/heads/trunk"]


async def test_case_59_a_silent_bus_does_not_keep_the_forge_waiting(
    tmp_path: Path,
) -> None:
    async with front_door(tmp_path, budget=timedelta(seconds=0.3)) as door:
        hook = await door.add_hook(a_hook())
        await door.track("main")
        door.bus.is_silent = True

        began = time.monotonic()
        answer = await door.post(hook, a_push(hook))

        assert time.monotonic() - began < 5
        assert (answer.status, answer.json["status"]) == (202, "accepted")
        assert [it.data["after"] for it in await door.spooled()] == [NEW]


async def test_case_60_what_was_answered_202_survives_a_crash(tmp_path: Path) -> None:
    async with front_door(tmp_path) as door:
        hook = await door.add_hook(a_hook())
        await door.track("main")
        door.bus.is_broken = True

        answer = await door.post(hook, a_push(hook))

        assert answer.json["status"] == "accepted"

    keys = [Secret(TEST_KEY)]
    url = f"sqlite:///{tmp_path}/relaunch.db"
    async with (
        open_database(url, keys=keys) as again,
        SqlStore(again).reading() as tx,
    ):
        events = [event for _, event in await tx.outbox.take(limit=10)]
    assert [event.data["delivery_id"] for event in events] == [answer.json["delivery"]]


async def test_case_61_neither_bus_nor_database_is_503_and_comes_again(
    door: FrontDoor, hook: Hook
) -> None:
    door.bus.is_broken = door.store.is_write_broken = True

    answer = await door.post(hook, a_push(hook))

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["error"]["code"] == 1503
    deferred = {"forge": hook.forge.value, "outcome": "deferred"}
    name = "relaunch_deliveries_total"
    assert door.count(name, **deferred, reason="unavailable") == 1


async def test_case_61_a_database_that_does_not_know_the_hook_is_503(
    door: FrontDoor, hook: Hook
) -> None:
    door.store.is_read_broken = True

    answer = await door.post(hook, a_push(hook))

    assert answer.status == 503
    assert door.pushes == []


async def test_case_88_a_captured_delivery_played_again_later_costs_a_look(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook())
    captured = a_push(hook)
    await door.post(hook, captured)
    at_once = await door.post(hook, captured)
    door.clock.advance(timedelta(hours=1))

    later = await door.post(hook, captured)

    assert at_once.json["status"] == "duplicate"
    assert later.json["status"] == "accepted"
    said = [event.data["delivery_id"] for event in door.bus.events]
    assert said == [later.json["delivery"]] * 2


async def test_case_88_a_signed_delivery_cannot_be_played_again_later(
    door: FrontDoor,
) -> None:
    hook = await door.add_hook(a_hook(Proof.SIGNING_TOKEN))
    captured = a_push(hook)
    await door.post(hook, captured)
    door.clock.advance(timedelta(minutes=6))

    later = await door.post(hook, captured)

    assert later.status == 401
    assert len(door.bus.events) == 1
