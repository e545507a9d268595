"""Settings of what is asked of repositories and their forges, and when."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from service.domain.hook import Secret
from service.domain.repository import Repository
from service.errors import InvalidRequestError
from service.settings.section import Duration, Names, Section, parts

__all__ = [
    "EvaluationSettings",
    "ForgeKind",
    "ForgeSettings",
    "HookSettings",
    "RemoteSettings",
    "SweepSettings",
]

ForgeKind = Literal["github", "gitlab", "gitea"]
_KNOWN_FORGES: Final[Mapping[str, ForgeKind]] = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "codeberg.org": "gitea",
    "gitea.com": "gitea",
}


class RemoteSettings(Section):
    """Asking repositories."""

    deadline: Duration = timedelta(seconds=60)
    """How long a repository may take to answer."""
    allow_files: bool | None = None
    """Whether `file://` repositories of this machine may be followed. When unset: in
    the embedded edition only, not where database or bus are set."""
    retry_after: Duration = timedelta(seconds=5)
    """The first wait when a remote did not answer; it doubles up to 5 minutes."""
    allow_private: Names | None = None
    """Hosts that may have a private, loopback or link-local address; `*` is any. When
    unset: any in the embedded edition, none where database or bus are set."""
    members_only: Names = ()
    """Hosts all of whose repositories count as private, whatever they answer: a forge
    that shows nothing without signing in, a server of an intranet."""


class ForgeSettings(Section):
    """The REST APIs of forges. A host without a token or a kind is met by plain git."""

    tokens: SecretStr | None = None
    """`github.com=…, git.example.org=…`: a token for each host, read-only where
    nothing is to be written; what it may read, everybody who adds a launcher may."""
    kinds: Mapping[str, ForgeKind] = {}
    """`{"git.example.org": "gitlab"}`: `github`, `gitlab` or `gitea`; a few public
    forges are known. Hosts named here may have a private address."""
    deadline: Duration = timedelta(seconds=15)
    """How long an API may take for one answer; plain git is asked afterwards."""
    rate_limit_reserve: float = Field(default=0.1, ge=0, lt=1)
    """The share of a token's rate limit that evaluations leave to others."""
    cache_mb: int = Field(default=64, ge=1)
    """Megabytes of trees and small files that are remembered, by their ids."""
    commit_status: bool = False
    """Whether the result of evaluation and build is posted as a commit status; where
    there is a token, and it may write statuses."""

    def token(self, host: str) -> Secret | None:
        """Return the token for a host."""
        return self._tokens().get(host)

    def kind(self, host: str) -> ForgeKind | None:
        """Return what a host runs, where its API is to be used; None otherwise."""
        known = self.kinds.get(host)
        if known is None and self.token(host) is not None:
            return _KNOWN_FORGES.get(host)
        return known

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that is named here."""
        return frozenset((*self.kinds, *self._tokens()))

    @field_validator("kinds")
    @classmethod
    def _are_hosts(cls, value: Mapping[str, ForgeKind]) -> Mapping[str, ForgeKind]:
        return {_host(item): kind for item, kind in value.items()}

    @field_validator("tokens")
    @classmethod
    def _are_tokens(cls, value: SecretStr | None) -> SecretStr | None:
        for place, part in enumerate(parts(value), start=1):
            host, found, token = part.partition("=")
            if not (host.strip() and found and token.strip()):
                raise ValueError(f"token {place}: expected host=token")
        hosts = [_host(item.partition("=")[0]) for item in parts(value)]
        if twice := {text for text in hosts if hosts.count(text) > 1}:
            raise ValueError(f"two tokens for {', '.join(sorted(twice))}")
        return value

    @model_validator(mode="after")
    def _have_kinds(self) -> Self:
        for host in self.hosts:
            if self.kind(host) is None:
                raise ValueError(
                    f"{host} has a token; RELAUNCH_FORGE_KINDS has to say what it runs"
                )
        return self

    def _tokens(self) -> Mapping[str, Secret]:
        pairs = (part.partition("=") for part in parts(self.tokens))
        return {_host(host): Secret(pair.strip()) for host, _, pair in pairs}


def _host(text: str) -> str:
    """Return a host in the spelling that repositories have it in.

    Raises:
        ValueError: It is no host, or not only one.
    """
    with suppress(InvalidRequestError):
        found = Repository.from_url(f"https://{text.strip()}/name")
        if found.path == "name":
            return found.host
    raise ValueError(
        "expected the name of a host, with its port when it is not the usual one"
    )


class HookSettings(Section):
    """Webhooks at forges."""

    check_interval: Duration = timedelta(minutes=30)
    """How often every webhook is checked, and repaired where a token allows it."""


class EvaluationSettings(Section):
    """When sources are evaluated."""

    debounce: Duration = timedelta(seconds=2)
    """How long no further push must come before an evaluation."""
    max_delay: Duration = timedelta(seconds=30)
    """How long further pushes may delay an evaluation."""
    concurrency: int = Field(default=16, ge=1)
    """How many sources are evaluated at once."""


class SweepSettings(Section):
    """When sources are polled whose webhooks do not come."""

    interval: Duration = timedelta(minutes=15)
    """How soon a source is asked for its head although nobody pushed; the interval
    grows while nothing moves, and is reset when a delivery was lost."""
    max_interval: Duration = timedelta(hours=6)
    """The longest interval: within it every lost delivery is found."""
    max_per_hour: int = Field(default=2000, ge=1)
    """How many repositories of one host the sweep asks in an hour, at most."""
