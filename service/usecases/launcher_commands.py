"""Commands of users for launchers, and their effect on a launcher."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any, Final, Literal

from service.domain.building.build import EnvironmentId
from service.domain.building.environment import USUAL, SessionSettings
from service.domain.launcher import Launcher, RebuildSchedule, UpdatePolicy

__all__ = [
    "UNSET",
    "EnvironmentChange",
    "LauncherChange",
    "NewImage",
    "NewLauncher",
    "UseGlobal",
    "change_build_parameters",
    "change_settings",
    "is_built_differently",
]


class _Unset(Enum):
    UNSET = "unset"


Unset = Literal[_Unset.UNSET]
UNSET: Final = _Unset.UNSET
"""The value of a nullable field that is not changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImage:
    """An environment with a ready image, for one launcher."""

    name: str
    description: str | None = None
    image: str
    settings: SessionSettings = USUAL
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UseGlobal:
    """An environment that launchers share."""

    id: EnvironmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentChange:
    """What a person changes in the environment of a launcher, or in a global one.

    None leaves a field as it is.
    """

    id: EnvironmentId | None = None
    """A global environment to use."""
    kind: Literal["GLOBAL", "CUSTOM"] | None = None
    source: Literal["image", "build"] | None = None
    has_build_parameters: bool = False
    """Whether build parameters were given, if only to change none of them."""
    name: str | None = None
    description: str | None = None
    image: str | None = None
    settings: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    """Changed fields of `SessionSettings`; None resets one."""
    command: tuple[str, ...] | None = None
    """Empty resets it, as with `args`."""
    args: tuple[str, ...] | None = None
    is_archived: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLauncher:
    """The command to add a launcher."""

    name: str
    project_id: str
    environment: NewImage | UseGlobal | None = None
    """None: built from code, by what follows."""
    repository: str = ""
    """The repository's URL, not yet validated."""
    revision: str = ""
    context_dir: str = ""
    builder: str = ""
    frontend: str = ""
    platform: str = ""
    settings: SessionSettings = USUAL
    policy: UpdatePolicy = UpdatePolicy.AUTOMATIC
    schedule: RebuildSchedule = RebuildSchedule.NEVER
    launcher_type: str = "interactive"
    description: str | None = None
    resource_class_id: int | None = None
    disk_storage: int | None = None
    """GB."""
    env_variables: Mapping[str, str] | None = None
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    may_grant: bool = False
    """Whether whoever asks administers the installation: then the project is granted
    the repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LauncherChange:
    """The command to change a launcher.

    None and `UNSET` leave a field unchanged; None resets a field that may be None in a
    launcher. Empty texts and tuples reset a field, too.
    """

    environment: EnvironmentChange | None = None
    """What changes in its environment besides the build parameters that follow."""
    repository: str | None = None
    revision: str | None = None
    context_dir: str | None = None
    builder: str | None = None
    frontend: str | None = None
    platform: str | None = None
    name: str | None = None
    policy: UpdatePolicy | None = None
    schedule: RebuildSchedule | None = None
    description: str | Unset | None = UNSET
    resource_class_id: int | Unset | None = UNSET
    disk_storage: int | Unset | None = UNSET
    env_variables: Mapping[str, str] | Unset | None = UNSET
    may_grant: bool = False
    """As of a new launcher; only for a repository that is another one than before."""


_BUILD_PARAMETERS: Final = ("builder", "frontend", "platform")
_SETTINGS: Final = ("name", "policy", "schedule")
_NULLABLE: Final = tuple(
    each.name for each in fields(LauncherChange) if each.default is UNSET
)


def change_build_parameters(launcher: Launcher, change: LauncherChange) -> Launcher:
    """Return the launcher with its new build parameters."""
    return replace(launcher, **_collect_changes(change, _BUILD_PARAMETERS, unless=None))


def change_settings(launcher: Launcher, change: LauncherChange) -> Launcher:
    """Return the launcher with the changed settings that do not affect its image."""
    return replace(
        launcher,
        **_collect_changes(change, _SETTINGS, unless=None),
        **_collect_changes(change, _NULLABLE, unless=UNSET),
    )


def _collect_changes(
    change: LauncherChange, names: tuple[str, ...], *, unless: Unset | None
) -> dict[str, Any]:
    values = {name: getattr(change, name) for name in names}
    return {name: value for name, value in values.items() if value is not unless}


def is_built_differently(before: Launcher, after: Launcher) -> bool:
    """Return whether two states of a launcher need different images."""
    return (before.source_id, before.builder, before.frontend, before.platform) != (
        after.source_id,
        after.builder,
        after.frontend,
        after.platform,
    )
