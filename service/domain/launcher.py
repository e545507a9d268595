"""Session launchers and the environments they start from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NewType

from service.domain.build import BuildKey, EnvironmentId
from service.domain.source import SourceId

__all__ = ["Launcher", "LauncherId", "UpdatePolicy"]

LauncherId = NewType("LauncherId", str)


class UpdatePolicy(Enum):
    """What a launcher does when its environment changed."""

    AUTOMATIC = "automatic"
    """Build, then move."""
    NOTIFY = "notify"
    """Build and tell; a person moves it."""
    MANUAL = "manual"
    """Only a person's rebuild builds and moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """What people start sessions with."""

    id: LauncherId
    project_id: str
    name: str
    environment_id: EnvironmentId
    source_id: SourceId
    builder: str
    frontend: str
    platform: str
    policy: UpdatePolicy
    created_at: datetime
    description: str | None = None
    launcher_type: str = "interactive"
    resource_class_id: int | None = None
    disk_storage: int | None = None
    """GB."""
    env_variables: Mapping[str, str] | None = None
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    """Command and args survive every rebuild, so that dashboards stay rebuildable."""
    wanted_key: BuildKey | None = None
    """The image its definition asks for now; None until first evaluated."""
    wanted_generation: int = 0
    generation: int = 0
    """The generation of the image it starts from; only ever grows."""
    image: str | None = None
    """The image sessions start from: the last good one."""
    image_key: BuildKey | None = None
    available_generation: int = 0
    available_image: str | None = None
    """A newer good image that it was told of and did not move to."""
    available_key: BuildKey | None = None
