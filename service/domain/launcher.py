"""Session launchers and the environments they start from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    """The key of the definition at the head, built this launcher's way: a fact, and no
    memory of having asked. None while nothing is there or nobody looked."""
    wanted_generation: int = 0
    """Of the look that saw it last."""
    wanted_builder: str | None = None
    """What would build it: `builder_image` of the recipe; None until looked at."""
    held_key: BuildKey | None = None
    """The wanted key for which nobody needs to ask again until `held_until`."""
    held_until: datetime | None = None
    """None with a `held_key`: it failed for good."""
    generation: int = 0
    """The generation of the image it starts from; only ever grows."""
    image: str | None = None
    """The image sessions start from: the last good one."""
    image_key: BuildKey | None = None
    available_generation: int = 0
    available_image: str | None = None
    """A newer good image that it was told of and did not move to."""
    available_key: BuildKey | None = None

    @property
    def has_offer(self) -> bool:
        """Say whether an image waits to be taken.

        Only the image that the definition asks for now is an offer, and only when the
        launcher does not start from it already: a revert, or something else to
        follow, ends older offers.
        """
        return (
            self.available_image is not None
            and self.available_generation > self.generation
            and self.available_key == self.wanted_key != self.image_key
        )

    @property
    def is_served(self) -> bool:
        """Say whether it has, or is offered, the image that its definition asks for."""
        is_told = self.policy is UpdatePolicy.NOTIFY and self.has_offer
        return self.image_key == self.wanted_key or is_told

    def held(self, until: datetime | None) -> "Launcher":
        """Return it held back until then; for good with None."""
        return replace(self, held_key=self.wanted_key, held_until=until)
