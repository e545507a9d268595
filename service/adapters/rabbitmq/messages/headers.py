"""What our messages carry in their headers beside the event: their history."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from aio_pika import DeliveryMode
from aio_pika.abc import AbstractIncomingMessage
from aiormq import spec
from pamqp.common import FieldTable

from service.adapters.rabbitmq.messages.cloudevents import from_amqp

__all__ = ["MessageHistory", "copied", "event_in", "letter_id", "message_id_of"]

ATTEMPTS: Final = "x-relaunch-attempts"
ERROR: Final = "x-relaunch-error"
FAILED_AT: Final = "x-relaunch-first-failed-at"
DIED_AT: Final = "x-relaunch-died-at"
NOT_BEFORE: Final = "x-relaunch-not-before"
OURS: Final = (ATTEMPTS, ERROR, FAILED_AT, DIED_AT, NOT_BEFORE)
BROKERS: Final = re.compile(
    r"x-(death|(first|last)-death-.*|delivery-count|.{0,255}acquired.*)"
)
"""Written by RabbitMQ for one stay in its queues; a copy begins anew, or its cycle
detection would take a second retry for a loop and drop it."""

MAX_ERROR: Final = 2000
"""Headers travel in one frame, and a person has to read this."""

SAFE_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHistory:
    """How a message fared with its role until now."""

    attempts: int = 0
    """Deliveries that ended without an ack."""
    error: str = ""
    first_failed_at: datetime | None = None
    died_at: datetime | None = None
    not_before: datetime | None = None

    @classmethod
    def of(cls, headers: Mapping[str, object]) -> Self:
        """Read the headers; strangers' nonsense counts as nothing."""
        return cls(
            # Ours plus the broker's: a message that kills its consumer never gets as
            # far as our counter, and only `x-delivery-count` shows it.
            attempts=_number(headers.get(ATTEMPTS))
            + _number(headers.get("x-delivery-count")),
            error=str(headers.get(ERROR, "")),
            first_failed_at=_instant(headers.get(FAILED_AT)),
            died_at=_instant(headers.get(DIED_AT)),
            not_before=_instant(headers.get(NOT_BEFORE)),
        )

    def to_headers(self) -> dict[str, str | int]:
        """Write headers for a copy."""
        instants = {
            FAILED_AT: self.first_failed_at,
            DIED_AT: self.died_at,
            NOT_BEFORE: self.not_before,
        }
        written = {name: at.isoformat() for name, at in instants.items() if at}
        error = {ERROR: self.error[:MAX_ERROR]} if self.error else {}
        return {ATTEMPTS: self.attempts, **error, **written}


def event_in(message: AbstractIncomingMessage) -> bytes:
    """Return the event as structured JSON."""
    return from_amqp(
        message.headers, content_type=message.content_type, body=message.body
    )


def copied(message: AbstractIncomingMessage, history: MessageHistory | None) -> bytes:
    """Write properties for a copy of a message; without a history it is as new."""
    headers: FieldTable = {
        name: value
        for name, value in message.headers.items()
        if name not in OURS and BROKERS.fullmatch(name) is None
    }
    properties = spec.Basic.Properties(
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        delivery_mode=DeliveryMode.PERSISTENT.value,
        message_id=message_id_of(message),
        app_id=message.app_id,
        timestamp=message.timestamp,
        headers={**headers, **(history.to_headers() if history else {})},
    )
    return properties.marshal()


def message_id_of(message: AbstractIncomingMessage) -> str:
    """Return the id that copies of a message have."""
    return message.message_id or letter_id(message)


def letter_id(message: AbstractIncomingMessage) -> str:
    """Return a name of the message that can stand in a URL and stays the same."""
    if message.message_id and SAFE_ID.fullmatch(message.message_id):
        return message.message_id
    # Letters of other programs may have no usable id. The body's hash is the same at
    # every reading, which a delivery tag is not.
    return hashlib.sha256(message.body).hexdigest()[:26]


def _number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _instant(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
