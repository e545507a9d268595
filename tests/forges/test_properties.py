"""Nothing that strangers send makes anything but a Push, an Ignored or a refusal."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
from multidict import CIMultiDict

from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook
from service.domain.push import Ignored, Push
from service.errors import DeliveryError
from service.events.envelope import Event
from service.events.models import PushReceived, RepositoryData
from service.forges import child_parser as apart
from service.forges.registry import FORGES
from tests.support.clock import NOW
from tests.support.deliveries import WAYS, a_hook, a_post, a_push, parse, payload_of

NAMES = st.sampled_from(
    sorted({name for spec in FORGES.values() for name in spec.headers.sent})
)
ANY_TEXT = st.text(st.characters(), max_size=30)
TEXTS = ANY_TEXT | st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "push", "v1,", "sha256="]
)
HEADERS = st.lists(st.tuples(NAMES, TEXTS), max_size=9)
HOOKS = st.sampled_from(WAYS).map(a_hook)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
JSON = st.recursive(
    SCALARS,
    lambda search_strategy: (
        st.lists(search_strategy, max_size=3)
        | st.dictionaries(ANY_TEXT, search_strategy, max_size=3)
    ),
    max_leaves=6,
)
BROADLY = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def take(hook: Hook, delivery: Delivery) -> Push | Ignored | None:
    with suppress(DeliveryError):
        FORGES[hook.forge].delivery_name(delivery)
    with suppress(DeliveryError):
        parsed = parse(hook, delivery)
        assert isinstance(parsed, Push | Ignored)
        return parsed
    return None


def altered(payload: dict[str, Any], path: list[int], value: Any) -> dict[str, Any]:
    """Put a value somewhere into a payload."""
    where: Any = payload
    for step in path:
        inner = [item for item in where if isinstance(where[item], dict)]
        where = where[inner[step % len(inner)]] if inner else where
    where[list(where)[sum(path) % len(where)]] = value
    return payload


def hook_and_payload(
    hook: Hook, path: list[int], value: Any
) -> tuple[Hook, dict[str, Any]]:
    return hook, altered(payload_of(a_push(hook)), path, value)


ALTERED = st.builds(
    hook_and_payload, HOOKS, st.lists(st.integers(0, 30), max_size=3), JSON
)


@BROADLY
@given(hook=HOOKS, headers=HEADERS, body=st.binary(max_size=200))
def test_any_headers_and_bytes_are_a_push_or_ignored_or_refused(
    hook: Hook, headers: list[tuple[str, str]], body: bytes
) -> None:
    delivery = Delivery(headers=CIMultiDict(headers), body=body, received_at=NOW)

    with suppress(DeliveryError):
        FORGES[hook.forge].codec.verify(hook, delivery, NOW)
    take(hook, delivery)


@BROADLY
@given(it=ALTERED)
def test_a_push_with_anything_anywhere_is_sendable_when_it_is_read(
    it: tuple[Hook, dict[str, Any]],
) -> None:
    hook, payload = it
    post = a_post(hook, json.dumps(payload).encode())

    told = take(hook, post.arrived())

    if isinstance(told, Push):
        assert told.repository.host == hook.repository.host
        assert Event.from_bytes(an_event(told).to_bytes()) == an_event(told)


@BROADLY
@given(it=ALTERED)
def test_the_quick_reader_and_the_slow_one_read_the_same(
    it: tuple[Hook, dict[str, Any]],
) -> None:
    hook, payload = it
    plain = a_post(hook, json.dumps(payload).encode())
    # Half a character in what nobody reads: only the slow one takes it.
    odd = a_post(hook, json.dumps(payload | {"odd": "\ud800"}).encode())

    assert take(hook, plain.arrived()) == take(hook, odd.arrived())


@BROADLY
@given(hook=HOOKS, event=ANY_TEXT, payload=st.dictionaries(ANY_TEXT, JSON, max_size=4))
def test_any_event_with_any_object_is_ignored_or_refused(
    hook: Hook, event: str, payload: dict[str, Any]
) -> None:
    post = a_post(hook, json.dumps(payload).encode(), event=event)

    assert not isinstance(take(hook, post.arrived()), Push)


@settings(max_examples=10, deadline=None)
@given(hook=HOOKS)
def test_a_child_is_told_no_secret_and_what_it_needs(hook: Hook) -> None:
    question = apart.question(hook, a_push(hook).arrived())
    about, _, body = question.partition(b"\n")

    assert body == a_push(hook).body
    for secret in hook.secrets:
        assert secret.reveal().encode() not in about
    assert json.loads(about)["forge"] in {forge.value for forge in Forge}


def an_event(push: Push) -> Event:
    it = push.repository
    data = PushReceived(
        repository=RepositoryData(
            host=it.host, path=it.path, url=it.url, number=it.number
        ),
        ref=push.ref,
        before=push.before,
        after=push.after,
        default_branch=push.default_branch,
        trigger="push",
        received_at=NOW,
    )
    return Event.of(data, id="d-1", time=NOW, subject=it.path)
