"""Gitea's and Forgejo's deliveries: two names for each header, and GitHub's beside."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from service.domain.delivery import Forge
from service.domain.hook import Hook, HookId, Proof
from service.domain.push import Ignored, Push, Suggestion
from service.domain.repository import Ref
from service.errors import (
    BadSignatureError,
    ForeignRepositoryError,
    MalformedDeliveryError,
    UnsupportedMediaError,
)
from service.forges import hmac256
from service.forges.gitea import SPEC
from service.forges.gitea.outgoing import MAX_COMMITS
from tests.support.clock import NOW
from tests.support.deliveries import (
    COURSE,
    MAIN,
    NEW,
    OLD,
    ZERO,
    Post,
    Way,
    a_commit,
    a_hook,
    a_post,
    a_push,
    parse,
    payload_of,
    some_facts,
)
from tests.support.front_door import FrontDoor, front_door

WAY = Way(Forge.GITEA, Proof.HMAC)
BESIDE = Path(__file__).parents[4] / "shared" / "payloads"
PAYLOADS = Path(os.environ.get("RELAUNCH_PAYLOADS", BESIDE)) / "gitea"  # noqa: TID251 - no settings tree in tests


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[FrontDoor]:
    async with front_door(tmp_path) as opened:
        yield opened


@pytest.fixture
def hook() -> Hook:
    return a_hook(WAY)


def a_payload(**changes: Any) -> dict[str, Any]:
    return {**payload_of(a_push(a_hook(WAY))), **changes}


def of_forgejo(post: Post) -> Post:
    """As Forgejo sends it: under its own name, Gitea's and GitHub's."""
    headers = post.headers
    return post.but(
        x_forgejo_event=headers["X-Gitea-Event"],
        x_forgejo_delivery=headers["X-Gitea-Delivery"],
        x_forgejo_signature=headers["X-Gitea-Signature"],
        x_github_event=headers["X-Gitea-Event"],
        x_github_delivery=headers["X-Gitea-Delivery"],
        x_hub_signature_256=f"sha256={headers['X-Gitea-Signature']}",
    )


# Who is believed


def test_a_delivery_of_forgejo_is_believed_and_read(hook: Hook) -> None:
    post = of_forgejo(a_push(hook))
    without_gitea = post.but(
        x_gitea_event=None, x_gitea_delivery=None, x_gitea_signature=None
    )

    for sent in (post, without_gitea):
        assert SPEC.codec.verify(hook, sent.arrived(), NOW).secret_index == 0
        assert SPEC.event_name(sent.arrived()) == "push"
        assert SPEC.delivery_name(sent.arrived()) == post.headers["X-Gitea-Delivery"]
        assert isinstance(parse(hook, sent), Push)


@pytest.mark.parametrize("name", ["x_gitea_signature", "x_forgejo_signature"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256=",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ],
)
def test_a_forged_signature_is_refused_whatever_github_headers_say(
    hook: Hook, name: str, text: str
) -> None:
    """A hook without a secret sends the headers empty."""
    post = a_push(hook)
    right = hmac256.signature(hook.secrets[0], post.body)
    forged = post.but(**{"x_hub_signature_256": right, name: text})

    with pytest.raises(BadSignatureError):
        SPEC.codec.verify(hook, forged.arrived(), NOW)


def test_a_signature_with_githubs_prefix_or_in_capitals_is_none(hook: Hook) -> None:
    post = a_push(hook)
    right = post.headers["X-Gitea-Signature"]

    for text in (f"sha256={right}", right.upper()):
        with pytest.raises(BadSignatureError):
            SPEC.codec.verify(hook, post.but(x_gitea_signature=text).arrived(), NOW)


def test_a_doubled_signature_of_forgejo_is_none_beside_a_right_one(hook: Hook) -> None:
    post = of_forgejo(a_push(hook))
    twice = CIMultiDict(post.headers)
    twice.add("X-Forgejo-Signature", post.headers["X-Gitea-Signature"])

    with pytest.raises(BadSignatureError):
        SPEC.codec.verify(hook, replace(post.arrived(), headers=twice), NOW)


# What a delivery says


def test_a_push_is_read(hook: Hook) -> None:
    assert parse(hook, a_push(hook)) == Push(
        repository=COURSE, ref=MAIN, before=OLD, after=NEW, default_branch="main"
    )


@pytest.mark.parametrize(
    ("kind", "ref"), [("branch", "refs/heads/week/1"), ("tag", "refs/tags/week/1")]
)
def test_a_deletion_is_a_push_to_zeros(hook: Hook, kind: str, ref: str) -> None:
    """Gitea sends no push for a branch that is gone."""
    payload = a_payload(ref="week/1", ref_type=kind, pusher_type="user")

    push = parse(hook, a_post(hook, payload, event="delete"))

    assert isinstance(push, Push)
    assert (push.ref, push.before, push.after) == (ref, "", ZERO)
    assert push.is_deletion


@pytest.mark.parametrize(
    "changes",
    [
        {"ref": "a..b", "ref_type": "branch"},
        {"ref": "", "ref_type": "branch"},
        {"ref": "main", "ref_type": "note"},
        {"ref": "main"},
        {"ref": None, "ref_type": "tag"},
    ],
)
def test_a_deletion_of_no_ref_is_malformed(hook: Hook, changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedDeliveryError, match="ref"):
        parse(hook, a_post(hook, a_payload(**changes), event="delete"))


def test_a_force_push_back_without_commits_is_a_push(hook: Hook) -> None:
    facts = some_facts(before=NEW, after=OLD, head=a_commit(OLD), commits=())

    push = parse(hook, a_push(hook, facts))

    assert isinstance(push, Push)
    assert (push.before, push.after) == (NEW, OLD)


def test_the_newest_five_commits_are_listed_and_counted(hook: Hook) -> None:
    commits = [a_commit(f"{number:040x}") for number in range(1, 9)]
    payload: Any = payload_of(a_push(hook, some_facts(commits=commits)))

    listed = [commit["id"] for commit in payload["commits"]]
    assert listed == [commit.id for commit in commits[: -MAX_COMMITS - 1 : -1]]
    assert payload["total_commits"] == 8


def test_an_annotated_tag_stands_for_its_commit_where_that_is_said(hook: Hook) -> None:
    facts = some_facts(ref=Ref("refs/tags/v1"), before=ZERO, after="a" * 40)
    payload = payload_of(a_push(hook, facts))

    peeled = parse(hook, a_post(hook, payload))
    unpeeled = parse(hook, a_post(hook, payload | {"head_commit": None}))

    assert isinstance(peeled, Push)
    assert isinstance(unpeeled, Push)
    assert (peeled.after, unpeeled.after) == (NEW, "a" * 40)


def test_a_renamed_repository_is_known_by_its_number(hook: Hook) -> None:
    """No event says that it was renamed; its next push does."""
    payload = a_payload()
    payload["repository"]["full_name"] = "uni/renamed"

    push = parse(hook, a_post(hook, payload))

    assert isinstance(push, Push)
    assert push.repository == COURSE
    assert push.suggestion == Suggestion(path="uni/renamed", number=None)


@pytest.mark.parametrize("event", ["push", "delete", "create", "issues"])
def test_another_repository_is_refused_whatever_the_event(
    hook: Hook, event: str
) -> None:
    payload = a_payload(ref_type="branch") | (
        {"ref": "main"} if event != "push" else {}
    )
    payload["repository"] |= {"id": 1, "full_name": "uni/other"}

    with pytest.raises(ForeignRepositoryError):
        parse(hook, a_post(hook, payload, event=event))


@pytest.mark.parametrize(
    ("event", "changes", "reason"),
    [
        ("create", {"ref": "x", "ref_type": "branch"}, "covered_by_push"),
        ("repository", {"action": "deleted"}, "repository_deleted"),
        ("repository", {"action": "x" * 999}, "repository_changed"),
        ("pull_request", {}, "event_ignored"),
        ("an_event_of_tomorrow", {}, "event_ignored"),
        ("push", {"before": ZERO, "after": ZERO}, "sample"),
        ("push", {"ref": "refs/pull/1/head"}, "not_a_branch"),
        ("push", {"ref": "refs/for/main"}, "not_a_branch"),
    ],
)
def test_what_asks_for_nothing_is_ignored(
    hook: Hook, event: str, changes: dict[str, Any], reason: str
) -> None:
    ignored = parse(hook, a_post(hook, a_payload(**changes), event=event))

    assert isinstance(ignored, Ignored)
    assert (ignored.reason, ignored.repository) == (reason, COURSE)


def test_a_test_delivery_is_a_push_that_moved_nothing(hook: Hook) -> None:
    push = parse(hook, a_post(hook, a_payload(before=NEW)))

    assert isinstance(push, Push)
    assert (push.before, push.after) == (NEW, NEW)


@pytest.mark.parametrize("field", ["ref", "before", "after", "repository"])
def test_a_push_without_what_makes_it_one_is_malformed(hook: Hook, field: str) -> None:
    payload = a_payload()
    del payload[field]

    with pytest.raises(MalformedDeliveryError, match=field):
        parse(hook, a_post(hook, payload))


@pytest.mark.parametrize("sha", ["", "0", "g" * 40, "A" * 40, "1" * 41, None])
def test_an_id_that_is_no_object_id_is_malformed(hook: Hook, sha: object) -> None:
    with pytest.raises(MalformedDeliveryError, match="after"):
        parse(hook, a_post(hook, a_payload(after=sha)))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"null", b'{"ref": ', b'{"ref": NaN}', b"\xef\xbb\xbf{}"),
        *(b'{"a": 1, "a": 2}', b'{"a": [{"b": 1, "b": 2}]}', b"[" * 100_000, b"\xff"),
    ],
)
def test_what_is_no_strict_json_object_is_malformed(hook: Hook, body: bytes) -> None:
    with pytest.raises(MalformedDeliveryError):
        parse(hook, a_post(hook, body))


def test_a_form_is_refused_because_its_signature_is_over_something_else(
    hook: Hook,
) -> None:
    form = "application/x-www-form-urlencoded"

    with pytest.raises(UnsupportedMediaError, match="application/json"):
        parse(hook, a_post(hook, b"payload=%7B%7D", content_type=form))


def test_an_event_that_is_missing_or_doubled_is_malformed(hook: Hook) -> None:
    post = a_push(hook).but(x_github_event="push")
    twice = CIMultiDict(post.headers)
    twice.add("X-Gitea-Event", "push")

    with pytest.raises(MalformedDeliveryError, match="X-Gitea-Event is missing"):
        parse(hook, post.but(x_gitea_event=None))
    with pytest.raises(MalformedDeliveryError, match="more than once"):
        parse(hook, replace(post.arrived(), headers=twice))


# Through the front door


async def test_a_big_push_with_old_fields_is_accepted_and_its_secret_kept_nowhere(
    door: FrontDoor, hook: Hook
) -> None:
    """Before 1.14 the payload held the hook's secret."""
    await door.add_hook(hook)
    await door.track("main")
    commits = [{"id": NEW, "message": "m" * 2_000_000}]
    secret = hook.secrets[0].reveal()

    answer = await door.post(
        hook, a_post(hook, a_payload(commits=commits, secret=secret))
    )

    assert (answer.status, answer.json["status"]) == (202, "accepted")
    assert secret not in str(door.bus.events)
    assert secret.encode() not in answer.body


@pytest.mark.skipif(
    not PAYLOADS.is_dir(), reason="no captured payloads: set RELAUNCH_PAYLOADS"
)
async def test_every_captured_delivery_is_read(door: FrontDoor) -> None:
    expected = {
        "push": ("push", "accepted", "refs/heads/master"),
        "branch_create": ("create", "ignored", None),
        "branch_delete": ("delete", "accepted", "refs/heads/feature"),
        "tag_create": ("create", "ignored", None),
        "tag_delete": ("delete", "accepted", "refs/tags/v1.0.0"),
    }
    for file in sorted(PAYLOADS.glob("*.json")):
        body = file.read_bytes()
        about = json.loads(body)["repository"]
        theirs = replace(COURSE, path=about["full_name"], number=about["id"])
        event, status, ref = expected[file.stem.partition("-")[2]]
        id_ = HookId(file.stem.replace("_", "-"))
        hook = await door.add_hook(a_hook(WAY, id=id_, repository=theirs))
        await door.track(ref, theirs)
        door.clock.advance(timedelta(seconds=3))

        answer = await door.post(hook, a_post(hook, body, event=event))

        assert (answer.status, answer.json["status"]) == (202, status), file
        if ref is not None:
            assert door.pushes[-1].ref == ref
