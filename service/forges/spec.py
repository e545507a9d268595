"""Describe one forge's webhooks: all that the rest of the service needs of them.

A forge is a folder with one `ForgeSpec`, a member of `Forge` and a line in
`service.forges.registry`. Routes, schemas, command line choices, the delivery log, the
child parser, simulations and the tests' parameters are derived from these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from service.domain.delivery import Delivery
from service.domain.hook import Hook, Proof, Reach, Secret
from service.domain.push import Ignored, Push
from service.forges.payload import only_header
from service.forges.proofs import Verified
from service.forges.push_facts import PushFacts

__all__ = [
    "CONTENT_TYPE",
    "Codec",
    "ForgeHeaders",
    "ForgeSpec",
    "Outgoing",
    "Parsed",
    "SetupGuide",
    "SigningRequest",
]

CONTENT_TYPE: Final = "Content-Type"

Parsed = tuple[Push, ...] | Ignored
"""A push for each ref that moved, one at least; or why nothing is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """Verify and parse deliveries. Nothing raises anything but a DeliveryError."""

    verify: Callable[[Hook, Delivery, datetime], Verified]
    """Check the proof over the raw body, or raise BadSignatureError."""
    parse: Callable[[Hook, Delivery], Parsed]
    """Read a verified delivery."""
    skim: Callable[[Hook, Delivery], Parsed | None] | None = None
    """Read a verified push at little cost; None for all that takes more. A forge that
    caps its payloads below a large body's size has no use for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeHeaders:
    """Name the headers of a forge; values of all but the proofs may be shown."""

    event: tuple[str, ...]
    """The forge's word for the event: the first that was sent counts. The last one is
    sent by every version."""
    delivery: tuple[str, ...]
    """The forge's id of the delivery, the same when it is sent again: read and sent as
    the event's are."""
    proofs: Mapping[Proof, tuple[str, ...]]
    """What a proof consists of; each of them once."""
    push_event: str
    """The event of a push, where a payload is all that somebody has."""
    others: tuple[str, ...] = ()
    """What is worth reading in the delivery log beside."""

    @property
    def parsed(self) -> frozenset[str]:
        """Return what parsing reads, in lower case."""
        return frozenset(name.lower() for name in (CONTENT_TYPE, *self.event))

    @property
    def shown(self) -> frozenset[str]:
        """Return whose values hold no secret, in lower case."""
        names = (*self.event, *self.delivery, *self.others)
        return frozenset(name.lower() for name in names)

    @property
    def sent(self) -> frozenset[str]:
        """Return every header that the forge's deliveries have, in lower case."""
        proofs = (name for names in self.proofs.values() for name in names)
        return self.parsed | self.shown | {name.lower() for name in proofs}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupGuide:
    """Name what a person meets on the forge's pages."""

    events: tuple[str, ...]
    """What to tick."""
    url_field: str
    secret_fields: Mapping[Proof, str]
    """What the page calls the field for the secret."""
    pages: Mapping[Reach, str]
    """Where webhooks are added; `{path}` is the repository's or the owner's. A reach
    that the forge has no page for is absent."""
    resend_button: str
    """What has the forge deliver something, on the webhook's page."""
    notes: tuple[str, ...] = ()
    """Further steps on the page."""
    proof_notes: Mapping[Proof, str] = field(default_factory=dict)
    """Further steps for one proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A push as the forge would describe it."""

    event: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRequest:
    """What a forge signs."""

    proof: Proof
    secret: Secret
    body: bytes
    delivery_id: str
    now: datetime
    """When it is sent; a signing token signs the time, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeSpec:
    """Hold everything the service knows about one forge's webhooks."""

    name: str
    """As the forge writes it."""
    host_words: tuple[str, ...]
    """A host whose name holds one of them is such a forge's."""
    public_hosts: tuple[str, ...] = ()
    """Its hosts on the internet, which reach no private network."""
    codec: Codec
    proofs: tuple[Proof, ...]
    """What it can do; the strongest first."""
    headers: ForgeHeaders
    content_types: tuple[str, ...] = ("application/json",)
    """What it sends, by its settings."""
    payload_keys: frozenset[str]
    """Top-level keys that no other forge's payloads have."""
    repository_fields: tuple[str, ...]
    """Where payloads hold the URL of their repository, the best first; with dots."""
    setup: SetupGuide
    write_push: Callable[[PushFacts], Outgoing]
    """Write a push as the forge would."""
    sign: Callable[[SigningRequest], Mapping[str, str]]
    """Return the headers that prove a body."""
    user_agent: str
    is_greeting: bool
    """Whether it delivers something to a new hook by itself."""

    def event_name(self, delivery: Delivery) -> str | None:
        """Return the forge's word for the event.

        Raises:
            MalformedDeliveryError: The header was sent twice or is no name.
        """
        return _first_header(delivery, self.headers.event)

    def delivery_name(self, delivery: Delivery) -> str | None:
        """Return the forge's id of the delivery: the same when it is sent again.

        Raises:
            MalformedDeliveryError: The header was sent twice or is no id.
        """
        return _first_header(delivery, self.headers.delivery)


def _first_header(delivery: Delivery, names: tuple[str, ...]) -> str | None:
    value = None
    for name in names:
        value = only_header(delivery, name)
        if value:
            break
    return value
