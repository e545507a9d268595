"""Session launchers and the environments they start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NewType

from service.domain.building.build import BuildKey, EnvironmentId
from service.domain.building.environment import USUAL, EnvironmentKind, SessionSettings
from service.domain.source import SourceId
from service.errors import InvalidRequestError

__all__ = [
    "FRONTENDS",
    "FRONTENDS_OF",
    "Launcher",
    "LauncherId",
    "RebuildSchedule",
    "UpdatePolicy",
    "check_frontend",
]

LauncherId = NewType("LauncherId", str)

_SHOWN: Final = 99
FRONTENDS: Final = ("vscodium", "jupyterlab", "ttyd", "rstudio", "infer", "none")
FRONTENDS_OF: Final = {
    "python": ("vscodium", "jupyterlab", "ttyd", "infer", "none"),
    "r": ("rstudio", "none"),
}
"""Renku's table of pairs:
https://github.com/SwissDataScienceCenter/renku-data-services"""


def check_frontend(builder: str, frontend: str) -> None:
    """Check that a builder and a frontend exist and go together, in Renku's words.

    Raises:
        InvalidRequestError: One does not exist, or the pair is not in Renku's table.
    """
    _check_value("builder_variant", builder, tuple(FRONTENDS_OF))
    _check_value("frontend_variant", frontend, FRONTENDS)
    if frontend not in FRONTENDS_OF.get(builder, ()):
        raise InvalidRequestError(
            f"Invalid combination: builder {builder!r} is not compatible with "
            f"frontend {frontend!r}"
        )


def _check_value(field: str, value: str, valid: Sequence[str]) -> None:
    if value not in valid:
        raise InvalidRequestError(
            f"Invalid value for the field {field!r}: {value[:_SHOWN]}: "
            f"Valid values are {list(valid)}"
        )


class UpdatePolicy(Enum):
    """What a launcher does when its environment changes."""

    AUTOMATIC = "automatic"
    """Build, then move."""
    NOTIFY = "notify"
    """Build and offer the image; a person moves the launcher."""
    MANUAL = "manual"
    """Only a rebuild that a person requests builds and moves."""


class RebuildSchedule(Enum):
    """How often an image is rebuilt although its definition did not change.

    For definitions that leave versions open: what they install changes with time.
    """

    NEVER = "never"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def interval(self) -> timedelta | None:
        """The maximum age of an image; None for no maximum."""
        match self:
            case RebuildSchedule.NEVER:
                return None
            case RebuildSchedule.WEEKLY:
                return timedelta(days=7)
            case RebuildSchedule.MONTHLY:
                return timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """A session launcher: what people start sessions from."""

    id: LauncherId
    project_id: str
    name: str
    environment_id: EnvironmentId
    source_id: SourceId | None
    """None unless its environment is built from code."""
    builder: str
    """Empty without a source, as frontend and platform are."""
    frontend: str
    platform: str
    kind: EnvironmentKind = EnvironmentKind.CODE
    global_environment_id: EnvironmentId | None = None
    """The environment of many that it takes; None unless `kind` says so."""
    repository: str | None = None
    """The repository's URL as a person wrote it; None in rows of versions that did
    not keep it, and without a source."""
    environment_name: str | None = None
    """None in rows of versions that did not keep it: the launcher's name."""
    environment_description: str | None = None
    settings: SessionSettings = USUAL
    is_archived: bool = False
    """Of its environment; Renku keeps it for environments of launchers too."""
    policy: UpdatePolicy
    schedule: RebuildSchedule = RebuildSchedule.NEVER
    created_at: datetime
    description: str | None = None
    launcher_type: str = "interactive"
    resource_class_id: int | None = None
    disk_storage: int | None = None
    """GB."""
    env_variables: Mapping[str, str] | None = None
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    """Command and args survive every rebuild, so that dashboards can be rebuilt too."""
    wanted_key: BuildKey | None = None
    """The build key of the definition at the head, with this launcher's build spec.
    None without a definition, and before the first evaluation."""
    wanted_generation: int = 0
    """The generation of the evaluation that set `wanted_key`."""
    wanted_builder: str | None = None
    """`builder_image` of the build spec; None before the first evaluation."""
    is_exact: bool = False
    """Whether the definition at the head leaves no version open."""
    pinned_at: datetime | None = None
    """When a person pinned it to its image; None while images may move it."""
    held_key: BuildKey | None = None
    """The wanted key that is not requested again before `held_until`."""
    held_until: datetime | None = None
    """None with a `held_key`: the build of that key failed for good."""
    generation: int = 0
    """The generation of `image`; it only grows."""
    image: str | None = None
    """The image that sessions start from: the last one that was built."""
    image_key: BuildKey | None = None
    available_generation: int = 0
    available_image: str | None = None
    """A newer image that was offered to the launcher, which has not moved to it."""
    available_key: BuildKey | None = None
    built_at: datetime | None = None
    """When the newest image that it has or is offered was built; None without one."""

    @property
    def tracked_source(self) -> SourceId:
        """The source of an environment from code.

        Raises:
            InvalidRequestError: Nothing is built for its environment.
        """
        if self.source_id is None:
            raise InvalidRequestError(
                f"Session environment with id '{self.environment_id}' has a ready "
                "image; only environments from code are built."
            )
        return self.source_id

    @property
    def is_automatic(self) -> bool:
        """Return whether anything is built for it without a person's request."""
        return self.policy is not UpdatePolicy.MANUAL and self.pinned_at is None

    @property
    def has_offer(self) -> bool:
        """Return whether the launcher has an offer of an image.

        Only an image of the current `wanted_key` is an offer, and only while the
        launcher does not start from it: a revert or another source ends older offers.
        A scheduled rebuild of the same key is another image, and so another offer.
        """
        return (
            self.available_image is not None
            and self.available_generation > self.generation
            # An offer of an older definition would move the launcher away from what is
            # at the head.
            and self.available_key == self.wanted_key
            and self.available_image != self.image
        )

    @property
    def is_served(self) -> bool:
        """Return whether it has, or is offered, an image of its wanted key."""
        is_offered = self.policy is UpdatePolicy.NOTIFY and self.has_offer
        return self.image_key == self.wanted_key or is_offered

    def hold(self, until: datetime | None) -> "Launcher":
        """Return the launcher with its wanted key held until then, or for good."""
        return replace(self, held_key=self.wanted_key, held_until=until)
