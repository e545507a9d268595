"""What forges and probes are answered."""

from collections.abc import Mapping
from typing import Literal

from handlers.shapes.strict import Told

__all__ = ["Alive", "Ready", "ReceiptTold"]


class ReceiptTold(Told):
    """What became of an authentic delivery."""

    delivery: str
    status: Literal["accepted", "ignored", "duplicate"]
    reason: str
    message: str


class Alive(Told):
    """The process answers."""

    status: Literal["ok"]


class Ready(Told):
    """Whether every part that work needs answers."""

    status: Literal["ok", "unavailable"]
    parts: Mapping[str, str]
