"""Webhooks that users configure, and the secrets that prove them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from service.domain.delivery import Forge
from service.domain.repository import Repository

__all__ = ["Hook", "HookId", "Proof", "Secret"]

HookId = NewType("HookId", str)
"""Opaque and public: it stands in the URL; it is not a secret."""


class Secret:
    """A secret text that does not show itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that needs it."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"


class Proof(Enum):
    """How a hook's deliveries prove themselves."""

    HMAC = "hmac"
    """GitHub: `X-Hub-Signature-256` over the raw body."""
    SIGNING_TOKEN = "signing_token"  # noqa: S105 - the name of a method
    """GitLab: Standard Webhooks signature with a `whsec_` key."""
    SECRET_TOKEN = "secret_token"  # noqa: S105 - the name of a method
    """GitLab: the secret itself in `X-Gitlab-Token`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One webhook, bound to one repository."""

    id: HookId
    forge: Forge
    proof: Proof
    repository: Repository
    """Deliveries about any other repository are refused."""
    secrets: Sequence[Secret]
    """One, or two while the older one is being rotated out: newest first."""
    created_at: datetime
    rotated_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.secrets or not all(secret.reveal() for secret in self.secrets):
            raise ValueError("a hook without a secret would accept anybody's word")
