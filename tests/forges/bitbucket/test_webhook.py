"""Bitbucket Cloud's deliveries: several refs in one, short commit lists, no numbers."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from consumers.evaluation.claims import EvaluationClaims
from consumers.evaluation.enqueue import EvaluationEnqueuer
from consumers.loops.wakeup import Wakeup
from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId, Proof
from service.domain.push import Ignored
from service.errors import (
    BadSignatureError,
    ForeignRepositoryError,
    MalformedDeliveryError,
    UnsupportedMediaError,
)
from service.events.models import PushReceived
from service.forges import child_parser, hmac256
from service.forges.bitbucket import SPEC
from service.forges.bitbucket.outgoing import MAX_COMMITS
from service.forges.bitbucket.payloads import MAX_CHANGES
from service.forges.spec import Parsed
from tests.support.clock import NOW
from tests.support.deliveries import (
    COURSE,
    NEW,
    OLD,
    ZERO,
    Post,
    Way,
    a_commit,
    a_hook,
    a_post,
    a_push,
    payload_of,
    some_facts,
)
from tests.support.front_door import FrontDoor, front_door
from tests.support.world import DEBOUNCE

BOTH = ["refs/heads/main", "refs/heads/week-1"]
WAY = Way(Forge.BITBUCKET, Proof.HMAC)
BESIDE = Path(__file__).parents[4] / "shared" / "payloads"
PAYLOADS = Path(os.environ.get("RELAUNCH_PAYLOADS", BESIDE)) / "bitbucket-cloud"  # noqa: TID251 - no settings tree in tests


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        yield opened


@pytest.fixture
def hook() -> Hook:
    return a_hook(WAY)


def a_payload(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    payload = payload_of(a_push(a_hook(WAY)))
    if changes:
        payload["push"] = {"changes": list(changes)}
    return {**payload, **more}


def a_ref(name: str, commit: str, kind: str = "branch") -> dict[str, Any]:
    return {"type": kind, "name": name, "target": {"type": "commit", "hash": commit}}


def a_change(
    name: str, old: str | None = OLD, new: str | None = NEW, *, kind: str = "branch"
) -> dict[str, Any]:
    return {
        "old": a_ref(name, old, kind) if old else None,
        "new": a_ref(name, new, kind) if new else None,
        "created": old is None,
        "closed": new is None,
        "forced": False,
        "truncated": False,
        "commits": [],
    }


def parsed(hook: Hook, payload: object, **more: Any) -> Parsed:
    return SPEC.codec.parse(hook, a_post(hook, payload, **more).arrived())


def refs_of(pushes: Parsed) -> list[tuple[str, str, str]]:
    assert isinstance(pushes, tuple)
    return [(push.ref, push.before, push.after) for push in pushes]


# Who is believed


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha1=3dca279e731c97c38e3019a075dee9ebbd0a99f0",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ],
)
def test_a_missing_or_forged_signature_is_refused(
    hook: Hook, header: str | None
) -> None:
    post = a_push(hook).but(x_hub_signature=header)
    also_as_github = post.but(
        x_hub_signature_256=hmac256.signature(hook.secrets[0], post.body)
    )

    for sent in (post, also_as_github):
        with pytest.raises(BadSignatureError):
            SPEC.codec.verify(hook, sent.arrived(), NOW)


def test_a_hooks_uuid_is_no_secret(hook: Hook) -> None:
    """Bitbucket sends it openly with every delivery."""
    post = a_push(hook).but(x_hub_signature=None, x_hook_uuid="{a-uuid}")

    with pytest.raises(BadSignatureError):
        SPEC.codec.verify(hook, post.arrived(), NOW)


# What a delivery says


def test_every_ref_of_one_push_becomes_a_push(hook: Hook) -> None:
    pushes = parsed(
        hook,
        a_payload(
            a_change("main"),
            a_change("new", None),
            a_change("gone", OLD, None),
            a_change("v1", None, kind="tag"),
            a_change("v0", OLD, None, kind="tag"),
        ),
    )

    assert refs_of(pushes) == [
        ("refs/heads/main", OLD, NEW),
        ("refs/heads/new", ZERO, NEW),
        ("refs/heads/gone", OLD, ZERO),
        ("refs/tags/v1", ZERO, NEW),
        ("refs/tags/v0", OLD, ZERO),
    ]
    assert isinstance(pushes, tuple)
    assert [push.is_deletion for push in pushes] == [False, False, True, False, True]
    assert {push.repository for push in pushes} == {COURSE}


def test_a_child_returns_every_ref_too(hook: Hook) -> None:
    payload = a_payload(*(a_change(f"b{number}") for number in range(50)))
    delivery = a_post(hook, payload).arrived()

    question = child_parser.question(hook, delivery)
    answer = child_parser.answer_of(next(child_parser.converse(question)))

    assert answer == SPEC.codec.parse(hook, delivery)
    assert isinstance(answer, tuple)
    assert len(answer) == 50


def test_a_force_push_back_without_commits_is_a_push(hook: Hook) -> None:
    change = a_change("main", NEW, OLD) | {"forced": True}

    assert refs_of(parsed(hook, a_payload(change))) == [("refs/heads/main", NEW, OLD)]


def test_a_list_of_commits_that_was_cut_changes_nothing(hook: Hook) -> None:
    commits = [a_commit(f"{number:040x}") for number in range(1, 20)]
    post = a_push(hook, some_facts(commits=commits))
    payload: Any = payload_of(post)
    (change,) = payload["push"]["changes"]

    assert change["truncated"] is True
    listed = [commit["hash"] for commit in change["commits"]]
    assert listed == [commit.id for commit in commits[: -MAX_COMMITS - 1 : -1]]
    assert refs_of(SPEC.codec.parse(hook, post.arrived())) == [
        ("refs/heads/main", OLD, NEW)
    ]


@pytest.mark.parametrize("kind", ["named_branch", "bookmark", "an_idea_of_tomorrow"])
def test_what_is_neither_branch_nor_tag_is_passed_over(hook: Hook, kind: str) -> None:
    odd = a_change("main", kind=kind)

    alone = parsed(hook, a_payload(odd))
    beside = parsed(hook, a_payload(odd, a_change("main")))

    assert isinstance(alone, Ignored)
    assert (alone.reason, alone.repository) == ("not_a_branch", COURSE)
    assert refs_of(beside) == [("refs/heads/main", OLD, NEW)]


def test_a_push_without_changes_is_ignored(hook: Hook) -> None:
    ignored = parsed(hook, a_payload() | {"push": {"changes": []}})

    assert isinstance(ignored, Ignored)


@pytest.mark.parametrize(
    "change",
    [
        {"old": None, "new": None},
        {"old": None},
        {"old": None, "new": a_ref("a..b", NEW)},
        {"old": None, "new": a_ref("", NEW)},
        {"old": None, "new": a_ref("\ud800", NEW)},
        {"old": None, "new": a_ref("main", "abc1234")},
        {"old": None, "new": a_ref("main", NEW.upper().replace("2", "A"))},
        {"old": None, "new": {"type": "branch", "name": "main", "target": None}},
        {"old": 7, "new": a_ref("main", NEW)},
        [],
        None,
    ],
)
def test_a_change_that_is_none_is_malformed(hook: Hook, change: Any) -> None:
    """One of several, too: half a delivery is not read."""
    with pytest.raises(MalformedDeliveryError, match="changes"):
        parsed(hook, a_payload(a_change("main"), change))


def test_more_changes_than_bitbucket_can_send_are_malformed(hook: Hook) -> None:
    most = [a_change("main")] * MAX_CHANGES

    assert parsed(hook, a_payload(*most))
    with pytest.raises(MalformedDeliveryError, match="changes"):
        parsed(hook, a_payload(*most, a_change("main")))


@pytest.mark.parametrize("field", ["push", "repository"])
def test_a_push_without_what_makes_it_one_is_malformed(hook: Hook, field: str) -> None:
    payload = a_payload()
    del payload[field]

    with pytest.raises(MalformedDeliveryError, match=field):
        parsed(hook, payload)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"null", b'{"push": ', b'{"push": NaN}', b"\xef\xbb\xbf{}"),
        *(b'{"a": 1, "a": 2}', b'{"a": [{"b": 1, "b": 2}]}', b"[" * 100_000, b"\xff"),
    ],
)
def test_what_is_no_strict_json_object_is_malformed(hook: Hook, body: bytes) -> None:
    with pytest.raises(MalformedDeliveryError):
        parsed(hook, body)


def test_forms_are_not_what_bitbucket_sends(hook: Hook) -> None:
    form = "application/x-www-form-urlencoded"

    with pytest.raises(UnsupportedMediaError):
        parsed(hook, b"payload=%7B%7D", content_type=form)


def test_an_event_that_is_missing_or_doubled_is_malformed(hook: Hook) -> None:
    post = a_push(hook)
    twice = CIMultiDict(post.headers)
    twice.add("X-Event-Key", "repo:push")

    with pytest.raises(MalformedDeliveryError, match="X-Event-Key is missing"):
        SPEC.codec.parse(hook, post.but(x_event_key=None).arrived())
    with pytest.raises(MalformedDeliveryError, match="more than once"):
        SPEC.codec.parse(hook, replace(post.arrived(), headers=twice))


@pytest.mark.parametrize(
    "event", ["repo:fork", "pullrequest:created", "diagnostics:ping"]
)
def test_events_that_move_no_ref_are_ignored(hook: Hook, event: str) -> None:
    with_repository = parsed(hook, a_payload(), event=event)
    without = parsed(hook, {"test": True}, event=event)

    for ignored in (with_repository, without):
        assert isinstance(ignored, Ignored)
        assert ignored.reason == "event_ignored"


@pytest.mark.parametrize("event", ["repo:push", "repo:updated", "repo:fork"])
def test_another_repository_is_refused_whatever_the_event(
    hook: Hook, event: str
) -> None:
    payload = a_payload()
    payload["repository"]["full_name"] = "uni/other"

    with pytest.raises(ForeignRepositoryError):
        parsed(hook, payload, event=event)


def test_a_rename_is_recognised_by_the_old_name_and_says_what_to_do(hook: Hook) -> None:
    """There is no number, so the next push is about another repository."""
    renamed = a_payload() | {
        "changes": {"full_name": {"old": COURSE.path, "new": "uni/renamed"}}
    }
    renamed["repository"]["full_name"] = "uni/renamed"

    ignored = parsed(hook, renamed, event="repo:updated")

    assert isinstance(ignored, Ignored)
    assert (ignored.reason, ignored.repository) == ("repository_renamed", COURSE)
    assert "Add a hook for uni/renamed" in ignored.message


def test_a_rename_of_something_else_into_our_name_is_no_way_in(hook: Hook) -> None:
    payload = a_payload() | {
        "changes": {"full_name": {"old": COURSE.path, "new": "x/y"}}
    }
    payload["repository"]["full_name"] = "uni/other"

    with pytest.raises(ForeignRepositoryError):
        parsed(hook, payload, event="repo:updated")


# Through the front door


async def test_every_followed_ref_of_a_delivery_is_an_event_and_a_record(
    door: FrontDoor, hook: Hook
) -> None:
    await door.add_hook(hook)
    for ref in BOTH:
        await door.track(ref)
    post = a_post(
        hook, a_payload(a_change("other"), a_change("main"), a_change("week-1"))
    )

    first = await door.post(hook, post)
    again = await door.post(hook, post)
    await door.log.flush()
    async with door.store.reading() as tx:
        of_receiver = await tx.deliveries.list()
    for event, push in zip(door.bus.events, door.pushes, strict=True):
        await an_enqueuer(door).handle(event, push)

    assert (first.status, first.json["status"]) == (202, "accepted")
    assert (
        "refs/heads/main and refs/heads/week-1 of uni/course" in first.json["message"]
    )
    assert again.json["status"] == "duplicate"
    assert [push.ref for push in door.pushes] == [
        "refs/heads/main",
        "refs/heads/week-1",
    ]
    ids = [push.delivery_id for push in door.pushes]
    assert ids[0] == first.json["delivery"]
    assert len(set(ids)) == 2
    async with door.store.reading() as tx:
        records = await tx.deliveries.list()
    for seen in (of_receiver, records):
        assert {record.id: record.ref for record in seen} == {
            push.delivery_id: push.ref for push in door.pushes
        }


def an_enqueuer(door: FrontDoor) -> EvaluationEnqueuer:
    return EvaluationEnqueuer(
        store=door.store,
        debounce=DEBOUNCE,
        claims=EvaluationClaims(
            store=door.store, clock=door.clock, wakeup=Wakeup(clock=door.clock)
        ),
    )


async def test_of_a_ref_that_moved_twice_the_newest_counts(
    door: FrontDoor, hook: Hook
) -> None:
    await door.add_hook(hook)
    await door.track("main")
    changes = (a_change("main", ZERO[:39] + "1", OLD), a_change("main", OLD, NEW))

    await door.post(hook, a_post(hook, a_payload(*changes)))

    assert [push.after for push in door.pushes] == [NEW]


async def test_nothing_is_lost_when_several_refs_cannot_be_kept(
    door: FrontDoor, hook: Hook
) -> None:
    await door.add_hook(hook)
    for ref in BOTH:
        await door.track(ref)
    post = a_post(hook, a_payload(a_change("main"), a_change("week-1")))
    door.bus.is_broken = door.store.is_write_broken = True
    refused = await door.post(hook, post)
    door.bus.is_broken = door.store.is_write_broken = False

    accepted = await door.post(hook, post)

    assert (refused.status, accepted.json["status"]) == (503, "accepted")
    assert {push.ref for push in door.pushes} == {
        "refs/heads/main",
        "refs/heads/week-1",
    }


async def test_several_refs_share_the_time_that_a_silent_bus_takes(
    tmp_path: Path,
) -> None:
    async with front_door(tmp_path, budget=timedelta(seconds=0.3)) as door:
        hook = await door.add_hook(a_hook(WAY))
        refs = [f"week-{number}" for number in range(12)]
        for ref in refs:
            await door.track(ref)
        door.bus.is_silent = True

        answer = await door.post(hook, a_post(hook, a_payload(*map(a_change, refs))))

        assert (answer.status, answer.json["status"]) == (202, "accepted")
        assert len(await door.spooled()) == len(refs)
        assert door.bus.attempts == 1, "each ref waits for the budget of its own"


async def test_refs_that_nobody_follows_are_named(door: FrontDoor, hook: Hook) -> None:
    await door.add_hook(hook)
    await door.track("main")
    changes = (a_change(f"b{number}") for number in range(6))

    answer = await door.post(hook, a_post(hook, a_payload(*changes)))

    assert answer.json["reason"] == "not_tracked"
    assert answer.json["message"] == (
        "No launcher follows refs/heads/b0 and refs/heads/b1 and refs/heads/b2 "
        "and 3 more of uni/course."
    )


@pytest.mark.skipif(
    not PAYLOADS.is_dir(), reason="no captured payloads: set RELAUNCH_PAYLOADS"
)
async def test_every_captured_delivery_is_accepted(door: FrontDoor) -> None:
    names = {
        "push": "refs/heads/master",
        "push_branch_create": "refs/heads/develop",
        "push_branch_delete": "refs/heads/develop",
        "push_tag_create": "refs/tags/feature/x",
        "push_tag_delete": "refs/tags/feature/x",
    }
    for file in sorted(PAYLOADS.glob("*.json")):
        body = file.read_bytes()
        path = json.loads(body)["repository"]["full_name"]
        theirs = replace(COURSE, path=path, number=None)
        id_ = HookId(file.stem.replace("_", "-"))
        hook = await door.add_hook(a_hook(WAY, id=id_, repository=theirs))
        ref = names[file.stem.partition("-")[2]]
        await door.track(ref, theirs)
        door.clock.advance(timedelta(seconds=3))

        answer = await door.post(hook, a_post(hook, body))

        assert (answer.status, answer.json["status"]) == (202, "accepted"), file
        assert door.pushes[-1].ref == ref
        assert isinstance(door.pushes[-1], PushReceived)


def test_the_header_of_a_delivery_is_its_name(hook: Hook) -> None:
    """Retries keep it; `X-Attempt-Number` counts them."""
    post: Post = a_push(hook, delivery_id="a-uuid").but(x_attempt_number="2")

    assert SPEC.delivery_name(post.arrived()) == "a-uuid"
    assert SPEC.event_name(post.arrived()) == "repo:push"


def test_a_push_says_nothing_of_the_default_branch(hook: Hook) -> None:
    pushes = parsed(hook, a_payload())

    assert isinstance(pushes, tuple)
    assert [push.default_branch for push in pushes] == [None]
