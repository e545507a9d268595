"""Which pushes are kept: cases 30 to 36 and 42 to 44 of what forges really send."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.domain.hook import Hook
from service.domain.repository import Ref
from tests.support.deliveries import (
    COURSE,
    MAIN,
    NEW,
    OLD,
    WAYS,
    ZERO,
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
        yield opened


@pytest.fixture(params=WAYS, ids=str)
async def hook(request: pytest.FixtureRequest, door: FrontDoor) -> Hook:
    return await door.add_hook(a_hook(request.param))


@pytest.mark.parametrize("branch", ["feature/main", "maintenance", "other"])
async def test_case_30_a_push_to_another_branch_is_ignored(
    door: FrontDoor, hook: Hook, branch: str
) -> None:
    await door.track("refs/heads/main")

    answer = await door.post(
        hook, a_push(hook, some_facts(ref=Ref(f"refs/heads/{branch}")))
    )

    assert (answer.status, answer.json["status"]) == (202, "ignored")
    assert answer.json["reason"] == "not_tracked"
    assert door.pushes == []


async def test_case_30_a_branch_with_a_slash_is_still_a_branch(
    door: FrontDoor, hook: Hook
) -> None:
    await door.track("refs/heads/feature/x")

    answer = await door.post(
        hook, a_push(hook, some_facts(ref=Ref("refs/heads/feature/x")))
    )

    assert answer.json["status"] == "accepted"
    assert [push.ref for push in door.pushes] == ["refs/heads/feature/x"]


async def test_case_31_a_tag_is_not_the_branch_of_its_name(
    door: FrontDoor, hook: Hook
) -> None:
    await door.track("refs/heads/main")

    ignored = await door.post(hook, a_push(hook, some_facts(ref=Ref("refs/tags/main"))))
    accepted = await door.post(hook, a_push(hook))

    assert ignored.json["reason"] == "not_tracked"
    assert accepted.json["status"] == "accepted"


async def test_case_32_an_annotated_tag_stands_for_its_commit(
    door: FrontDoor, hook: Hook
) -> None:
    await door.track("refs/tags/v1")
    tag_object = "a" * 40
    facts = some_facts(
        ref=Ref("refs/tags/v1"), before=ZERO, after=tag_object, commits=()
    )

    await door.post(hook, a_push(hook, facts))

    assert [push.after for push in door.pushes] == [NEW]


async def test_case_32_a_moved_tag_is_looked_at(door: FrontDoor, hook: Hook) -> None:
    await door.track("refs/tags/v1")
    facts = some_facts(ref=Ref("refs/tags/v1"), before=OLD, after=NEW)

    answer = await door.post(hook, a_push(hook, facts))

    assert answer.json["status"] == "accepted"


async def test_case_33_no_push_moves_a_pinned_commit(
    door: FrontDoor, hook: Hook
) -> None:
    await door.track(NEW)

    answer = await door.post(hook, a_push(hook))

    assert answer.json["reason"] == "not_tracked"


async def test_case_34_a_branch_at_an_existing_commit_is_looked_at(
    door: FrontDoor, hook: Hook
) -> None:
    await door.track("refs/heads/new")
    facts = some_facts(
        ref=Ref("refs/heads/new"), before=ZERO, commits=(), base_ref=MAIN
    )

    answer = await door.post(hook, a_push(hook, facts))

    assert answer.json["status"] == "accepted"


async def test_case_35_the_first_push_of_a_repository_is_looked_at(
    door: FrontDoor, hook: Hook
) -> None:
    await door.track(None)

    answer = await door.post(hook, a_push(hook, some_facts(before=ZERO)))

    assert answer.json["status"] == "accepted"
    assert [push.before for push in door.pushes] == [ZERO]


async def test_case_36_a_deleted_branch_is_looked_at(
    door: FrontDoor, hook: Hook
) -> None:
    await door.track("main")

    answer = await door.post(
        hook, a_push(hook, some_facts(after=ZERO, head=None, commits=()))
    )

    assert answer.json["status"] == "accepted"
    assert [push.after for push in door.pushes] == [ZERO]


async def test_case_36_a_deleted_annotated_tag_is_not_peeled(
    door: FrontDoor, hook: Hook
) -> None:
    await door.track("refs/tags/v1")
    facts = some_facts(ref=Ref("refs/tags/v1"), after=ZERO, head=a_commit(), commits=())

    await door.post(hook, a_push(hook, facts))

    assert [push.after for push in door.pushes] == [ZERO]


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        ("refs/heads/gh-readonly-queue/main/pr-1-abc", "merge_queue"),
        ("refs/pull/1/head", "not_a_branch"),
        ("refs/merge-requests/1/head", "not_a_branch"),
        ("refs/notes/commits", "not_a_branch"),
        ("refs/meta/config", "not_a_branch"),
    ],
)
async def test_case_42_refs_that_nobody_can_follow_are_ignored(
    door: FrontDoor, ref: str, reason: str
) -> None:
    hook = await door.add_hook(a_hook())
    await door.track(None)
    push = a_push(hook, some_facts(ref=Ref(ref), commits=(), head=None))
    payload = payload_of(push) | {"pusher": {"name": "none"}}
    del payload["sender"]

    answer = await door.post(hook, a_post(hook, payload))

    assert (answer.status, answer.json["reason"]) == (202, reason)
    assert door.pushes == []


async def test_case_43_a_fork_does_not_speak_for_its_parent(
    door: FrontDoor, hook: Hook
) -> None:
    await door.track("main")
    fork = replace(COURSE, number=4712, path="student/course")

    answer = await door.post(hook, a_push(hook, some_facts(repository=fork)))

    assert answer.status == 403
    assert door.pushes == []


async def test_case_44_every_ref_of_one_git_push_is_looked_at(
    door: FrontDoor, hook: Hook
) -> None:
    branches = [f"refs/heads/b{number}" for number in range(5)]
    for branch in branches:
        await door.track(branch)

    for branch in branches:
        await door.post(hook, a_push(hook, some_facts(ref=Ref(branch))))

    assert [push.ref for push in door.pushes] == branches
