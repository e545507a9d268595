"""Webhooks that users configure, and the secrets that prove them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import NewType

from service.domain.checkup import Checkup
from service.domain.delivery import Forge
from service.domain.repository import LOCAL_HOST, Repository
from service.errors import InvalidRequestError

__all__ = ["Hook", "HookId", "Proof", "Reach", "Secret", "place"]

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


class Reach(Enum):
    """What a hook may speak about."""

    REPOSITORY = "repository"
    """One repository."""
    OWNER = "owner"
    """Every repository of an organisation or below a group."""
    HOST = "host"
    """Every repository of a host that the forge sends: a GitHub App, a system hook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One webhook, bound to a repository, an owner or a host."""

    id: HookId
    forge: Forge
    proof: Proof
    repository: Repository
    """What it is bound to: deliveries about anything else are refused. With another
    reach than a repository its path is the owner's, or empty."""
    secrets: Sequence[Secret]
    """One, or two while the older one is being rotated out: newest first."""
    created_at: datetime
    rotated_at: datetime | None = None
    reach: Reach = Reach.REPOSITORY
    forge_id: str | None = None
    """What the forge calls the hook; None as long as nobody saw it there."""
    checkup: Checkup | None = None
    """What was found when somebody last looked after it."""

    def __post_init__(self) -> None:
        if not self.secrets or not all(secret.reveal() for secret in self.secrets):
            raise ValueError("a hook without a secret would accept anybody's word")

    def covers(self, repository: Repository) -> bool:
        """Say whether the hook may speak about a repository."""
        if self.reach is Reach.REPOSITORY:
            return self.repository.is_same(repository)
        is_plain = not {"", ".", ".."} & set(repository.path.split("/"))
        if repository.host != self.repository.host or not is_plain:
            return False
        owner = f"{self.repository.label}/"
        return self.reach is Reach.HOST or repository.label.startswith(owner)


def place(url: str, reach: Reach) -> Repository:
    """Read what a hook is bound to off a URL.

    Raises:
        InvalidRequestError: It is no URL of such a thing.
    """
    if reach is Reach.REPOSITORY:
        return Repository.from_url(url)
    root = url.strip().rstrip("/")
    # A host has no path; the one it is given here only lets the URL be checked.
    found = Repository.from_url(f"{root}/-" if reach is Reach.HOST else root)
    if found.host == LOCAL_HOST:
        raise InvalidRequestError("files have no owner; give one repository's URL")
    if reach is Reach.OWNER:
        return found
    if found.path != "-":
        raise InvalidRequestError(
            f"{url[:200]!r} is more than a host; expected https://host"
        )
    return replace(found, path="", url=root)
