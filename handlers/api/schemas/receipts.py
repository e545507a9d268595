"""What forges and probes are answered."""

from collections.abc import Mapping
from typing import Literal

from handlers.api.schemas.models import ResponseModel

__all__ = ["Alive", "Ready", "ReceiptResponse"]


class ReceiptResponse(ResponseModel):
    """What became of an authentic delivery."""

    delivery: str
    status: Literal["accepted", "ignored", "duplicate"]
    reason: str
    message: str


class Alive(ResponseModel):
    """The process answers."""

    status: Literal["ok"]


class Ready(ResponseModel):
    """Whether every part that work needs answers."""

    status: Literal["ok", "unavailable"]
    parts: Mapping[str, str]
