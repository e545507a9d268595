"""Settings of what is asked of repositories and their forges, and when."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from service.domain.hook import Secret
from service.settings.section import Duration, Names, Section, parts

__all__ = [
    "ForgeKind",
    "ForgeSettings",
    "HookSettings",
    "LookSettings",
    "RemoteSettings",
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
    spare: float = Field(default=0.1, ge=0, lt=1)
    """The share of a token's requests that looks leave to others."""
    cache_mb: int = Field(default=64, ge=1)
    """Megabytes of trees and small files that are remembered, by their ids."""
    feedback: bool = False
    """Whether commits are told how their environment fares, as a status at the forge;
    where there is a token, and it may write statuses."""

    def token(self, host: str) -> Secret | None:
        """Return the token for a host."""
        return self._tokens().get(host.lower())

    def kind(self, host: str) -> ForgeKind | None:
        """Return what a host runs, where its API is to be used; None otherwise."""
        named = {it.lower(): kind for it, kind in self.kinds.items()}
        known = named.get(host.lower())
        if known is None and self.token(host) is not None:
            return _KNOWN_FORGES.get(host.lower())
        return known

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that is named here."""
        return frozenset((*(it.lower() for it in self.kinds), *self._tokens()))

    @field_validator("tokens")
    @classmethod
    def _are_tokens(cls, value: SecretStr | None) -> SecretStr | None:
        for place, part in enumerate(parts(value), start=1):
            host, found, token = part.partition("=")
            if not (host.strip() and found and token.strip()):
                raise ValueError(f"token {place}: expected host=token")
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
        pairs = (it.partition("=") for it in parts(self.tokens))
        return {host.strip().lower(): Secret(it.strip()) for host, _, it in pairs}


class HookSettings(Section):
    """Webhooks at forges."""

    check: Duration = timedelta(minutes=30)
    """How often every webhook is looked after, and mended where a token allows it."""


class LookSettings(Section):
    """When sources are looked at."""

    quiet: Duration = timedelta(seconds=2)
    """How long no further push must come before a look."""
    patience: Duration = timedelta(seconds=30)
    """How long pushes may put a look off."""
    at_once: int = Field(default=4, ge=1)
    """How many sources are looked at at once."""
    sweep: Duration = timedelta(minutes=15)
    """How soon a source is asked for its head although nobody pushed; the time grows
    while nothing moves, and begins anew when a delivery was lost."""
    sweep_max: Duration = timedelta(hours=6)
    """What that time grows to: within it every lost delivery is found."""
    sweep_rate: int = Field(default=2000, ge=1)
    """How many repositories of one host the sweep asks in an hour, at most."""
