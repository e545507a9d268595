"""The envelope of every event: CloudEvents 1.0 with JSON data.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md

Types are `dev.relaunch.<name>.v<n>`; the routing key is the type without its prefix.
Readers ignore fields they do not know.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from service.errors import PermanentError
from service.events.models import EVENTS, Data
from service.events.previous import upgrade_event

__all__ = ["SOURCE", "TYPE_PREFIX", "Event", "UndecodableEventError", "data_of"]

TYPE_PREFIX: Final = "dev.relaunch."


SOURCE: Final = "/relaunch"


class UndecodableEventError(PermanentError):
    """A message that is no event of ours, or does not fit its type."""


def _printable(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Escape what is no text: git allows any bytes in a path, JSON does not."""
    # Nearly all that are no texts, before the abstract classes, which cost more to ask.
    # An event may stand for a hundred deliveries, and all of them wait for it.
    kind = type(value)
    if kind is bool or kind is int or value is None:
        return value
    if kind is datetime:
        return value.isoformat()
    if isinstance(value, str):
        is_text = value.isascii()
        return value if is_text else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {
            # Nearly all are plain texts; every push is written here.
            name: item if type(item) is str and item.isascii() else _printable(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


class Event(BaseModel):
    """One CloudEvent with JSON data, envelope and content."""

    model_config = ConfigDict(frozen=True, extra="allow")

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(min_length=1)
    source: str = SOURCE
    type: str = Field(min_length=1)
    time: AwareDatetime
    subject: str | None = None
    datacontenttype: str = "application/json"
    traceparent: str | None = None
    """https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md"""
    data: dict[str, Any]

    @classmethod
    def of(
        cls,
        data: Data,
        *,
        id: str,  # noqa: A002 - the CloudEvents attribute
        time: datetime,
        subject: str | None = None,
        traceparent: str | None = None,
    ) -> Self:
        """Put data into an envelope."""
        return cls(
            id=id,
            type=TYPE_PREFIX + data.name,
            time=time,
            subject=subject,
            traceparent=traceparent,
            data=_printable(data.model_dump(exclude_none=True)),
        )

    @property
    def name(self) -> str:
        """The type without prefix: the routing key."""
        return self.type.removeprefix(TYPE_PREFIX)

    def to_bytes(self) -> bytes:
        """Write the event as structured JSON (`application/cloudevents+json`)."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_bytes(cls, raw: bytes | str) -> Self:
        """Read structured JSON.

        Raises:
            UndecodableEventError: It is no CloudEvent 1.0 with JSON data.
        """
        try:
            return cls.model_validate_json(raw)
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "message"
            raise UndecodableEventError(
                f"not a CloudEvent: {where}: {first['msg']}"
            ) from exc


def data_of(event: Event) -> Data | None:
    """Read an event's data; None for a type that this version does not know.

    Earlier versions of a type are read as the present one.

    Raises:
        UndecodableEventError: The type is known and the data does not fit it.
    """
    name, content = upgrade_event(event.name, event.data)
    model = EVENTS.get(name)
    if model is None:
        return None
    try:
        return model.model_validate(content)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UndecodableEventError(f"{event.name}: {where}: {first['msg']}") from exc
