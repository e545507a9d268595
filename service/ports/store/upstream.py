"""The ports of what is known of an upstream Renku: builds, environments, tokens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.building.build import BuildId, EnvironmentId
from service.domain.hook import Secret
from service.domain.rights.caller import ProjectId

__all__ = [
    "UpstreamBuild",
    "UpstreamBuilds",
    "UpstreamEnvironment",
    "UpstreamEnvironments",
    "UpstreamToken",
    "UpstreamTokens",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamBuild:
    """What an upstream Renku does for a build of ours."""

    build_id: BuildId
    attempt: int
    environment_id: EnvironmentId
    upstream_id: str | None = None
    """The build in Renku that is followed; None until one could be started."""
    is_ours: bool = True
    """Whether it was started for this build. Another one that was running is followed
    to its end: the environment is dirty until then, and is built once more unless that
    one happened to build the right commit."""
    starts: int = 0
    """How many builds were started in Renku for this attempt."""
    head_requested_at: datetime | None = None
    """When an evaluation was requested because the commit that it built had not been
    seen; None while there was no need."""
    is_released: bool = False
    """Whether nothing is left to be done for it."""


class UpstreamBuilds(Protocol):
    """Which builds in an upstream Renku serve ours, so that a restart loses none."""

    async def add(self, build: UpstreamBuild) -> None:
        """Add one, or begin another attempt; older ones of the environment go.

        Of these only the ones that are released.
        """
        ...

    async def some(self, builds: Iterable[BuildId]) -> Sequence[UpstreamBuild]:
        """Return those that are there."""
        ...

    async def of_environment(
        self, environment: EnvironmentId
    ) -> Sequence[UpstreamBuild]:
        """Return those of an environment, in no order."""
        ...

    async def unreleased(self) -> Sequence[BuildId]:
        """Return the builds for which something is left to be done."""
        ...

    async def save(self, build: UpstreamBuild) -> None:
        """Raises: NotFoundError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamEnvironment:
    """What an environment is built with upstream, and since when."""

    id: EnvironmentId
    project_id: ProjectId
    parameters: str
    """What was last read there, as text."""
    changed_before: datetime | None = None
    """A build that was made later than this was made with these parameters, by the
    upstream's clock; None where they have been the same as long as they are known."""

    def has_built(self, created_at: datetime) -> bool:
        """Return whether a build of that time was made with these parameters."""
        return self.changed_before is None or created_at > self.changed_before


class UpstreamEnvironments(Protocol):
    """What environments are built with upstream."""

    async def find(self, environment: EnvironmentId) -> UpstreamEnvironment | None:
        """Return one; None when it was never read."""
        ...

    async def of_project(self, project: ProjectId) -> Sequence[UpstreamEnvironment]:
        """Return those of a project, in no order."""
        ...

    async def put(self, environment: UpstreamEnvironment) -> None:
        """Add one, or change it."""
        ...

    async def remove(self, environments: Iterable[EnvironmentId]) -> None:
        """Remove some; those that are not there are left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamToken:
    """What the upstream's identity provider gave last for a refresh token."""

    id: str
    """A digest of the refresh token of the settings."""
    refresh_token: Secret
    """What to get the next access token with."""
    access_token: Secret
    expires_at: datetime
    """When the access token is no longer used."""
    renewals: int
    """How often tokens were got; the greater one is the newer one."""
    renewed_at: datetime


class UpstreamTokens(Protocol):
    """Tokens that the processes of one database share; encrypted at rest."""

    async def find(self, id_: str) -> UpstreamToken | None:
        """Return one; None when it is not there.

        Raises:
            PermanentError: It was encrypted with another key.
        """
        ...

    async def put(self, token: UpstreamToken) -> None:
        """Add one, or replace it where it was renewed less often."""
        ...

    async def remove(self, *, before: datetime) -> None:
        """Remove those that were last renewed before a time."""
        ...
