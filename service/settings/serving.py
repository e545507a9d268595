"""Settings of the HTTP side, the bus and the log."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from service.settings.section import Duration, Section

__all__ = ["AmqpSettings", "LogSettings", "ReceiveSettings"]


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line."""


class ReceiveSettings(Section):
    """The webhook receiver."""

    read_deadline: Duration = timedelta(seconds=8)
    """How long a sender may take for its body; forges give up after 10 s."""
    publish_budget: Duration = timedelta(seconds=2)
    """How long the bus may take to confirm before the delivery is spooled."""
    big_bodies: int = Field(default=2, ge=1)
    """How many bodies over 1 MiB are read at once."""
    keep_deliveries: int = Field(default=1000, ge=1)
    """How many deliveries of each hook are kept on record."""


class AmqpSettings(Section):
    """RabbitMQ, where it is the bus."""

    declare: bool = True
    """False where operators create exchanges and queues themselves."""
    prefix: str = "relaunch"
    """What the names of exchanges and queues begin with."""
    ca_file: Path | None = None
    """The authority of an `amqps://` broker; the system's when unset."""
    cert_file: Path | None = None
    """The certificate to show to the broker."""
    key_file: Path | None = None
    """The key of that certificate."""
    heartbeat: Duration = timedelta(seconds=10)
    """A connection that died silently is noticed after about three of these."""

    @property
    def exchange(self) -> str:
        """The exchange that every event is published to."""
        return f"{self.prefix}.events"
