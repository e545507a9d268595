"""Events survive the way over AMQP, and strangers' messages do no harm."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from service.adapters.rabbitmq.messages.cloudevents import from_amqp, to_amqp
from service.events.envelope import Event, UndecodableEventError
from tests.adapters.rabbitmq.conftest import a_push
from tests.adapters.rabbitmq.reading import properties_in

PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
JSON_VALUES = PLAIN | st.lists(PLAIN) | st.dictionaries(st.text(), PLAIN)
NAMES = st.text("abcdefghij0123456789", min_size=1, max_size=10)


@given(
    data=st.dictionaries(st.text(), JSON_VALUES),
    extensions=st.dictionaries(NAMES.map(lambda name: f"x{name}"), st.text()),
    subject=st.none() | st.text(),
)
def test_an_event_comes_back_as_it_was(
    data: dict[str, object], extensions: dict[str, str], subject: str | None
) -> None:
    event = Event.model_validate(
        {**a_push().model_dump(), **extensions, "data": data, "subject": subject}
    )
    written, body = to_amqp(event)
    properties = properties_in(written)

    back = from_amqp(
        properties.headers or {}, content_type=properties.content_type, body=body
    )

    assert Event.from_bytes(back) == event


@given(
    headers=st.dictionaries(
        st.sampled_from(["cloudEvents_id", "cloudEvents:type", "cloudEvents_", "x"])
        | st.text(),
        st.text() | st.integers() | st.binary() | st.datetimes() | st.none(),
    ),
    content_type=st.none() | st.text(),
    body=st.binary() | st.just(b"{}"),
)
def test_whatever_a_stranger_sends_is_an_event_or_undecodable(
    headers: dict[str, object], content_type: str | None, body: bytes
) -> None:
    raw = from_amqp(headers, content_type=content_type, body=body)

    with suppress(UndecodableEventError):
        Event.from_bytes(raw)


def test_attributes_with_a_colon_and_a_timestamp_of_amqp_are_read() -> None:
    at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    headers = {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": "7",
        "cloudEvents:source": "/elsewhere",
        "cloudEvents:type": "org.example.happened",
        "cloudEvents:time": at,
    }

    event = Event.from_bytes(
        from_amqp(headers, content_type="application/json", body=b'{"a": 1}')
    )

    assert (event.id, event.time, event.data) == ("7", at, {"a": 1})


def test_data_cannot_pass_for_attributes() -> None:
    properties = properties_in(to_amqp(a_push())[0])
    forged = b'{"id": "forged", "type": "forged"}'

    raw = from_amqp(properties.headers or {}, content_type=None, body=forged)

    assert Event.from_bytes(raw).id == a_push().id
    assert json.loads(raw)["data"] == {"id": "forged", "type": "forged"}


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b"{", b'"text"', b"[1]"),
        pytest.param(b"[" * 300 + b"]" * 300, id="deeper than what is written"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="deeper than what is read"),
    ],
)
def test_data_that_is_no_object_is_undecodable(body: bytes) -> None:
    properties = properties_in(to_amqp(a_push())[0])

    raw = from_amqp(properties.headers or {}, content_type=None, body=body)

    with pytest.raises(UndecodableEventError):
        Event.from_bytes(raw)
