"""Webhooks that users configure, and the secrets that authenticate their deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import NewType

from service.domain.delivery import Forge
from service.domain.hook_health import HookHealth
from service.domain.repository import LOCAL_HOST, Repository
from service.errors import InvalidRequestError

__all__ = ["Hook", "HookId", "Proof", "Reach", "Secret", "parse_binding"]

HookId = NewType("HookId", str)
"""Opaque and public: a part of the webhook's URL, not a secret."""


class Secret:
    """A secret text that `repr` and logs do not show."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the caller that verifies or sends it."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"


class Proof(Enum):
    """How a hook's deliveries are authenticated."""

    HMAC = "hmac"
    """GitHub: `X-Hub-Signature-256` over the raw body."""
    SIGNING_TOKEN = "signing_token"  # noqa: S105 - the name of a method
    """GitLab: Standard Webhooks signature with a `whsec_` key."""
    SECRET_TOKEN = "secret_token"  # noqa: S105 - the name of a method
    """GitLab: the secret itself in `X-Gitlab-Token`."""


class Reach(Enum):
    """The repositories that a hook's deliveries may be about."""

    REPOSITORY = "repository"
    """One repository."""
    OWNER = "owner"
    """Every repository of an organisation or below a group."""
    HOST = "host"
    """Every repository of a host: a GitHub App, or a system hook of GitLab."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One webhook, bound to a repository, an owner or a host."""

    id: HookId
    forge: Forge
    proof: Proof
    repository: Repository
    """The binding: deliveries about other repositories are refused. The path is the
    owner's for an owner hook, and empty for a host hook."""
    secrets: Sequence[Secret]
    """One, or two during a rotation: newest first."""
    created_at: datetime
    rotated_at: datetime | None = None
    reach: Reach = Reach.REPOSITORY
    forge_id: str | None = None
    """The forge's id of the hook; None until the hook was read there."""
    health: HookHealth | None = None
    """The result of the last health check."""

    def __post_init__(self) -> None:
        if not self.secrets or not all(secret.reveal() for secret in self.secrets):
            raise ValueError(
                "a hook without a secret would accept deliveries from anybody"
            )

    def covers(self, repository: Repository) -> bool:
        """Return whether a delivery of the hook may be about a repository."""
        if self.reach is Reach.REPOSITORY:
            return self.repository.is_same(repository)
        is_plain = not {"", ".", ".."} & set(repository.path.split("/"))
        if repository.host != self.repository.host or not is_plain:
            return False
        owner = f"{self.repository.label}/"
        return self.reach is Reach.HOST or repository.label.startswith(owner)


def parse_binding(url: str, reach: Reach) -> Repository:
    """Parse the URL of the repository, owner or host that a hook is bound to.

    Raises:
        InvalidRequestError: The URL does not fit the reach.
    """
    if reach is Reach.REPOSITORY:
        return _one_repository(url)
    root = url.strip().rstrip("/")
    # A host has no path; `/-` only makes the URL pass the checks of a repository.
    binding = Repository.from_url(f"{root}/-" if reach is Reach.HOST else root)
    if binding.host == LOCAL_HOST:
        raise InvalidRequestError("files have no owner; give one repository's URL")
    if reach is Reach.OWNER:
        return binding
    if binding.path != "-":
        raise InvalidRequestError(
            f"{url[:200]!r} is more than a host; expected https://host"
        )
    return replace(binding, path="", url=root)


def _one_repository(url: str) -> Repository:
    repository = Repository.from_url(url)
    # At every forge a path of one segment is an owner, so such a hook would refuse
    # every push. Plain git servers may have repositories there; they end with `.git`.
    is_owner = "/" not in repository.path and not url.rstrip("/ ").endswith(".git")
    if is_owner and repository.host != LOCAL_HOST:
        raise InvalidRequestError(
            f"{url[:200]!r} names no repository; expected https://host/owner/name, or "
            '"reach": "owner" for all of an owner\'s'
        )
    return repository
