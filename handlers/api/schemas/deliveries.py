"""Deliveries of forges, on record."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from handlers.api.schemas.models import ResponseModel
from service.ports.store import DeliveryRecord

__all__ = ["DeliveryResponse"]


class DeliveryResponse(ResponseModel):
    """One delivery; secrets in its headers are masked."""

    id: str
    hook_id: str
    forge_delivery_id: str | None = None
    event: str = Field(description="The forge's name of the event.")
    status: str = Field(description="accepted, ignored, duplicate or refused.")
    reason: str
    message: str
    repository: str
    ref: str
    before: str
    after: str
    headers: Mapping[str, str]
    is_whole: bool = Field(
        default=True,
        description="False without headers: the receiver that took it writes them "
        "within two seconds, or kept none of a long burst.",
    )
    received_at: datetime
    count: int = Field(description="How often it was delivered.")
    is_by_old_secret: bool = Field(
        default=False,
        description="Whether only the secret that is being rotated out proved it.",
    )

    @classmethod
    def of(cls, record: DeliveryRecord) -> "DeliveryResponse":
        """Report a delivery."""
        return cls(
            id=record.id,
            hook_id=record.hook_id,
            forge_delivery_id=record.forge_delivery_id,
            event=record.event,
            status=record.status,
            reason=record.reason,
            message=record.message,
            repository=record.repository,
            ref=record.ref,
            before=record.before,
            after=record.after,
            headers=dict(record.headers),
            is_whole=bool(record.headers),
            received_at=record.received_at,
            count=record.count,
            is_by_old_secret=record.is_by_old_secret,
        )
