"""What is written by hand is what the library writes, byte by byte."""

from datetime import UTC, datetime

import pytest
from aiormq import spec
from hypothesis import given, strategies as st
from pamqp.body import ContentBody
from pamqp.frame import FrameTypes, marshal
from pamqp.header import ContentHeader

from service.adapters.rabbitmq.messages.frames import (
    message_frames,
    properties_of,
    publish_frame,
)

SHORT = st.text(min_size=1, max_size=60)
NAMES = st.text(min_size=1, max_size=30)
"""The library cuts those over 128 bytes; ours are attributes of CloudEvents."""
MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - gets its zone below
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - gets its zone below
)


@given(
    content_type=SHORT,
    headers=st.dictionaries(NAMES, st.text()),
    message_id=SHORT,
    at=MOMENTS,
)
def test_properties_are_as_the_library_writes_them(
    content_type: str, headers: dict[str, str], message_id: str, at: datetime
) -> None:
    moment = at.replace(tzinfo=UTC)

    written = properties_of(
        content_type=content_type,
        headers=headers,
        delivery_mode=2,
        message_id=message_id,
        timestamp=moment,
        app_id="relaunch",
    )

    library = spec.Basic.Properties(
        content_type=content_type,
        headers=dict(headers),
        delivery_mode=2,
        message_id=message_id,
        timestamp=moment,
        app_id="relaunch",
    )
    assert written == library.marshal()


@given(body=st.binary(max_size=50), largest=st.integers(1, 60), mandatory=st.booleans())
def test_a_message_is_as_the_library_writes_it(
    body: bytes,
    largest: int,
    mandatory: bool,  # noqa: FBT001 - drawn
) -> None:
    properties = spec.Basic.Properties(message_id="7", headers={"a": "b"})

    written = message_frames(
        method=publish_frame("events", "push", mandatory, 3),
        properties=properties.marshal(),
        body=body,
        channel=3,
        largest=largest,
    )

    pieces = [body[at : at + largest] for at in range(0, len(body), largest)]
    publish = spec.Basic.Publish(
        exchange="events", routing_key="push", mandatory=mandatory
    )
    header = ContentHeader(properties=properties, body_size=len(body))
    frames: list[FrameTypes] = [
        publish,
        header,
        *(ContentBody(piece) for piece in pieces),
    ]
    assert written == b"".join(marshal(frame, 3) for frame in frames)


def test_a_name_too_long_for_amqp_is_refused() -> None:
    with pytest.raises(ValueError, match="range"):
        properties_of(
            content_type="application/json",
            headers={},
            delivery_mode=2,
            message_id="x" * 256,
            timestamp=datetime(2026, 1, 1, tzinfo=UTC),
            app_id="relaunch",
        )
