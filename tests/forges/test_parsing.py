"""What deliveries tell: bodies, names and identity. Cases 83 and 85 and beside."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from multidict import CIMultiDict

from service.domain.hook import Hook, Proof
from service.domain.push import Ignored, Push, Suggestion
from service.domain.repository import Ref
from service.errors import (
    DeliveryError,
    ForeignRepositoryError,
    MalformedDeliveryError,
    UnsupportedMediaError,
)
from service.forges.github.payloads import PUSHES
from service.forges.registry import FORGES
from tests.support.deliveries import (
    COURSE,
    MAIN,
    a_hook,
    a_post,
    a_push,
    parse,
    payload_of,
    some_facts,
)

FORM = "application/x-www-form-urlencoded"


def told(hook: Hook, payload: object, **more: Any) -> Push | Ignored:
    return parse(hook, a_post(hook, payload, **more))


def a_payload(**changes: Any) -> dict[str, Any]:
    payload = payload_of(a_push(a_hook()))
    return {**payload, **changes}


def test_a_push_is_told_in_our_words() -> None:
    hook = a_hook()

    push = told(hook, a_payload())

    assert push == Push(
        repository=COURSE,
        ref=MAIN,
        before="1" * 40,
        after="2" * 40,
        default_branch="main",
    )


def test_host_and_url_are_the_hooks_whatever_the_payload_says() -> None:
    hook = a_hook()
    payload = a_payload()
    payload["repository"] |= {
        "clone_url": "http://169.254.169.254/",
        "full_name": "uni/renamed",
    }

    push = told(hook, payload)

    assert isinstance(push, Push)
    assert push.repository == COURSE
    assert push.suggestion == Suggestion(path="uni/renamed", number=None)


def test_another_number_under_the_name_is_a_reason_to_look_and_no_more() -> None:
    payload = a_payload()
    payload["repository"]["id"] = 4712

    push = told(a_hook(), payload)

    assert isinstance(push, Push)
    assert push.repository == COURSE
    assert push.suggestion == Suggestion(path="uni/course", number=4712)


def test_another_number_under_another_name_is_another_repository() -> None:
    payload = a_payload()
    payload["repository"] |= {"id": 4712, "full_name": "uni/other"}

    with pytest.raises(ForeignRepositoryError):
        told(a_hook(), payload)


def test_a_hook_without_a_number_is_bound_by_path() -> None:
    hook = a_hook(repository=replace(COURSE, number=None))
    foreign = a_payload()
    foreign["repository"]["full_name"] = "uni/other"

    assert told(hook, a_payload()).repository == hook.repository
    with pytest.raises(ForeignRepositoryError):
        told(hook, foreign)


def test_a_ping_about_another_repository_is_refused_too() -> None:
    payload = {"zen": "…", "repository": {"id": 9, "full_name": "uni/other"}}

    with pytest.raises(ForeignRepositoryError):
        told(a_hook(), payload, event="ping")


def test_lists_that_are_null_are_empty() -> None:
    push = told(a_hook(), a_payload(commits=None, head_commit=None, pusher=None))

    assert isinstance(push, Push)


@pytest.mark.parametrize("proof", [Proof.HMAC, Proof.SECRET_TOKEN])
def test_what_nobody_reads_may_be_odd(proof: Proof) -> None:
    hook = a_hook(proof)
    body = a_push(hook, some_facts()).body.replace(
        b'"commits":[', b'"commits":[7, {"added": ["\\ud800", 3], "modified": {}}, '
    )

    push = told(hook, body)

    assert b"ud800" in body
    assert isinstance(push, Push)


def test_a_field_named_by_half_a_character_is_told_of() -> None:
    payload = a_payload() | {"\ud800": 1}

    with pytest.raises(MalformedDeliveryError, match="half a character"):
        told(a_hook(), payload)
    other = told(a_hook(Proof.SECRET_TOKEN), {"\ud800": 1})
    assert isinstance(other, Ignored)
    assert other.reason == "unrecognised"


@pytest.mark.parametrize(
    "ref",
    [
        "main",
        "refs/heads/",
        "refs/heads",
        "refs/heads/a..b",
        "refs/heads/a//b",
        "refs/heads/.a",
        "refs/heads/a/.b",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/a.",
        "refs/heads/a b",
        "refs/heads/a\n",
        "refs/heads/a\x00",
        "refs/heads/a~1",
        "refs/heads/a^",
        "refs/heads/a:b",
        "refs/heads/a?",
        "refs/heads/a*",
        "refs/heads/a[b",
        "refs/heads/a\\b",
        "refs/heads/a@{1}",
        "refs/heads/\ud800",
        "refs/heads/" + "a" * 1024,
        "",
        None,
        7,
    ],
)
def test_a_ref_that_git_would_not_take_is_malformed(ref: object) -> None:
    with pytest.raises(MalformedDeliveryError, match="ref"):
        told(a_hook(), a_payload(ref=ref))


@pytest.mark.parametrize("ref", ["refs/heads/ü/→", "refs/heads/@", "refs/heads/-x"])
def test_a_ref_that_git_takes_is_taken(ref: str) -> None:
    push = told(a_hook(), a_payload(ref=ref))

    assert isinstance(push, Push)
    assert push.ref == ref


@pytest.mark.parametrize("sha", ["", "0", "g" * 40, "A" * 40, "1" * 41, "1" * 63, None])
def test_an_id_that_is_no_object_id_is_malformed(sha: object) -> None:
    with pytest.raises(MalformedDeliveryError, match="after"):
        told(a_hook(), a_payload(after=sha))


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**400, 1.0, "4711", True, None])
def test_a_number_that_is_no_repositorys_is_malformed(number: object) -> None:
    payload = a_payload()
    payload["repository"]["id"] = number

    with pytest.raises(MalformedDeliveryError, match=r"repository\.id"):
        told(a_hook(), payload)


@pytest.mark.parametrize("path", ["", "/", "a\x00b", "\ud800", "a\nb", "a" * 2000])
def test_a_path_that_is_no_repositorys_is_malformed(path: str) -> None:
    payload = a_payload()
    payload["repository"]["full_name"] = path

    with pytest.raises(MalformedDeliveryError, match="repository: full_name"):
        told(a_hook(), payload)


@pytest.mark.parametrize("name", ["a..b", "\ud800", "", " "])
def test_a_default_branch_that_is_no_branch_is_not_known(name: str) -> None:
    payload = a_payload()
    payload["repository"]["default_branch"] = name

    push = told(a_hook(), payload)

    assert isinstance(push, Push)
    assert push.default_branch is None


def test_case_83_a_form_body_is_read() -> None:
    hook = a_hook()
    body = urlencode({"payload": json.dumps(a_payload())}).encode()

    assert isinstance(told(hook, body, content_type=FORM), Push)
    assert isinstance(told(hook, body, content_type=f"{FORM}; charset=UTF-8"), Push)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"other=1",
        b"payload=%7B%7D&payload=%7B%7D",
        b"payload=%FF",
        b"payload=%ED%A0%80",
        b"payload=\xff",
        b"a&" * 100 + b"payload=%7B%7D",
    ],
)
def test_case_83_a_form_without_exactly_one_payload_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDeliveryError):
        told(a_hook(), body, content_type=FORM)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/vnd.github+json",
        "application/json; charset=utf-16",
        "application/json; charset*=x'y'z",
        "multipart/form-data",
        "é",
        "",
        ";",
    ],
)
def test_case_83_other_content_types_are_unsupported(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaError, match="expected"):
        told(a_hook(), a_payload(), content_type=content_type)


def test_case_83_gitlab_sends_no_forms() -> None:
    with pytest.raises(UnsupportedMediaError):
        told(a_hook(Proof.SECRET_TOKEN), b"payload=%7B%7D", content_type=FORM)


BAD_JSON = {
    "empty": b"",
    "cut": b'{"ref": "refs/hea',
    "not utf-8": b'{"ref": "\xff"}',
    "utf-16": '{"ref": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "nan": b'{"ref": NaN}',
    "infinity": b'{"ref": -Infinity}',
    "a number of 5000 digits": b'{"ref": ' + b"1" * 5000 + b"}",
    "a key twice": b'{"ref": 1, "ref": 2}',
    "a deep key twice": b'{"a": [{"ref": 1, "ref": 2}]}',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "two values": b"{} {}",
    "control character": b'{"a": "\x00"}',
}


@pytest.mark.parametrize("proof", [Proof.HMAC, Proof.SECRET_TOKEN])
@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON.keys())
def test_case_85_what_is_no_strict_json_is_malformed(proof: Proof, body: bytes) -> None:
    with pytest.raises(MalformedDeliveryError):
        told(a_hook(proof), body)


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"x"', b"true"])
def test_case_85_a_payload_of_github_is_an_object(body: bytes) -> None:
    with pytest.raises(MalformedDeliveryError):
        told(a_hook(), body)
    assert isinstance(told(a_hook(Proof.SECRET_TOKEN), body), Ignored)


@pytest.mark.parametrize("field", ["ref", "before", "after", "repository"])
def test_case_85_a_push_without_what_makes_it_one_is_malformed(field: str) -> None:
    payload = a_payload()
    del payload[field]

    with pytest.raises(MalformedDeliveryError, match=field):
        told(a_hook(), payload)


@pytest.mark.parametrize("field", ["sender", "pusher", "head_commit", "commits"])
def test_case_85_what_is_not_needed_may_be_missing(field: str) -> None:
    payload = a_payload()
    del payload[field]

    assert isinstance(told(a_hook(), payload), Push)


@pytest.mark.parametrize("name", ["x-github-event", "x-github-delivery"])
def test_case_84_names_sent_twice_are_malformed(name: str) -> None:
    hook = a_hook()
    post = a_push(hook)
    headers = CIMultiDict(post.headers)
    headers.add(name, "ping")
    doubled = replace(post.arrived(), headers=headers)
    spec = FORGES[hook.forge]
    read = spec.event_name if name == "x-github-event" else spec.delivery_name

    with pytest.raises(MalformedDeliveryError):
        read(doubled)


@pytest.mark.parametrize("event", [None, "é", "\udcff", "x" * 500])
def test_case_84_a_github_event_without_a_plain_name_is_malformed(
    event: str | None,
) -> None:
    hook = a_hook()
    arrived = a_push(hook).but(x_github_event=event).arrived()

    with pytest.raises(MalformedDeliveryError):
        parse(hook, arrived)


def test_lifecycle_events_are_named_and_ignored() -> None:
    payload = {"action": "renamed", "repository": a_payload()["repository"]}

    ignored = told(a_hook(), payload, event="repository")
    strange = told(a_hook(), payload | {"action": "x" * 9999}, event="repository")

    assert isinstance(ignored, Ignored)
    assert isinstance(strange, Ignored)
    assert ignored.reason == "repository_renamed"
    assert ignored.repository == COURSE
    assert strange.reason == "repository_changed"


def test_errors_are_the_senders_doing() -> None:
    assert issubclass(MalformedDeliveryError, DeliveryError)
    assert not issubclass(MalformedDeliveryError, ValueError)


DOUBLED = {
    "the repository's number": ('"id":4711', '"id":1,"id":4711'),
    "the repository's name": ('"full_name":', '"full_name":"a/b","full_name":'),
    "spelled otherwise": ('"full_name":', '"full\\u005fname":"a/b","full_name":'),
    "after a space": ('"id":4711', '"id" :1,"id":4711'),
    "what nobody reads": ('"full_name":', '"private":1,"private":2,"full_name":'),
    "the ref": ('"ref":', '"ref":"refs/heads/other","ref":'),
    "the whole repository": ('"repository":', '"repository":{"id":1},"repository":'),
}


NEWER = {
    "known keys alone, in one pass": b'"private":',
    "a key of later years, in two": b'"invented_in_2031":{"a":1},"private":',
}


@pytest.mark.parametrize("newer", NEWER.values(), ids=NEWER.keys())
@pytest.mark.parametrize("what", DOUBLED)
def test_a_key_that_stands_twice_is_refused_also_in_what_is_read_quickly(
    what: str, newer: bytes
) -> None:
    body = a_push(a_hook(), some_facts()).body.replace(b'"private":', newer)
    old, new = (text.encode() for text in DOUBLED[what])
    assert body.count(old) == 1

    assert isinstance(told(a_hook(), body), Push)
    with pytest.raises(MalformedDeliveryError, match="twice"):
        told(a_hook(), body.replace(old, new))


def test_what_forges_send_is_read_quickly() -> None:
    hook = a_hook()
    body = a_push(hook, some_facts()).body

    assert PUSHES.read(body) is not None
    assert PUSHES.read(body.replace(b'"ref":', b'"ref": ')) is None


def test_a_repository_with_a_key_of_later_years_is_read_quickly_and_as_well() -> None:
    body = a_push(a_hook(), some_facts()).body
    newer = body.replace(b'"private":', NEWER["a key of later years, in two"])

    assert newer != body
    assert PUSHES.read(newer) == PUSHES.read(body) is not None


@pytest.mark.parametrize("text", ["refs\\/heads\\/main", "refs/heads/ma\\u0069n"])
def test_a_ref_that_is_written_otherwise_is_the_same_ref(text: str) -> None:
    body = a_push(a_hook(), some_facts(ref=Ref("refs/heads/main"))).body
    spelled = body.replace(b'"refs/heads/main"', f'"{text}"'.encode())

    assert spelled != body
    assert PUSHES.read(spelled) == PUSHES.read(body) is not None
