"""The port of an upstream Renku, in which launchers live."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.building.build import EnvironmentId
from service.domain.launcher import LauncherId
from service.domain.rights.caller import ProjectId
from service.domain.rights.project import Visibility
from service.errors import PermanentError

__all__ = ["UpstreamDirectory", "UpstreamLauncher", "UpstreamProject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamProject:
    """A project as the upstream Renku has it."""

    id: ProjectId
    name: str
    namespace: str
    slug: str
    visibility: Visibility
    repositories: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamLauncher:
    """A launcher whose environment the upstream Renku builds from code."""

    id: LauncherId
    project_id: ProjectId
    name: str
    environment_id: EnvironmentId
    image: str | None
    """What its sessions start from; None before its first build."""
    repository: str
    revision: str
    context_dir: str
    builder: str
    frontend: str
    platform: str
    description: str | None
    launcher_type: str
    resource_class_id: int | None
    created_at: datetime


class UpstreamDirectory(Protocol):
    """Lists what an upstream Renku has. It decides; we only mirror."""

    async def projects(
        self, *, failed: Callable[[PermanentError], None] | None = None
    ) -> Sequence[UpstreamProject]:
        """Return the configured projects.

        Args:
            failed: Called with the error of each that does not exist or may not be
                read; the others are returned then. Without it the first one raises.

        Raises:
            PermanentError: One does not exist, or may not be read; the message names
                the setting.
            TransientError: Renku does not answer.
        """
        ...

    async def launchers(self, project: ProjectId) -> Sequence[UpstreamLauncher]:
        """Return the launchers of a project that are built from code.

        Raises:
            PermanentError: They may not be read.
            TransientError: Renku does not answer.
        """
        ...

    async def newest_build(self, environment: EnvironmentId) -> datetime | None:
        """Return when the newest build of an environment was made.

        By the upstream's clock; None where it has none, or is gone.

        Raises:
            TransientError: Renku does not answer.
        """
        ...
