"""One codec per forge, chosen by the endpoint and never by what was sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook
from service.domain.push import Ignored, Push
from service.forges import github, gitlab
from service.forges.proofs import Verified

__all__ = ["CODECS", "Codec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """What a forge's deliveries mean. Nothing raises anything but a DeliveryError."""

    verify: Callable[[Hook, Delivery, datetime], Verified]
    """Check the proof over the raw body, or raise BadSignatureError."""
    parse: Callable[[Hook, Delivery], Push | Ignored]
    """Read a verified delivery."""
    skim: Callable[[Hook, Delivery], Push | Ignored | None]
    """Read a verified push at little cost; None for all that takes more."""
    event_name: Callable[[Delivery], str | None]
    """The forge's word for the event."""
    delivery_name: Callable[[Delivery], str | None]
    """The forge's id of the delivery: the same when it is sent again."""


CODECS: Final[Mapping[Forge, Codec]] = {
    Forge.GITHUB: Codec(
        verify=github.verify,
        parse=github.parse,
        skim=github.skim,
        event_name=github.event_name,
        delivery_name=github.delivery_name,
    ),
    Forge.GITLAB: Codec(
        verify=gitlab.verify,
        parse=gitlab.parse,
        skim=gitlab.skim,
        event_name=gitlab.event_name,
        delivery_name=gitlab.delivery_name,
    ),
}
