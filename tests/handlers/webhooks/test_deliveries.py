"""How deliveries come: cases 51, 54, 55, 57, 58 and 88 of what forges really send."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.domain.delivery import Forge
from service.domain.hook import Hook, Proof
from tests.support.deliveries import (
    NEW,
    OLD,
    WAYS,
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


@pytest.fixture(params=WAYS, ids=str)
async def hook(request: pytest.FixtureRequest, door: FrontDoor) -> Hook:
    return await door.add_hook(a_hook(request.param))


async def test_case_51_a_push_of_two_thousand_commits_is_read(
    door: FrontDoor, hook: Hook
) -> None:
    commits = [a_commit(message="m" * 4000) for _ in range(2048)]
    post = a_push(hook, some_facts(commits=commits))
    if hook.forge is Forge.GITHUB:
        assert len(post.body) > 8 * 1024 * 1024

    answer = await door.post(hook, post)

    assert answer.json["status"] == "accepted"
    assert [push.after for push in door.pushes] == [NEW]


async def test_case_54_pushes_out_of_order_are_both_looked_at(
    door: FrontDoor, hook: Hook
) -> None:
    first = some_facts(before="0" * 40, after=OLD, head=a_commit(OLD))

    await door.post(hook, a_push(hook))
    answer = await door.post(hook, a_push(hook, first))

    assert answer.json["status"] == "accepted"
    assert [push.after for push in door.pushes] == [NEW, OLD]


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
    assert [push.ref for push in door.pushes] == ["refs/heads/trunk"]


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
