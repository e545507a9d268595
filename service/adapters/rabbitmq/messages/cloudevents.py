"""Events on AMQP 0-9-1: CloudEvents in binary form, both forms when reading.

There is no binding for AMQP 0-9-1; ours is the one for AMQP 1.0 with its properties in
the message's headers:
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aio_pika import DeliveryMode
from pydantic_core import to_json

from service.adapters.rabbitmq.messages.frames import properties_of
from service.events.envelope import Event

__all__ = ["from_amqp", "to_amqp"]

PREFIX: Final = "cloudEvents_"
PREFIXES: Final = (PREFIX, "cloudEvents:")
"""The binding asks readers to take both."""

APP: Final = "relaunch"


def to_amqp(event: Event) -> tuple[bytes, bytes]:
    """Write an event in binary form: properties, and its data as the body."""
    headers = {
        "cloudEvents_specversion": event.specversion,
        "cloudEvents_id": event.id,
        "cloudEvents_source": event.source,
        "cloudEvents_type": event.type,
        "cloudEvents_time": event.time.isoformat(),
    }
    if event.subject is not None:
        headers["cloudEvents_subject"] = event.subject
    if event.traceparent is not None:
        headers["cloudEvents_traceparent"] = event.traceparent
    for name, value in (event.model_extra or {}).items():
        headers[PREFIX + name] = value if isinstance(value, str) else json.dumps(value)
    properties = properties_of(
        content_type=event.datacontenttype,
        delivery_mode=DeliveryMode.PERSISTENT.value,
        message_id=event.id,
        app_id=APP,
        timestamp=event.time,
        headers=headers,
    )
    return properties, to_json(event.data)


def from_amqp(
    headers: Mapping[str, object], *, content_type: str | None, body: bytes
) -> bytes:
    """Return an event in structured JSON, whichever form it came in.

    What is no CloudEvent with JSON data is returned as it is, for its reader to refuse.
    """
    attributes = {
        name.removeprefix(prefix): _text(value)
        for prefix in PREFIXES
        for name, value in headers.items()
        if name.startswith(prefix)
    }
    if not attributes:
        return body
    kind = {"datacontenttype": content_type} if content_type else {}
    try:
        return to_json({**attributes, **kind, "data": json.loads(body)})
    except (ValueError, RecursionError):
        # Not an error here: the runner decodes it next and dead-letters it with the
        # reason, in the one place where that is decided.
        return body


def _text(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, datetime):
        return value.isoformat()
    return value
